"""Decisions listed newest first, a page at a time; every page is found by an index and looks at a bounded number."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    FromClause,
    Row,
    Select,
    Table,
    and_,
    bindparam,
    func,
    or_,
    select,
)

from oversight.storage.records import PageKey, RecordFilter, RecordPage, StoredDecision
from oversight.storage.rows import decision_from_rows
from oversight.storage.tables import decisions, outcomes, personal_parts

__all__ = ["SqlListing", "person_statement", "walk_statements"]

_SCANNED = 10_000
"""Records that one page looks at, at most: about 50 ms, for which a reader of SQLite may hold the drain up."""
_FIRST_PORTION = 1_000
_KEYS_A_LOOK = 1_000


class SqlListing:
    """
    A `RecordLister` over an SQL database.

    *reading* gives a connection for one read, None where there is no database yet. A page looks at *scanned* records
    at most.
    """

    def __init__(
        self, reading: Callable[[], AbstractContextManager[Connection | None]], *, scanned: int = _SCANNED
    ) -> None:
        self._reading = reading
        self._scanned = scanned

    def list_decisions(self, wanted: RecordFilter, limit: int, after: PageKey | None) -> RecordPage:
        """Return at most *limit* decisions behind *after*; see `RecordLister.list_decisions`."""
        with self._reading() as connection:
            if connection is None:
                return RecordPage((), None)
            keys, following = self._find(connection, wanted, limit, after)
            found = _read(connection, [key.decision_id for key in keys])
        # One that retention removed between the look-ups is gone, as it would be a moment later.
        return RecordPage(tuple(found[key.decision_id] for key in keys if key.decision_id in found), following)

    def find_decisions(self, ids: Sequence[str]) -> dict[str, StoredDecision]:
        """Return the decisions with these *ids* and their outcomes, by id; see `RecordFinder`."""
        with self._reading() as connection:
            return {} if connection is None else _read(connection, ids)

    def _find(
        self, connection: Connection, wanted: RecordFilter, limit: int, after: PageKey | None
    ) -> tuple[list[PageKey], PageKey | None]:
        if not _person(wanted) or self._are_many(connection, wanted):
            return self._walk(connection, wanted, limit, after)
        keys = _keys(connection, person_statement(wanted, limit, after))
        return (keys[:limit], keys[limit - 1]) if len(keys) > limit else (keys, None)

    def _walk(
        self, connection: Connection, wanted: RecordFilter, limit: int, after: PageKey | None
    ) -> tuple[list[PageKey], PageKey | None]:
        """Look at records by time, in portions that grow, until the page is full or enough were looked at."""
        keys: list[PageKey] = []
        left = self._scanned
        portion = limit + 1 if _takes_all(wanted) else max(limit + 1, _FIRST_PORTION)
        while True:
            portion = min(portion, left)
            page, last = walk_statements(wanted, limit - len(keys), after, portion)
            keys += _keys(connection, page)
            if len(keys) > limit:
                return keys[:limit], keys[limit - 1]
            end = connection.execute(last).one_or_none()
            if end is None:
                return keys, None
            after = PageKey(*end)
            left -= portion
            if not left:
                return keys, after
            portion *= 4

    def _are_many(self, connection: Connection, wanted: RecordFilter) -> bool:
        """Tell whether the person or conversation has more records than a page may look at."""
        some = select(personal_parts.c.chain_seq).where(*_person(wanted)).limit(self._scanned + 1)
        return connection.execute(select(func.count()).select_from(some.subquery())).scalar_one() > self._scanned


def _keys(connection: Connection, statement: Select[Any]) -> list[PageKey]:
    return [PageKey(*row) for row in connection.execute(statement)]


def person_statement(wanted: RecordFilter, limit: int, after: PageKey | None) -> Select[Any]:
    """Return what finds the next keys, one more than *limit* where there are, by conversation or customer."""
    found = select(*_KEY).join(personal_parts, _part_of(decisions))
    found = found.where(*_person(wanted), *_place(wanted, after), *_rest(wanted, decisions))
    return found.order_by(*_ORDER).limit(limit + 1)


def walk_statements(
    wanted: RecordFilter, limit: int, after: PageKey | None, portion: int
) -> tuple[Select[Any], Select[Any]]:
    """
    Return what finds the next keys among *portion* records by time (and tier), one more than *limit* where there are.

    The second statement finds the last of the *portion*; nothing where there were fewer.
    """
    place = _place(wanted, after)
    names = (*_COLUMNS, *(column.name for column in _KEY), "writer", "chain_seq")
    part = select(*(decisions.c[name] for name in names)).where(*place).order_by(*_ORDER).limit(portion)
    walked = part.subquery("walked")
    key = [walked.c[column.name] for column in _KEY]
    found = select(*key).where(*_rest(wanted, walked))
    if person := _person(wanted):
        found = found.join(personal_parts, _part_of(walked)).where(*person)
    last = select(*_KEY).where(*place).order_by(*_ORDER).limit(1).offset(portion - 1)
    return found.order_by(*(column.desc() for column in key)).limit(limit + 1), last


_KEY = (decisions.c.decided_at_us, decisions.c.decision_id)
_ORDER = tuple(column.desc() for column in _KEY)
_COLUMNS = ("tenant_id", "department", "intent", "policy_digest", "evaluation")
_PERSONAL = ("conversation_id", "subject_ref")
_END_OF_TIME_US = 2**63 - 1


def _takes_all(wanted: RecordFilter) -> bool:
    """Tell whether every record in the index's range is wanted."""
    return all(getattr(wanted, name) is None for name in (*_COLUMNS, *_PERSONAL))


def _part_of(source: FromClause) -> ColumnElement[bool]:
    return and_(personal_parts.c.writer == source.c.writer, personal_parts.c.chain_seq == source.c.chain_seq)


def _person(wanted: RecordFilter) -> list[ColumnElement[bool]]:
    """Return the conditions on personal parts, by which records of one person or conversation are found."""
    parts = personal_parts.c
    return [parts[name] == getattr(wanted, name) for name in _PERSONAL if getattr(wanted, name) is not None]


def _place(wanted: RecordFilter, after: PageKey | None) -> list[ColumnElement[bool]]:
    """Return the conditions that an index answers: always a range of time."""
    at = decisions.c.decided_at_us
    until_us = _END_OF_TIME_US if wanted.until_us is None else wanted.until_us - 1
    # The bound is implied by what follows, and is what an index takes.
    found = [at <= (until_us if after is None else min(until_us, after.decided_at_us))]
    if wanted.tier is not None:
        found.append(decisions.c.tier == wanted.tier)
    if wanted.since_us is not None:
        found.append(at >= wanted.since_us)
    if after is not None:
        found.append(or_(at < after.decided_at_us, decisions.c.decision_id < after.decision_id))
    return found


def _rest(wanted: RecordFilter, source: FromClause) -> list[ColumnElement[bool]]:
    return [source.c[name] == getattr(wanted, name) for name in _COLUMNS if getattr(wanted, name) is not None]


def _read(connection: Connection, ids: Sequence[str]) -> dict[str, StoredDecision]:
    """Return the decisions with these *ids*, each with its personal part and its outcomes."""
    found: dict[str, StoredDecision] = {}
    for start in range(0, len(ids), _KEYS_A_LOOK):
        keys = {"keys": ids[start : start + _KEYS_A_LOOK]}
        parts = {row.decision_id: row.part for row in connection.execute(_PARTS, keys)}
        reports: dict[str, list[dict[str, Any]]] = {}
        for row in _named(outcomes, connection.execute(_REPORTS, keys)):
            reports.setdefault(row["decision_id"], []).append(row)
        for row in _named(decisions, connection.execute(_DECISIONS, keys)):
            decision_id = row["decision_id"]
            found[decision_id] = decision_from_rows(row, parts.get(decision_id), reports.get(decision_id, ()))
    return found


def _named(table: Table, rows: Iterable[Row[Any]]) -> Iterable[dict[str, Any]]:
    names = table.c.keys()
    return (dict(zip(names, row, strict=True)) for row in rows)


_among_keys: BindParameter[list[str]] = bindparam("keys", expanding=True)
_DECISIONS = select(decisions).where(decisions.c.decision_id.in_(_among_keys))
_REPORTS = select(outcomes).where(outcomes.c.decision_id.in_(_among_keys))
_PARTS = (
    select(decisions.c.decision_id, personal_parts.c.part)
    .join(personal_parts, _part_of(decisions))
    .where(decisions.c.decision_id.in_(_among_keys))
)
