"""What is particular to PostgreSQL; everything else of the store is the same in any database."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import psycopg
from sqlalchemy import URL, Connection, Engine, ExceptionContext, Table, create_engine, event
from sqlalchemy.exc import DBAPIError

from oversight.storage.database import MIGRATING, READING, Limits
from oversight.storage.rows import Row

__all__ = ["PostgresqlDatabase"]

_APPLICATION = "oversight"
_LOCK_SHARE = 0.5
"""Of the time that a statement may take: a lock that does not come is said as such."""
_RECYCLE_S = 1_800
"""A connection is renewed after this time, so that a name that leads elsewhere by now is followed."""
_SCHEMA_LOCK = 0x6F766572_73696768
"""Of advisory locks, the one for changes of the schema: "oversigh" in ASCII."""
# Another writer came between: a key was taken, a deadlock was broken, or a transaction could not be serialised.
_REPEATABLE = frozenset({"23505", "40P01", "40001"})
# A primary that was demoted answers still, for ever, that it can only be read: another connection finds the new one.
_READ_ONLY = "25006"

_BEGIN = """
SELECT set_config('transaction_read_only', CASE WHEN %(reading)s THEN 'on' ELSE read_only END, true),
       set_config('statement_timeout', %(statement_ms)s, true),
       set_config('lock_timeout', %(lock_ms)s, true),
       set_config('idle_in_transaction_session_timeout', %(idle_ms)s, true),
       set_config('synchronous_commit', CASE durability WHEN 'off' THEN 'on' ELSE durability END, true)
  FROM current_setting('transaction_read_only') AS read_only, current_setting('synchronous_commit') AS durability
"""
"""
Said in each transaction and not once a connection: so it also holds behind a pool that hands connections around. A
commit that returned before it was durable would let a segment be removed on its word.
"""


class PostgresqlDatabase:
    """
    A `Database` on the server that *url* names; psycopg 3 reaches it.

    A connection is tried before it is used, so that a server that was restarted costs no transaction. One that reads
    only can change nothing. Whoever went away in the middle of a transaction holds others up no longer than a statement
    may take.
    """

    def __init__(self, url: URL, *, read_only: bool, limits: Limits) -> None:
        self._read_only = read_only
        self._statement_ms = max(1, round(limits.statement_timeout_s * 1000))
        # psycopg waits at least two seconds.
        wait_s = max(2, math.ceil(limits.connect_timeout_s))
        self._copies: dict[str, tuple[str, list[str]]] = {}
        self.engine: Engine = create_engine(
            url.set(drivername="postgresql+psycopg"),
            hide_parameters=True,
            pool_size=limits.pool_size,
            max_overflow=0,
            pool_timeout=wait_s,
            pool_pre_ping=True,
            pool_recycle=_RECYCLE_S,
            use_native_hstore=False,
            connect_args={
                "application_name": _APPLICATION,
                "connect_timeout": wait_s,
                # A server that vanished without a word is noticed by the kernel, not by a timeout of its own.
                "keepalives_idle": 10,
                "keepalives_interval": 5,
                "keepalives_count": 3,
                "tcp_user_timeout": self._statement_ms,
                # Statements prepared on one connection are not there on the next one of a pool in between.
                "prepare_threshold": None,
            },
        )
        event.listen(self.engine, "begin", self._begin)
        event.listen(self.engine, "handle_error", _forget_if_demoted)

    def is_there(self) -> bool:
        """Return True: only the server knows."""
        return True

    def insert(self, connection: Connection, table: Table, rows: Sequence[Row]) -> None:
        """Insert *rows* as `Database.insert` says, by binary COPY: ten times less work here than an INSERT."""
        statement, types = self._copies.get(table.name) or self._prepare_copy(table)
        driver: Any = connection.connection.driver_connection
        try:
            with driver.cursor() as cursor, cursor.copy(statement) as copy:
                copy.set_types(types)
                for row in rows:
                    copy.write_row(row)
        except psycopg.Error as error:
            if driver.closed or error.sqlstate == _READ_ONLY:
                connection.invalidate(error)
            raise _wrapped(self.engine, statement, error) from error

    def lock_schema(self, connection: Connection) -> None:
        """Take the lock that every server takes before it changes the schema."""
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_SCHEMA_LOCK})")

    def may_repeat(self, error: Exception) -> bool:
        """Tell whether a key was taken meanwhile, or two transactions waited for each other."""
        return getattr(getattr(error, "orig", None), "sqlstate", None) in _REPEATABLE

    def describe(self, error: Exception) -> str:
        """Return the server's first line, or the driver's words where none answered: details may hold values."""
        cause = getattr(error, "orig", None) or error
        said = cause.diag.message_primary if isinstance(cause, psycopg.Error) else None
        words = said or "; ".join(line.strip() for line in str(cause).splitlines() if line.strip())
        return f"{type(cause).__name__}: {words}"

    def _begin(self, connection: Connection) -> None:
        options = connection.get_execution_options()
        bounded_ms = 0 if options.get(MIGRATING, False) else self._statement_ms
        settings: dict[str, object] = {
            "reading": bool(self._read_only or options.get(READING, False)),
            "statement_ms": str(bounded_ms),
            "lock_ms": str(math.ceil(self._statement_ms * _LOCK_SHARE)),
            "idle_ms": str(bounded_ms),
        }
        connection.exec_driver_sql(_BEGIN, settings)

    def _prepare_copy(self, table: Table) -> tuple[str, list[str]]:
        preparer = self.engine.dialect.identifier_preparer
        columns = ", ".join(preparer.format_column(column) for column in table.c)
        statement = f"COPY {preparer.format_table(table)} ({columns}) FROM STDIN (FORMAT BINARY)"
        types = [column.type.compile(self.engine.dialect).lower() for column in table.c]
        self._copies[table.name] = statement, types
        return statement, types


def _forget_if_demoted(context: ExceptionContext) -> None:
    if getattr(context.original_exception, "sqlstate", None) == _READ_ONLY:
        context.is_disconnect = True


def _wrapped(engine: Engine, statement: str, error: psycopg.Error) -> Exception:
    """Return *error* as SQLAlchemy raises those of its own statements."""
    return DBAPIError.instance(statement, None, error, psycopg.Error, hide_parameters=True, dialect=engine.dialect)
