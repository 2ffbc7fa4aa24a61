"""Brings a database from one layout to another, with Alembic; the steps are in `storage.migrations`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Connection, inspect

from oversight.errors import UsageError
from oversight.storage.database import MIGRATING, READING, Database, in_words
from oversight.storage.schema import REVISION, REVISIONS, check_schema, create_schema, find_revision, revision_table

if TYPE_CHECKING:
    from alembic.config import Config

__all__ = ["EMPTY", "Migrated", "migrate", "prepare_schema", "read_revision"]

EMPTY = "base"
"""The revision of a database without tables, as Alembic calls it."""


class Migrated(NamedTuple):
    """The revisions before and after; `EMPTY` where there were no tables, or are none now."""

    before: str
    after: str


def prepare_schema(database: Database, *, migrate: bool) -> None:
    """
    Make the tables in an empty database; bring older ones up to date if *migrate*.

    Raises `StoreVersionError` where the database has others than this server needs, and what its engine raises.
    """
    with database.engine.connect().execution_options(**{READING: True}) as connection, connection.begin():
        found = find_revision(connection)
        if found == REVISION:
            return
        if found is not None and not (migrate and found in REVISIONS):
            check_schema(connection)
    _bring(database, REVISION)


def migrate(database: Database, to: str = REVISION) -> Migrated:
    """
    Bring *database* to the revision *to*, up or down, with its records; all steps in one transaction, or none.

    Raises `UsageError` for a revision that is none, `StoreVersionError` for a database of an unknown one, and
    `StoreUnavailableError`. Others that do the same at the same time wait, and find it done.
    """
    if to not in REVISIONS:
        raise UsageError(f"there is no revision {to!r} of the store; known are {', '.join(REVISIONS)}")
    with in_words(database, "migrated"):
        return _bring(database, to)


def read_revision(database: Database) -> str:
    """
    Return the database's revision, also one that is unknown; `EMPTY` where there are no tables.

    Raises `StoreUnavailableError`, and `StoreVersionError` where it has none.
    """
    if not database.is_there():
        return EMPTY
    with (
        in_words(database, "read"),
        database.engine.connect().execution_options(**{READING: True}) as connection,
        connection.begin(),
    ):
        return find_revision(connection) or EMPTY


def _bring(database: Database, to: str) -> Migrated:
    with database.engine.connect().execution_options(**{MIGRATING: True}) as connection, connection.begin():
        database.lock_schema(connection)
        # Again: another server may have been quicker.
        before = find_revision(connection)
        if before is None and to == REVISION:
            create_schema(connection)
        elif before != to:
            if before is not None and before not in REVISIONS:
                check_schema(connection)
            _run_steps(connection, before, to)
        return Migrated(before or EMPTY, to)


def _run_steps(connection: Connection, before: str | None, to: str) -> None:
    # Only who migrates waits for this to load.
    from alembic import command

    config = _config(connection)
    if before is not None and not inspect(connection).has_table(revision_table.name):
        command.stamp(config, before)
    if before is None or before < to:
        command.upgrade(config, to)
    else:
        command.downgrade(config, to)


def _config(connection: Connection) -> Config:
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    # A percent sign would begin a reference to another option.
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config
