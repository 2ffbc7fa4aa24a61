"""`oversight stop`: every message goes to a person, at once; through the admin port, or on this machine alone."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from oversight.cli.connection import open_admin
from oversight.cli.failures import CommandError
from oversight.cli.local_stop import engage_here, list_here, release_here
from oversight.cli.options import Admin, AsJson, Insecure, TimeoutS
from oversight.cli.output import console, print_json
from oversight.cli.stop_scope import notes_from_server, notes_of_folder
from oversight.errors import UsageError
from oversight_client import AdminClient, EngagedStop

__all__ = ["run"]

_WITHOUT_SERVER = "`oversight stop engage --data-dir DIR` needs neither server nor store"
_UNANSWERED = frozenset({"UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "INTERNAL", "UNKNOWN"})
"""Statuses behind which a call may have been carried out; with any other one the server says that it was not."""
_LONGEST = {"department": 64, "intent": 128, "justification": 2_000}


class Action(StrEnum):
    """What is to be done."""

    ENGAGE = "engage"
    RELEASE = "release"
    LIST = "list"


class _Asked(NamedTuple):
    department: str
    intent: str
    justification: str

    @property
    def scope(self) -> str:
        parts = [f"department {self.department}" if self.department else ""]
        return " and ".join(filter(None, [*parts, f"intent {self.intent}" if self.intent else ""])) or "everything"


def run(
    action: Annotated[Action, typer.Argument(help="`engage` a stop, `release` it, or `list` those engaged.")],
    department: Annotated[
        str, typer.Option("--department", metavar="TEXT", help="Only messages of this department.")
    ] = "",
    intent: Annotated[str, typer.Option("--intent", metavar="TEXT", help="Only messages with this intent.")] = "",
    justification: Annotated[
        str, typer.Option("--justification", "-m", metavar="TEXT", help="Why; it is kept for ever.")
    ] = "",
    admin: Admin = "127.0.0.1:50052",
    data_dir: Annotated[
        Path | None,
        typer.Option("--data-dir", metavar="DIR", help="On this machine alone, also without a server or its store."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before a release.")] = False,
    timeout_s: TimeoutS = 5.0,
    insecure: Insecure = False,
    as_json: AsJson = False,
) -> None:
    """
    Stop the AI: every message, or those of a department or an intent, is led by a person from now on.

    Without --data-dir the stop holds on every replica within a second. With it, it holds on the replica of that folder
    (LOCAL) and is put on record, for every replica, as soon as the store answers. Both survive restarts.
    """
    asked = _check(action, _Asked(department, intent, justification.strip()), yes=yes)
    if action is Action.RELEASE and not yes:
        _ask(asked, data_dir)
    if data_dir is not None:
        found = _here(action, asked, data_dir)
    else:
        found = _there(action, asked, admin, timeout_s, insecure=insecure)
    notes: Iterator[str] = iter(())
    if action is Action.ENGAGE and data_dir is not None:
        notes = notes_of_folder(department, data_dir)
    elif action is Action.ENGAGE:
        notes = notes_from_server(department, intent, admin=admin, timeout_s=timeout_s, insecure=insecure)
    if as_json:
        print_json({**found, **({"hints": hints} if (hints := list(notes)) else {})})
    else:
        _print(action, asked, found, console(), here=data_dir is not None)
        for note in notes:
            console().print(Text(note))


def _check(action: Action, asked: _Asked, *, yes: bool) -> _Asked:
    given = {"department": asked.department, "intent": asked.intent, "justification": asked.justification}
    unused = [f"--{name}" for name, text in (given | {"yes": yes}).items() if text]
    if action is Action.LIST and unused:
        raise UsageError(f"{', '.join(unused)}: `list` takes none of them; it shows every stop that is engaged")
    for name, text in given.items():
        if action is Action.ENGAGE and name != "justification" and text and not text.strip():
            raise UsageError(f"--{name} is blank: name one, or leave it out to stop every {name}")
        if len(text) > _LONGEST[name]:
            raise UsageError(f"--{name} has {len(text)} characters; at most {_LONGEST[name]} are kept")
    if action is not Action.LIST and not asked.justification.strip():
        raise UsageError("--justification (-m) is missing: say why; it is kept for ever")
    return asked


def _ask(asked: _Asked, data_dir: Path | None) -> None:
    if not sys.stdin.isatty():
        raise UsageError("--yes is needed where nobody can be asked: a release lets the AI act by itself again")
    where = "everywhere" if data_dir is None else "on this machine"
    if not typer.confirm(f"Release the stop of {asked.scope} {where}? The AI acts by itself again."):
        raise typer.Exit(1)


def _here(action: Action, asked: _Asked, data_dir: Path) -> dict[str, Any]:
    match action:
        case Action.ENGAGE:
            return engage_here(data_dir, asked.department, asked.intent, asked.justification)
        case Action.RELEASE:
            return release_here(data_dir, asked.department, asked.intent, asked.justification)
        case Action.LIST:
            return list_here(data_dir)


def _there(action: Action, asked: _Asked, admin: str, timeout_s: float, *, insecure: bool) -> dict[str, Any]:
    sent = False
    try:
        with open_admin(admin, timeout_s, insecure=insecure) as client:
            sent = True
            return _ask_server(action, asked, client)
    except CommandError as error:
        hint = _what_is_known(action, error.failure.code, sent=sent)
        if not hint:
            raise
        raise CommandError(replace(error.failure, message=f"{error.failure.message}\n{hint}")) from error


def _what_is_known(action: Action, code: str | None, *, sent: bool) -> str:
    """Return what came of a call that ended with *code*, and what to do; empty where the error says it."""
    if action is Action.LIST or code not in _UNANSWERED:
        return ""
    if action is Action.ENGAGE and not sent:
        return f"the stop is not engaged; {_WITHOUT_SERVER}"
    if action is Action.ENGAGE:
        return (
            "it is not known whether the stop is engaged: engage it again (twice does no harm), and look with "
            f"`oversight stop list`; {_WITHOUT_SERVER}"
        )
    if not sent:
        return "the stop is not released"
    return (
        "it is not known whether the stop is released: the AI may act by itself again; look with `oversight stop list` "
        "and engage the stop again if it must hold (twice does no harm)"
    )


def _ask_server(action: Action, asked: _Asked, client: AdminClient) -> dict[str, Any]:
    scope = {"department": asked.department, "intent": asked.intent}
    match action:
        case Action.ENGAGE:
            return {"state": "RECORDED", **_plain(client.engage_stop(**scope, justification=asked.justification))}
        case Action.RELEASE:
            revision = client.release_stop(**scope, justification=asked.justification)
            return {"state": "RECORDED", **scope, "revision": revision}
        case Action.LIST:
            return {"stops": [{"state": "RECORDED", **_plain(one)} for one in client.list_stops()]}


def _plain(stop: EngagedStop) -> dict[str, Any]:
    return {
        "department": stop.department,
        "intent": stop.intent,
        "author": stop.author,
        "at": stop.at.isoformat(),
        "justification": stop.justification,
        "revision": stop.revision,
    }


def _print(action: Action, asked: _Asked, found: dict[str, Any], console: Console, *, here: bool) -> None:
    if action is Action.LIST:
        none = "no stop is engaged" if here else "no stop is engaged on record; `oversight status` tells of LOCAL ones"
        console.print(_table(found["stops"]) if found["stops"] else none)
        return
    verb = "stopped" if action is Action.ENGAGE else "released"
    since = f", revision {found['revision']}" if "revision" in found else ""
    style = "bold red" if action is Action.ENGAGE else "bold green"
    console.print(Text.assemble((found["state"], style), f"  {asked.scope} is {verb}{since}"))
    if "note" in found:
        console.print(Text(found["note"]))


def _table(stops: list[dict[str, Any]]) -> Table:
    table = Table("State", "Stopped", "Since", "By", "Why")
    for one in stops:
        scope = _Asked(one["department"], one["intent"], "").scope
        table.add_row(*map(Text, (one["state"], scope, one["at"][:19] + "Z", one["author"], one["justification"])))
    return table
