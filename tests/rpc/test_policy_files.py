"""ValidatePolicy on the admin port: files checked, whoever sends them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from oversight.v1 import policy_service_pb2 as pb
from policy_port import BROKEN, Port, opened
from refusals import refusal_of
from servers import POLICY


@pytest.fixture
def port(tmp_path: Path) -> Iterator[Port]:
    """An admin port over the small policy."""
    with opened(tmp_path) as port:
        yield port


def test_files_that_compile_have_the_digest_that_they_would_have(port: Port) -> None:
    """What is checked is what will be in force."""
    checked = port.validate({"contact_centre.yaml": POLICY.format(version="2")})
    before = port.folder.watch.state.digest

    assert (True, [], [("contact_centre", "2")]) == (
        checked.valid,
        list(checked.problems),
        [(one.name, one.version) for one in checked.policies],
    )
    assert before == port.folder.watch.state.digest, "nothing is published"
    assert checked.digest == port.publish("2")


def test_problems_have_file_line_column_and_what_was_meant(port: Port) -> None:
    """Editors jump there; authors see the word they mistyped."""
    checked = port.validate({"contact_centre.yaml": BROKEN})

    assert (False, "", []) == (checked.valid, checked.digest, list(checked.policies))
    [problem] = checked.problems
    assert ("contact_centre.yaml", 15, 12) == (problem.file, problem.line, problem.column)
    assert "unknown signal 'responce_confidence'" in problem.message
    assert ("response_confidence", pb.SEVERITY_ERROR) == (problem.suggestion, problem.severity)


def test_warnings_leave_the_files_valid(port: Port) -> None:
    """Their author should look; the server would take them."""
    checked = port.validate({"contact_centre.yaml": POLICY.format(version="2").partition("rules:")[0]})

    assert checked.valid
    assert {pb.SEVERITY_WARNING} == {one.severity for one in checked.problems}
    assert ["no rule or constraint uses", "the policy 'contact_centre' has no rules"] == sorted(
        one.message.partition(" the threshold")[0] for one in checked.problems
    )


def test_cases_are_read_too(port: Port) -> None:
    """A case that cannot be run would pass for one that passed."""
    files = {"contact_centre.yaml": POLICY.format(version="2"), "contact_centre_test.yaml": "polcy: contact_centre\n"}

    checked = port.validate(files)

    assert not checked.valid
    assert {"contact_centre_test.yaml"} == {one.file for one in checked.problems}


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "expected 1 to 1,000 files, got 0"),
        ({f"{number}.yaml": "" for number in range(1_001)}, "expected 1 to 1,000 files, got 1,001"),
        ({"/etc/passwd.yaml": ""}, "without hidden parts, got '/etc/passwd.yaml'"),
        ({"a/../../b.yaml": ""}, "without hidden parts"),
        ({".hidden.yaml": ""}, "without hidden parts"),
        ({"notes.txt": ""}, "ends in .yaml"),
        ({f"{'x' * 300}.yaml": ""}, "at most 255 printable characters"),
        ({"a\nb.yaml": ""}, "printable characters"),
    ],
    ids=["none", "many", "absolute", "upwards", "hidden", "other", "long", "control"],
)
def test_what_can_be_no_folder_is_refused(port: Port, files: dict[str, str], words: str) -> None:
    """A name is shown and compared with others; it never becomes a path."""
    refusal = refusal_of(lambda: port.validate(files))

    assert ("INVALID_ARGUMENT", "files") == (refusal.code.name, refusal.field)
    assert words in refusal.text


_LAUGHS = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}' if n else 'lol'] * 9)}]" for n in range(9))
_HOSTILE = {
    "aliases that explode": _LAUGHS,
    "deep": "[" * 100_000,
    "deep mappings": "{a: " * 100_000,
    "control characters": "policy: \x07\n",
    "a large file": "x" * (1024 * 1024 + 1),
    "many keys": "\n".join(f"k{number}: 1" for number in range(6_000)),
    "many problems": "policy: p\nrules:\n" + "  - id: 1\n" * 4_000,
    "one long line": "policy: " + "a" * 1_000_000,
    "surrogates": 'policy: "\\ud800"\n',
}


@pytest.mark.parametrize("text", _HOSTILE.values(), ids=_HOSTILE.keys())
def test_a_hostile_file_is_a_problem_and_nothing_more(port: Port, text: str) -> None:
    """Within the time of a call, and with a response that a client takes."""
    checked = port.validate({"contact_centre.yaml": text})

    assert not checked.valid
    assert 1 <= len(checked.problems) <= 1_000
    assert checked.problem_count >= len(checked.problems)
    assert checked.ByteSize() < 4 * 1024 * 1024


def test_a_large_set_is_checked_within_a_call(port: Port) -> None:
    """Thousands of rules are no attack, and must not look like one."""
    rule = "  - id: r{0}\n    when: {{intent: order_status, failed_turns: {{at_least: {0}}}}}\n"
    rule += "    tier: human_in_the_loop\n    reason: R\n    message: m\n"
    text = POLICY.format(version="1") + "".join(rule.format(number) for number in range(3_000))

    assert port.validate({"contact_centre.yaml": text}).valid
