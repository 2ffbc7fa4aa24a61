"""What goes to the terminal."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.live import Live
from rich.text import Text

from oversight.cli.failures import Failure, report
from oversight.cli.listing import Listing
from oversight.cli.output import Screen, console, error_console

NASTY = "refund\x1b[2J\x9b2J\a\rtax"


def screen(*, force_terminal: bool = False) -> Screen:
    """Return a screen that keeps what is shown."""
    return Screen(file=StringIO(), width=80, highlight=False, force_terminal=force_terminal)


def shown(of: Screen) -> str:
    """Return what *of* was told to show."""
    assert isinstance(of.file, StringIO)
    return of.file.getvalue()


def test_what_callers_sent_cannot_command_a_terminal() -> None:
    """Whoever may ask for decisions names the intent; the administrator's terminal must not do what it says."""
    found = screen()
    listing = Listing(["Intent"], ["Errors"])
    listing.add(NASTY, "3")
    listing.print(found)
    found.print(Text(NASTY))
    assert 2 == shown(found).count("refund\ufffd[2J\ufffd2J")
    assert not set("\x1b\x9b\a\r") & set(shown(found))


def test_our_own_colours_and_the_screen_of_a_watch_work_on() -> None:
    """They are commands, too, but ours."""
    found = screen(force_terminal=True)
    with Live(console=found, auto_refresh=False) as live:
        live.update(Text(f"a {NASTY}", style="red"), refresh=True)
    assert "\x1b[31ma refund\ufffd[2J" in shown(found)
    assert "\x1b[?25l" in shown(found), "the cursor is hidden while it is redrawn"


def test_markup_in_what_callers_sent_is_text() -> None:
    """A cell is never read for colours."""
    found = screen(force_terminal=True)
    listing = Listing(["Intent"])
    listing.add("[red]refund[/red]")
    listing.print(found)
    assert "[red]refund[/red]" in shown(found)


def test_every_command_has_such_a_screen() -> None:
    """On stdout and on stderr."""
    assert isinstance(console(), Screen)
    assert isinstance(error_console(), Screen)


def test_what_a_server_says_of_a_failure_cannot_either(capsys: pytest.CaptureFixture[str]) -> None:
    """Its words may quote what somebody sent; lines stay lines."""
    report(Failure("INVALID_POLICY", f"first: {NASTY}\nsecond"), as_json=False)
    assert "oversight: first: refund\ufffd[2J\ufffd2J\ufffd\ufffdtax\nsecond\n" == capsys.readouterr().err
