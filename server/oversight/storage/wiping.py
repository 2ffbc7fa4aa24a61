"""What a database keeps of what was deleted, removed as far as it can be."""

from __future__ import annotations

import subprocess
import sys

from sqlalchemy import Engine

from oversight.storage import sqlite_pages, tables
from oversight.storage.sqlite import database_file

__all__ = ["wipe_free_space"]


def wipe_free_space(engine: Engine) -> None:
    """
    Remove the copies of deleted personal parts that the database of *engine* keeps.

    SQLite: none is left in the file. PostgreSQL: VACUUM, after which no query and no index finds them; the bytes stay
    in the files until the space is used again (docs/data-protection.md). Raises OSError or SQLAlchemyError.
    """
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(f"VACUUM {tables.personal_parts.name}")
        return
    file = database_file(str(engine.url))
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", sqlite_pages.__name__, str(file)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise OSError(f"the free space of {file} cannot be wiped: {done.stderr.strip().rpartition(chr(10))[2]}")
