"""`oversight store`: which layout the store has, the way from one to another, and whose history holds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from oversight.cli.options import AsJson, DataDir
from oversight.cli.output import console, error_console, print_json
from oversight.cli.server_settings import read_settings
from oversight.errors import UsageError
from oversight.settings import Settings

if TYPE_CHECKING:
    from oversight.app.last_control import LastControl
    from oversight.storage.database import Database

__all__ = ["run"]


_Result = TypeVar("_Result")


class Action(StrEnum):
    """What is to be done."""

    STATUS = "status"
    MIGRATE = "migrate"
    ACCEPT = "accept"


def run(
    action: Annotated[
        Action,
        typer.Argument(
            help="`status` shows the store's revision, `migrate` changes it; `accept` takes its history of thresholds "
            "and stops where another was in force here."
        ),
    ],
    data_dir: DataDir = None,
    store: Annotated[
        str | None, typer.Option("--store", metavar="URL", help="Database of the records; else OVERSIGHT_STORE.")
    ] = None,
    store_password_file: Annotated[
        Path | None, typer.Option("--store-password-file", metavar="FILE", help="File with its password.")
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="REVISION", help="Revision to migrate to; else the server's.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before `accept`.")] = False,
    as_json: AsJson = False,
) -> None:
    """
    Show the layout of the store, bring it to another version with all records, or accept another history.

    Stop servers of an older version before `migrate`. Exit code 1 where the revision is not the one that this server
    needs. `accept` is for a store that was restored from a backup or exchanged on purpose: stops and live values that
    it does not have are gone then.
    """
    given = {"data_dir": data_dir, "store": store, "store_password_file": store_password_file}
    settings = read_settings({name: value for name, value in given.items() if value is not None})
    if to is not None and action is not Action.MIGRATE:
        raise UsageError("--to belongs to `oversight store migrate`")
    if yes and action is not Action.ACCEPT:
        raise UsageError("--yes belongs to `oversight store accept`")
    match action:
        case Action.MIGRATE:
            _show(settings, _migrate(settings, to), as_json=as_json)
        case Action.ACCEPT:
            _accept(settings, yes=yes, as_json=as_json)
        case Action.STATUS:
            found = _read(settings)
            _show(settings, found, as_json=as_json)
            if found["revision"] != found["needed"]:
                raise typer.Exit(1)


def _read(settings: Settings) -> dict[str, Any]:
    # SQLAlchemy must not slow `--help`.
    from oversight.storage.migration import EMPTY, read_revision
    from oversight.storage.schema import REVISION

    # Of the two files of a data folder, the one that is behind tells; one that is not there yet tells nothing.
    revisions = [_done(database, read_revision) for database in _databases(settings, read_only=True)]
    return {"revision": min((one for one in revisions if one != EMPTY), default=EMPTY), "needed": REVISION}


def _migrate(settings: Settings, to: str | None) -> dict[str, Any]:
    from oversight.app.data_dir import make_private_folder
    from oversight.storage.migration import migrate
    from oversight.storage.schema import REVISION

    if not settings.store:
        make_private_folder(settings.data_dir)
    done = [_done(database, lambda one: migrate(one, to or REVISION)) for database in _databases(settings)]
    return {"revision": done[-1].after, "needed": REVISION, "before": done[-1].before}


def _accept(settings: Settings, *, yes: bool, as_json: bool) -> None:
    """Forget what was in force here last, so that the store's history holds."""
    from oversight.app.last_control import LastControlFile
    from oversight.app.store import open_control_store

    store = open_control_store(settings)
    try:
        events = store.events_after(0)
    finally:
        store.close()
    file = LastControlFile(settings.data_dir)
    last = file.read()
    needed = file.is_there() and (last is None or not last.is_in(events))
    if needed:
        if not yes:
            _ask(last, len(events))
        file.forget()
    found = {"accepted": needed, "revision": len(events), "revision_before": last.state.revision if last else None}
    if as_json:
        print_json(found)
    elif needed:
        console().print(f"the store's history holds here: revision {len(events)}")
    else:
        console().print(f"nothing to do: the store has the history that was in force here (revision {len(events)})")


def _ask(last: LastControl | None, revision: int) -> None:
    if not sys.stdin.isatty():
        raise UsageError("--yes is needed where nobody can be asked: stops and values that the store lacks are gone")
    here = "unreadable"
    if last is not None:
        state = last.state
        here = f"revision {state.revision} with {len(state.stops)} stop(s) and {len(state.values)} live value(s)"
    screen = error_console()
    screen.print(f"in force here: {here}; the store's newest revision: {revision}", markup=False)
    if not typer.confirm("Take the store's history? Stops and live values that it does not have are gone."):
        raise typer.Exit(1)


def _databases(settings: Settings, *, read_only: bool = False) -> list[Database]:
    """Return the store's databases, that of changes and stops first: it is the one that may refuse to be changed."""
    from oversight.app.store import open_control_database, open_store_database

    records = open_store_database(settings, read_only=read_only)
    return [records] if settings.store else [open_control_database(settings, read_only=read_only), records]


def _done(database: Database, work: Callable[[Database], _Result]) -> _Result:
    try:
        return work(database)
    finally:
        database.engine.dispose()


def _show(settings: Settings, found: dict[str, Any], *, as_json: bool) -> None:
    place = settings.store or str(settings.data_dir / "records.db")
    if as_json:
        print_json({"store": place, **found})
        return
    before = found.get("before")
    was = "" if before is None else " (nothing to do)" if before == found["revision"] else f" (was {before})"
    named = "none, the database is empty" if found["revision"] == "base" else found["revision"]
    screen = console()
    screen.print(f"store     {place}", markup=False)
    screen.print(f"revision  {named}{was}", markup=False)
    screen.print(f"needed    {found['needed']}", markup=False)
