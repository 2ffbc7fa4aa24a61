"""`oversight token`, and what commands show a server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from oversight.access.identity import check_name
from oversight.cli.credentials import Credentials, read_credentials
from oversight.engine.control import SYSTEM
from oversight.errors import UsageError


def test_a_token_is_made_listed_and_revoked_without_a_server(run, tmp_path):
    """The secret is the only line on standard output, so that a script can take it; it is shown once."""
    made = run("token", "create", "gateway", "--role", "decide", "--expires-in", "90d", "--data-dir", str(tmp_path))
    [secret] = made.stdout.splitlines()
    listed = run("token", "list", "--data-dir", str(tmp_path))
    revoked = run("token", "revoke", "gateway", "--data-dir", str(tmp_path))
    rows = json.loads(run("token", "list", "--json", "--data-dir", str(tmp_path)).stdout)["tokens"]

    assert secret.startswith("ovs_")
    assert "it is shown this once" in made.stderr
    assert secret not in listed.stdout
    assert "of gateway is revoked" in revoked.stdout
    assert [("gateway", ["decide"], "revoked")] == [(row["name"], row["roles"], row["state"]) for row in rows]
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]


def test_tenants_are_shown_as_they_are(run, tmp_path):
    """What looks like markup is part of the name."""
    run("token", "create", "a", "--role", "read", "--tenant", "t[red]u", "--data-dir", str(tmp_path))
    assert "t[red]u" in run("token", "list", "--data-dir", str(tmp_path)).stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("create", "gateway"), "at least one role"),
        (("create", "gateway", "--role", "decides"), "got 'decides'"),
        (("create", "local", "--role", "decide"), "other than 'local' and 'system'"),
        (("create", "System", "--role", "admin"), "other than 'local' and 'system'"),
        (("create", "--role", "decide"), "needs a name"),
        (("create", "gateway", "--role", "decide", "--expires-in", "soon"), "such as 90d or 12h"),
        (("create", "gateway", "--role", "decide", "--tenant", "x" * 65), "--tenant"),
        (("list", "gateway"), "takes no name"),
        (("revoke", "gateway"), "there is no token 'gateway'"),
        (("revoke", "gateway", "--role", "decide"), "belong to `oversight token create`"),
    ],
)
def test_what_cannot_be_done_is_usage(run, tmp_path, words, said):
    """A token that could do something else than was meant would be worse than none."""
    result = run("token", *words, "--data-dir", str(tmp_path))
    assert 2 == result.exit_code
    assert said in result.stderr


@pytest.mark.parametrize("words", [("list",), ("revoke", "gateway")])
def test_a_folder_that_is_not_there_is_not_made_to_be_looked_at(run, tmp_path, words):
    """It is a slip of the pen."""
    result = run("token", *words, "--data-dir", tmp_path / "typo")
    assert (2, False) == (result.exit_code, (tmp_path / "typo").exists())
    assert "name the server's (--data-dir)" in result.stderr


def test_a_token_made_in_a_new_folder_says_that_no_server_may_know_it(run, tmp_path):
    """Before the first start that is right; with a slip of the pen it is not."""
    made = [run("token", "create", name, "--role", "read", "--data-dir", tmp_path / "new") for name in "ab"]
    assert [True, False] == ["was not there and is made" in one.stderr for one in made]


def test_the_name_of_what_the_service_does_by_itself_is_nobodys():
    """Its changes are on record as its own."""
    with pytest.raises(ValueError, match="other than"):
        check_name(SYSTEM)


def test_what_is_typed_wins_over_variables():
    """As with every other option."""
    variables = {"OVERSIGHT_TOKEN": "t", "OVERSIGHT_CA_FILE": "a", "OVERSIGHT_KEY_FILE": "k"}
    typed = {"token_file": Path("f"), "ca_file": Path("b"), "cert_file": Path("c")}
    assert Credentials("", Path("f"), Path("b"), Path("c"), Path("k")) == read_credentials(typed, variables)
    assert Credentials("t", None, Path("a"), None, Path("k")) == read_credentials({}, variables)


def test_credentials_that_do_not_fit_together_are_usage():
    """Which of two tokens is meant must not be guessed."""
    with pytest.raises(UsageError, match="expected one of them"):
        read_credentials({}, {"OVERSIGHT_TOKEN": "t", "OVERSIGHT_TOKEN_FILE": "f"})
    with pytest.raises(UsageError, match="expected both or neither"):
        _ = Credentials(cert_file=Path("c")).tls


@pytest.mark.parametrize("command", ["decide", "outcome", "replay", "load", "explain", "records"])
def test_every_command_that_calls_a_server_takes_credentials(run, command):
    """Whichever it is, a server that wants them gets them."""
    shown = run(command, "--help").stdout
    assert all(option in shown for option in ("--token-file", "--ca-file", "--cert-file", "--key-file"))
