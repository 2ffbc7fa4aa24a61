"""The command line as a whole: what it lists, how it ends, how fast it starts."""

import json
import subprocess
import sys
from importlib.metadata import version

import pytest
import typer

from oversight.cli.commands import COMMANDS
from oversight.cli.failures import CommandError, Failure, describe_failure
from oversight.errors import AddressError, InvalidPolicyError, InvalidRequestError, Problem, UsageError

# Not pydantic: typer itself reads the options of a command with it.
HEAVY = ("grpc", "google.protobuf", "sqlalchemy", "scipy", "ruamel", "opentelemetry", "oversight.settings")


def test_help_lists_every_command_with_a_summary(run):
    """Whoever types the bare name wants to know what there is."""
    shown = run("--help").stdout
    for name, summary in COMMANDS.items():
        assert f"{name}  " in shown
        assert summary in shown
    assert shown == run().stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there_and_explains_itself(run, name):
    """A name in the list whose module is missing would only show when it is needed."""
    result = run(name, "--help")
    assert 0 == result.exit_code
    assert f"Usage: oversight {name}" in result.stdout
    assert len(result.stdout.splitlines()) > 4


@pytest.mark.parametrize(
    "words", ["errors", "thresholds recommend", "thresholds set", "export decisions", "policy get", "stop engage"]
)
def test_every_command_that_calls_a_server_can_show_who_calls(run, words):
    """A server that asks for a token is asked with one, also by commands below another; twice is no difference."""
    for _ in range(2):
        assert 1 == run(*words.split(), "--help").stdout.count("--token-file")


@pytest.mark.parametrize("words", [("version",), ("--help",)])
def test_nothing_heavy_is_loaded_to_say_little(words):
    """Each of these costs a tenth of a second or more, on every start."""
    code = f"""
import sys
from oversight.cli import main
sys.argv = ["oversight", *{words!r}]
try:
    main()
finally:
    sys.stderr.write(repr([name for name in {HEAVY!r} if name in sys.modules]))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert "[]" == result.stderr
    assert "oversight" in result.stdout


def test_the_version_is_that_of_the_distribution(run):
    """The first thing a report of a fault must say."""
    assert version("oversightd") == json.loads(run("version", "--json").stdout)["version"]
    assert f"oversight {version('oversightd')} (Python" in run("version").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("decid",), "No such command 'decid'. Did you mean 'decide'?"),
        (("decide", "--intnt", "x"), "No such option: --intnt (did you mean --intent?)"),
        (("decide", "--customer-tier", "vpi"), "(did you mean 'vip'?)"),
        (("explain",), "Missing argument 'decision_id'"),
        (("replay", "x.jsonl", "--concurrency", "many"), "--concurrency"),
    ],
)
def test_a_typing_error_is_two_plain_lines_with_a_suggestion(run, words, said):
    """What was wrong, what was probably meant, where to read on; exit code 2."""
    result = run(*words)
    assert (2, "") == (result.exit_code, result.stdout)
    first, second = result.stderr.splitlines()
    assert first.startswith("oversight: ")
    assert said in first
    assert second.startswith("Try: oversight")


def test_with_json_an_error_is_an_object_too(run):
    """A script reads one stream and finds either the answer or the error."""
    result = run("decide", "--channel", "smoke", "--json")
    error = json.loads(result.stdout)["error"]
    assert ["reason", "message", "field", "code"] == list(error)
    assert "USAGE" == error["reason"]
    assert "'smoke' is not one of chat, email" in error["message"]
    assert "'smoke' is not one of chat, email" in result.stderr


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (CommandError(Failure("X", "words", code="NOT_FOUND")), Failure("X", "words", code="NOT_FOUND")),
        (UsageError("no such file"), Failure("USAGE", "no such file", exit_code=2)),
        (AddressError("the port is taken"), Failure("ADDRESS", "the port is taken")),
        (InvalidRequestError("intent", "too long"), Failure("INVALID_REQUEST", "intent: too long", field="intent")),
        (InvalidPolicyError([Problem("a.yaml", 2, 3, "bad")]), Failure("INVALID_POLICY", "a.yaml:2:3: bad")),
        (PermissionError(13, "Permission denied", "/x"), Failure("FILE", "/x: Permission denied")),
        (OSError("the disk is gone"), Failure("FILE", "the disk is gone")),
        (typer.BadParameter("nope"), Failure("USAGE", "Invalid value: nope", exit_code=2)),
        (KeyError("x"), Failure("INTERNAL", "internal error: KeyError: 'x'; please report it")),
    ],
)
def test_every_error_ends_in_words_and_never_in_a_traceback(error, failure):
    """Also one that nobody foresaw."""
    assert failure == describe_failure(error)


def test_an_unforeseen_error_names_its_line_of_code():
    """A report without it could not be acted on."""
    try:
        dict[str, str]()["missing"]
    except KeyError as error:
        failure = describe_failure(error)
    assert " at test_commands.py:" in failure.message
    assert 1 == failure.exit_code
