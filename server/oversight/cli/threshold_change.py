"""How `oversight thresholds` makes a change: it is shown, asked for, and made just as it was shown."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

import typer
from rich.text import Text

from oversight.cli.connection import describe_call
from oversight.cli.failures import CommandError
from oversight.cli.output import console, print_json
from oversight.cli.threshold_words import describe_update, effect_lines
from oversight.errors import UsageError
from oversight_client import CallError, DeadlineExceededError, ThresholdUpdate, value_to_dict

__all__ = ["Change", "Wish", "admitting_doubt", "check_wish", "make_change"]

Change = Callable[..., ThresholdUpdate]
"""Asks a server for a change; takes the terms that all changes have."""


class Wish(NamedTuple):
    """What was asked of the command, of which server; *approving* a proposal, whose author said why."""

    admin: str
    timeout_s: float
    justification: str
    yes: bool
    dry_run: bool
    as_json: bool
    approving: bool = False


def check_wish(wish: Wish) -> None:
    """Refuse what is missing before anything is asked of anybody."""
    if wish.dry_run:
        return
    if not wish.approving and not wish.justification.strip():
        raise UsageError("--justification (-m) is missing: say why; it is kept for ever")
    if not wish.yes and (wish.as_json or not sys.stdin.isatty()):
        raise UsageError("--yes is needed where nobody can be asked; --dry-run only shows what would change")


def make_change(change: Change, wish: Wish) -> None:
    """Show what *change* does, ask, and make it by the very values and rules that were looked at."""
    looked = change(validate_only=True)
    if not wish.as_json:
        describe_update(looked, console(), approving=wish.approving)
    if wish.dry_run:
        if wish.as_json:
            print_json(value_to_dict(looked))
        return
    if not wish.yes and not typer.confirm(_question(looked, wish)):
        raise typer.Exit(1)
    with admitting_doubt(wish):
        done = change(
            justification=wish.justification,
            expected_revision=looked.revision,
            expected_rules_digest=looked.rules_digest,
        )
    if wish.as_json:
        print_json({**value_to_dict(done), "preview": value_to_dict(looked)["preview"]})
    else:
        _tell(done)


@contextmanager
def admitting_doubt(wish: Wish) -> Iterator[None]:
    """
    Say of the one call that changes something that it is not known whether it did, where that is so.

    The service's own word for a failure (but for its fault INTERNAL) means that nothing was changed; no answer, or one
    that cannot be read, means nothing.
    """
    try:
        yield
    except CallError as error:
        if error.reason not in ("", "INTERNAL"):
            raise
        late = isinstance(error, DeadlineExceededError)
        waited = f": no answer from {wish.admin} within {wish.timeout_s:g} s (--timeout)" if late else ""
        message = (
            f"it is not known whether the change was made{waited}; look with `oversight thresholds history` before you "
            f"try again\n{error}"
        )
        failure = describe_call(error, wish.admin, wish.timeout_s, "--admin")
        raise CommandError(replace(failure, message=message)) from error


def _question(looked: ThresholdUpdate, wish: Wish) -> str:
    if wish.approving:
        return "Put this in force?"
    return "Propose this to a second person?" if looked.needs_approval else "Do it?"


def _tell(done: ThresholdUpdate) -> None:
    """Print what became of a change, and what it did or would do."""
    before = ""
    if done.status == "PENDING":
        before = "once approved: "
        lapses = "" if done.lapses_at is None else f" until {done.lapses_at:%Y-%m-%d %H:%M} UTC"
        console().print(f"waits for a second person{lapses}: oversight thresholds approve {done.revision}")
    else:
        console().print(f"in force from revision {done.revision}")
    for line in effect_lines(done):
        console().print(Text(before + line))
