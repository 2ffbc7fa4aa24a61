"""Which layout a database has, and whether this server knows it; how one becomes another is in `storage.migration`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Connection, MetaData, String, Table, insert, inspect, select

from oversight.errors import StoreVersionError
from oversight.storage.tables import schema_version
from oversight.storage.warning_tables import metadata

__all__ = ["REVISION", "REVISIONS", "check_schema", "create_schema", "find_revision", "revision_table"]

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008")
"""Every layout there has been, oldest first."""

REVISION = REVISIONS[-1]
"""The layout that this server reads and writes."""

_VERSIONS = {"0001": 2, "0002": 3, "0003": 4, "0004": 5, "0005": 6, "0006": 7, "0007": 8, "0008": 9}
"""What servers before there were revisions look at, by revision: they must refuse what they do not know."""

# Alembic's own; apart, because our tables are compared with a database's without it.
revision_table = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))
"""One row: the revision of this database."""


def find_revision(connection: Connection) -> str | None:
    """
    Return the revision of the database, None where it is empty.

    One that was made before there were revisions has the first. Raises `StoreVersionError` where there is none at all.
    """
    # In this order: another server may make both tables between the two looks, and the second one finds its revision.
    versions = _read(connection, schema_version.c.version)
    found = _read(connection, revision_table.c.version_num)
    if found:
        return ", ".join(found)
    if versions is None:
        return None
    if versions != [_VERSIONS[REVISIONS[0]]]:
        raise StoreVersionError(
            f"the database has schema version {', '.join(map(str, versions)) or 'none'} and no revision, this server "
            f"needs revision {REVISION}: start the version of the server that wrote it, or give another store"
        )
    return REVISIONS[0]


def _read(connection: Connection, column: Column[Any]) -> list[Any] | None:
    """Return the values of *column*, None where there is no such table."""
    if not inspect(connection).has_table(column.table.name):
        return None
    return list(connection.execute(select(column)).scalars())


def check_schema(connection: Connection) -> bool:
    """Return True for the layout that this server needs, False for an empty database; else `StoreVersionError`."""
    found = find_revision(connection)
    if found is None:
        return False
    if found == REVISION:
        return True
    if found in REVISIONS:
        raise StoreVersionError(
            f"the database has revision {found}, this server needs {REVISION}: run `oversight store migrate` with the "
            "settings of this server, or start it with --migrate (OVERSIGHT_MIGRATE=true)",
            found=found,
            needed=REVISION,
        )
    raise StoreVersionError(
        f"the database has revision {found}, which this server does not know; it needs {REVISION}: start the version "
        "of the server that migrated the database, or have that one run `oversight store migrate --to "
        f"{REVISION}`, or give another store",
        found=found,
        needed=REVISION,
    )


def create_schema(connection: Connection) -> None:
    """Make the tables of `REVISION` in an empty database; a table of ours that is there already is an error."""
    metadata.create_all(connection, checkfirst=False)
    connection.execute(insert(schema_version).values(version=_VERSIONS[REVISION]))
    revision_table.create(connection, checkfirst=True)
    connection.execute(insert(revision_table).values(version_num=REVISION))
