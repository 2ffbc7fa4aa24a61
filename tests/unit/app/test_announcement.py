"""The first words of a server."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

from authority import jwt_settings
from oversight.access.identity import Identity, Role
from oversight.access.tokens import KnownToken, TokenBook
from oversight.app.announcement import announce
from oversight.app.reports import ControllerReport
from oversight.settings import Settings

CONTROLLER = ControllerReport(1, 2, 3, "d" * 64, "c" * 40, 4, 5, 6)


def test_with_defaults_the_commands_are_the_shortest() -> None:
    """They are what a newcomer types first."""
    lines = announce(Settings(), 1, CONTROLLER).splitlines()

    assert "Oversight serves decisions on 127.0.0.1:50051 with 1 worker." == lines[0]
    assert f"  policy  the default policy of the package (digest {'d' * 12}, commit {'c' * 12})" == lines[1]
    assert f"  data    {Path('.oversight').resolve()}" == lines[2]
    assert "  oversight decide --intent order_status --response-confidence 0.97 --sentiment-score 0.3" in lines
    assert "  admin   127.0.0.1:50052" in lines
    assert "  oversight records --limit 5" in lines
    assert "  oversight status" in lines
    assert (
        "  access  everybody on this machine, without credentials, until there is a token: oversight token create"
        in (lines)
    )


def test_rules_that_are_not_committed_are_said_to_be(tmp_path: Path) -> None:
    """Else a commit would be blamed for what is not in it."""
    report = ControllerReport(1, 2, 3, "d" * 64, f"{'c' * 40}-dirty", 4, 5, 6)

    assert f"commit {'c' * 12}-dirty)" in announce(Settings(), 1, report)


def test_commands_name_what_is_not_the_default(tmp_path: Path) -> None:
    """A command that is copied must reach this server."""
    settings = Settings(
        listen="127.0.0.1:41000", admin_listen="127.0.0.1:41001", data_dir=tmp_path, policy=tmp_path / "rules"
    )

    said = announce(settings, 3, None)

    assert "with 3 workers." in said
    assert f"  policy  {tmp_path / 'rules'}\n" in said
    assert "--sentiment-score 0.3 --target 127.0.0.1:41000\n" in said
    assert "  oversight records --limit 5 --admin 127.0.0.1:41001\n" in said
    assert f"  oversight status --data-dir {tmp_path}\n" in said


def test_a_simulated_clock_is_announced(tmp_path: Path) -> None:
    """Whoever takes its times for real ones was told."""
    said = announce(Settings(simulated_clock=tmp_path / "clock"), 1, CONTROLLER)

    assert f"  clock   SIMULATED: all time is read from {tmp_path / 'clock'}\n" in said
    assert "SIMULATED" not in announce(Settings(), 1, CONTROLLER)


def test_last_good_rules_are_announced_as_such() -> None:
    """Silence would be taken for success."""
    report = ControllerReport(1, 2, 3, "d" * 64, "", 4, 5, 6, last_good=True)

    assert "the last good ones decide" in announce(Settings(), 1, report)
    assert "the last good ones decide" not in announce(Settings(), 1, CONTROLLER)


def test_one_on_standby_is_said() -> None:
    """Who set one worker and sees two processes must not wonder."""
    first = announce(Settings(), 1, CONTROLLER, standby=True).splitlines()[0]

    assert "Oversight serves decisions on 127.0.0.1:50051 with 1 worker and one on standby." == first


def test_where_credentials_are_needed_and_nobody_has_any_the_first_command_makes_a_token(tmp_path: Path) -> None:
    """Else the commands below would fail for a reason that a newcomer has to look for."""
    lines = announce(Settings(authentication="required", data_dir=tmp_path), 1, CONTROLLER).splitlines()

    assert "  access  every call needs credentials" in lines
    begin = lines.index("Begin with a token, in another shell; it is shown once:")
    command = "  oversight token create me --role decide --role record --role read"
    assert f"{command} --data-dir {tmp_path}" == lines[begin + 1]
    assert "Try, in another shell, with a token in OVERSIGHT_TOKEN:" == lines[begin + 2]
    store = "postgresql://oversight@db.example/records"
    assert f"{command} --store {store}" in announce(Settings(authentication="required", store=store), 1, CONTROLLER)


def test_while_the_store_has_not_answered_nobody_is_said_to_be_free_to_call() -> None:
    """It may have tokens; and to make one now would fail."""
    said = announce(Settings(), 1, CONTROLLER, tokens=None)

    assert "  access  every call needs credentials: the store has not said yet whether there are tokens\n" in said
    assert "token create" not in said
    assert "Try, in another shell, with a token in OVERSIGHT_TOKEN:" in said


def test_commands_are_quoted_for_the_shell(tmp_path: Path) -> None:
    """A folder with a space is two words else, and what stands behind an ampersand is not part of the address."""
    folder, store = (
        tmp_path / "my data",
        "postgresql+psycopg://me@db/records?sslmode=require&target_session_attrs=read-write",
    )
    said = announce(Settings(authentication="required", data_dir=folder, store=store), 1, CONTROLLER)
    (made,) = [line for line in said.splitlines() if "token create" in line]
    (status,) = [line for line in said.splitlines() if "oversight status" in line]

    assert ["--data-dir", str(folder), "--store", store] == shlex.split(made)[-4:]
    assert ["oversight", "status", "--data-dir", str(folder)] == shlex.split(status)


@pytest.mark.parametrize(
    ("settings", "tokens"),
    [
        ({}, TokenBook([KnownToken(b"d" * 32, Identity("gateway", frozenset({Role.DECIDE})), None)], any_made=True)),
        (jwt_settings("keys.json"), TokenBook()),
    ],
)
def test_where_callers_have_credentials_nobody_is_told_to_begin(settings: dict[str, Any], tokens: TokenBook) -> None:
    """Another token for nobody is another secret that can leak."""
    said = announce(Settings(**settings), 1, CONTROLLER, tokens=tokens)

    assert "every call needs credentials" in said
    assert "with a token in OVERSIGHT_TOKEN" in said
    assert "token create" not in said


def test_an_open_server_beyond_loopback_says_who_may_call() -> None:
    """`--insecure` is a decision that must be seen at every start."""
    said = announce(Settings(listen="0.0.0.0:50051", insecure=True), 1, CONTROLLER)

    assert "everybody who reaches these addresses, without credentials" in said
