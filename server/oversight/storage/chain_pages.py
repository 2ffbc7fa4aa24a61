"""Reading chains page by page, each page in a short transaction of its own: the drain goes on between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, Select, Table, func, literal_column, select
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.types import Boolean

from oversight.storage import tables
from oversight.storage.checkpoints import Checkpoint
from oversight.storage.database import READING
from oversight.storage.failures import store_unavailable
from oversight.storage.schema import check_schema

__all__ = ["CHAINS", "RECORD_CHAINS", "ChainPages", "Page", "PersonalPart", "Stray", "distinct_writers", "number_place"]

RECORD_CHAINS: tuple[Table, ...] = (tables.decisions, tables.outcomes)
"""The tables of records; they are kept for a time."""

CHAINS: tuple[Table, ...] = (*RECORD_CHAINS, tables.control_events)
"""The tables whose rows are chained; a chain is named after its table."""

_parts = tables.personal_parts
_heads = tables.chain_heads
_checkpoints = tables.retention_checkpoints


class PersonalPart(NamedTuple):
    """A row of `personal_parts`; whoever altered it may have left any type of value."""

    chain_seq: int
    tenant_id: Any
    subject_ref: Any
    conversation_id: Any
    salt: Any
    part: Any


class Stray(NamedTuple):
    """How many rows stand where none should, and the numbers of the first and the last of them."""

    rows: int = 0
    first: int = 0
    last: int = 0


class Page(NamedTuple):
    """
    Rows of one chain in the order of their numbers, and what belongs to them at the same moment.

    `rows` have their values in the order of the table's columns, but `chain_hash` last; none is in front of the last of
    the `checkpoints`. `parts` are the personal parts up to the last row, by number. `full`: there may be more. On the
    first page `kept_rows` and `kept_parts` are what retention says it removed; on the last one `stray_parts` are those
    behind the last row.
    """

    rows: list[list[Any]]
    parts: dict[int, PersonalPart]
    head: tuple[int, str] | None
    checkpoints: list[Checkpoint]
    full: bool
    kept_rows: Stray = Stray()
    kept_parts: Stray = Stray()
    stray_parts: Stray = Stray()


def _booleans(table: Table) -> tuple[int, ...]:
    """Return the places of the columns whose values SQLite gives back as numbers."""
    return tuple(place for place, column in enumerate(table.c) if isinstance(column.type, Boolean))


_AS_BOOLEAN = {0: False, 1: True}


class ChainPages:
    """Reads the chains in the database of *engine*, *page_rows* at a time; raises `StoreUnavailableError`."""

    def __init__(self, engine: Engine, *, page_rows: int = 1_000) -> None:
        self._engine = engine
        self._page_rows = page_rows
        self._sqlite = engine.dialect.name == "sqlite"
        self._rows = {table.name: _untyped(table) for table in CHAINS}

    def has_tables(self) -> bool:
        """Return whether there is anything to read; raises `StoreVersionError` too."""
        with self._reading() as connection:
            return check_schema(connection)

    def writers(self, chain: Table) -> list[str]:
        """Return the writers that have left anything of *chain*."""
        places = [chain, _parts] if chain is tables.decisions else [chain]
        with self._reading() as connection:
            found = {one for table in places for one in distinct_writers(connection, table)}
            for noted in (_heads, _checkpoints):
                found.update(connection.scalars(select(noted.c.writer).where(noted.c.chain == chain.name)))
        return sorted(found)

    def heads(self) -> dict[tuple[str, str], int]:
        """Return the number of the last record by chain and writer, as the chains' heads have it."""
        with self._reading() as connection:
            rows = connection.execute(select(_heads.c.chain, _heads.c.writer, _heads.c.chain_seq))
            return {(chain, writer): number for chain, writer, number in rows}

    def read(self, chain: Table, writer: str, after: int) -> Page:
        """Return the page of *writer*'s *chain* behind the number *after*."""
        try:
            return self._read(chain, writer, after, _as_they_are)
        except OperationalError:
            if not self._sqlite:
                raise
            # A text that is no UTF-8 was put there by hand; it must be named, not keep us from the others.
            return self._read(chain, writer, after, _whatever_they_are)

    def _read(self, chain: Table, writer: str, after: int, prepare: Callable[[Any], None]) -> Page:
        with self._reading() as connection:
            if self._sqlite:
                prepare(connection.connection.driver_connection)
            noted = self._checkpoints(connection, chain, writer)
            start = max(after, *(one.chain_seq for one in noted)) if noted else after
            rows = self._rows_behind(connection, chain, writer, start)
            page = Page(rows, {}, self._head(connection, chain, writer), noted, len(rows) == self._page_rows)
            end = rows[-1][number_place(chain)] if rows else start
            if not after and start:
                page = page._replace(kept_rows=_stray(connection, chain, writer, chain.c.chain_seq <= start))
            if chain is tables.decisions:
                page = page._replace(parts=_parts_between(connection, writer, start, end))
                if not after and start:
                    page = page._replace(kept_parts=_stray(connection, _parts, writer, _parts.c.chain_seq <= start))
                if not page.full:
                    page = page._replace(stray_parts=_stray(connection, _parts, writer, _parts.c.chain_seq > end))
        return page

    def _rows_behind(self, connection: Connection, chain: Table, writer: str, start: int) -> list[list[Any]]:
        statement = self._rows[chain.name].where(chain.c.writer == writer, chain.c.chain_seq > start)
        rows = [
            list(row) for row in connection.execute(statement.order_by(chain.c.chain_seq).limit(self._page_rows)).all()
        ]
        if self._sqlite:
            places = _booleans(chain)
            for row in rows:
                for place in places:
                    # What is neither stays as it is, and makes another hash.
                    row[place] = _AS_BOOLEAN.get(row[place], row[place])
        return rows

    def _head(self, connection: Connection, chain: Table, writer: str) -> tuple[int, str] | None:
        row = connection.execute(
            select(_heads.c.chain_seq, _heads.c.chain_hash).where(
                _heads.c.writer == writer, _heads.c.chain == chain.name
            )
        ).one_or_none()
        return None if row is None else (row.chain_seq, row.chain_hash)

    def _checkpoints(self, connection: Connection, chain: Table, writer: str) -> list[Checkpoint]:
        mine = (_checkpoints.c.writer == writer) & (_checkpoints.c.chain == chain.name)
        rows = connection.execute(select(_checkpoints).where(mine).order_by(_checkpoints.c.chain_seq))
        return [Checkpoint(*row) for row in rows]

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        # One moment for all that a page consists of; SQLite's transactions are like that anyway.
        options: dict[str, Any] = {} if self._sqlite else {"isolation_level": "REPEATABLE READ"}
        try:
            with self._engine.connect().execution_options(**{READING: True}, **options) as connection:
                yield connection
        except OperationalError as error:
            if "decode to UTF-8" in str(error.orig):
                raise
            raise store_unavailable("read", error) from error
        except (SQLAlchemyError, OSError) as error:
            raise store_unavailable("read", error) from error


def number_place(chain: Table) -> int:
    """Return where a row of *chain* has its number."""
    return chain.c.keys().index("chain_seq")


def _untyped(table: Table) -> Select[Any]:
    # What is hashed are the driver's own values, and handling each by its type costs more than the hash.
    names = [name for name in table.c.keys() if name != "chain_hash"]  # noqa: SIM118 - no dict
    columns: list[ColumnElement[Any]] = [literal_column(name) for name in (*names, "chain_hash")]
    return select(*columns).select_from(table)


def distinct_writers(connection: Connection, table: Table) -> Iterator[str]:
    """Yield the writers by one look into the index for each; DISTINCT would read all of it."""
    writer = connection.scalar(select(func.min(table.c.writer)))
    while writer is not None:
        yield writer
        writer = connection.scalar(select(func.min(table.c.writer)).where(table.c.writer > writer))


def _parts_between(connection: Connection, writer: str, after: int, end: int) -> dict[int, PersonalPart]:
    columns: list[ColumnElement[Any]] = [literal_column(name) for name in PersonalPart._fields]
    number = _parts.c.chain_seq
    statement = select(*columns).select_from(_parts).where(_parts.c.writer == writer, number > after, number <= end)
    return {row[0]: PersonalPart(*row) for row in connection.execute(statement).all()}


def _stray(connection: Connection, table: Table, writer: str, where: ColumnElement[bool]) -> Stray:
    number = table.c.chain_seq
    statement = select(func.count(), func.min(number), func.max(number)).where(table.c.writer == writer, where)
    count, first, last = connection.execute(statement).one()
    return Stray(count, first or 0, last or 0)


def _as_they_are(connection: Any) -> None:
    connection.text_factory = str


def _whatever_they_are(connection: Any) -> None:
    connection.text_factory = lambda value: value.decode("utf-8", "surrogateescape")
