"""Decisions as far as it takes to decide them again: many at once, by their ids or as a random sample."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from sqlalchemy import BindParameter, ColumnElement, Connection, FromClause, Select, and_, bindparam, func, select

from oversight.engine.decision import Reason, Tier
from oversight.engine.identity import request_from_canonical
from oversight.engine.request import Request
from oversight.storage.evidence import CellFilter
from oversight.storage.evidence_places import Window, cell_conditions
from oversight.storage.evidence_tables import cells, hours
from oversight.storage.records import SIGNAL_FIELDS
from oversight.storage.rows import reasons_from_text
from oversight.storage.tables import decisions, personal_parts

__all__ = ["ReplayableDecision", "ReplayableReader", "SamplePage", "SqlReplayable"]

_KEYS_A_LOOK = 1_000


class ReplayableDecision(NamedTuple):
    """
    A decision on record: what was asked, and how it came to be looked at.

    `tier` is the API's number, `audit_probability` in 0..1 what was stored with it. `labelled_outcomes` is what the
    server knew then. Once its personal part is *erased*, `request` is what is left: every signal, and no attribute.
    """

    decision_id: str
    tier: int
    audit_probability: float
    labelled_outcomes: int
    request: Request
    erased: bool = False


class SamplePage(NamedTuple):
    """Some decisions by id, and the id behind which more follow; None at the end."""

    decisions: tuple[ReplayableDecision, ...]
    following: str | None


class ReplayableReader(Protocol):
    """Reads decisions to decide them again; each raises `StoreUnavailableError`."""

    def find(self, ids: Sequence[str]) -> list[ReplayableDecision]:
        """Return the decisions with these *ids*, in any order; those that are gone are left out."""
        ...

    def sample(self, wanted: CellFilter, portion: int, after: str) -> SamplePage:
        """
        Return what is *wanted* among the next *portion* decisions by id, from behind *after* (empty: the first).

        Ids are keyed hashes: whatever comes first by them is a random sample of all.
        """
        ...

    def least_chances(self, wanted: CellFilter) -> Mapping[str, float]:
        """
        Return the least chance (0..1) to be looked at of any decision of the AI that is *wanted*, by department.

        By whole hours, and without what a census labelled. A department is empty where the requests had none.
        """
        ...


class SqlReplayable:
    """
    A `ReplayableReader` over an SQL database; safe for any number of threads.

    *reading* gives a connection for one read, None where there is no database yet. Each read is short, as a reader of
    SQLite holds the writer up.
    """

    def __init__(self, reading: Callable[[], AbstractContextManager[Connection | None]]) -> None:
        self._reading = reading

    def find(self, ids: Sequence[str]) -> list[ReplayableDecision]:
        """Return the decisions with these *ids*; see `ReplayableReader`."""
        found: list[ReplayableDecision] = []
        for start in range(0, len(ids), _KEYS_A_LOOK):
            with self._reading() as connection:
                if connection is not None:
                    rows = connection.execute(_BY_ID, {"keys": ids[start : start + _KEYS_A_LOOK]})
                    found += map(_read, rows.mappings())
        return found

    def find_reasons(self, ids: Sequence[str]) -> dict[str, tuple[Reason, ...]]:
        """Return the reasons of the decisions with these *ids*, by id; those that are gone are left out."""
        found: dict[str, tuple[Reason, ...]] = {}
        for start in range(0, len(ids), _KEYS_A_LOOK):
            with self._reading() as connection:
                if connection is not None:
                    rows = connection.execute(_REASONS, {"keys": ids[start : start + _KEYS_A_LOOK]})
                    found |= {decision_id: reasons_from_text(text) for decision_id, text in rows}
        return found

    def sample(self, wanted: CellFilter, portion: int, after: str) -> SamplePage:
        """Return the next decisions by id; see `ReplayableReader`."""
        with self._reading() as connection:
            if connection is None:
                return SamplePage((), None)
            place = {"after": after, "portion": portion, "last": portion - 1}
            rows = connection.execute(_walk(wanted), place).mappings().all()
            last = connection.execute(_LAST, place).scalar_one_or_none()
        return SamplePage(tuple(map(_read, rows)), last)

    def least_chances(self, wanted: CellFilter) -> Mapping[str, float]:
        """Return the least chance of any decision, by department; see `ReplayableReader`."""
        window = Window.around(wanted)
        statement = (
            select(cells.c.department, func.min(hours.c.probability))
            .join(cells, cells.c.cell_id == hours.c.cell_id)
            .where(cells.c.tier < int(Tier.HUMAN_AS_THE_LOOP), *cell_conditions(wanted))
            .where(hours.c.hour >= window.since_hour, hours.c.hour < window.until_hour)
            .where(hours.c.decisions > hours.c.censused)
            .group_by(cells.c.department)
        )
        with self._reading() as connection:
            return {} if connection is None else dict(map(tuple, connection.execute(statement)))


def _walk(wanted: CellFilter) -> Select[Any]:
    part = select(*(decisions.c[name] for name in _COLUMNS)).where(_BEHIND).order_by(decisions.c.decision_id)
    walked = part.limit(bindparam("portion")).subquery("walked")
    return _with_part(walked).where(*_conditions(wanted, walked)).order_by(walked.c.decision_id)


def _conditions(wanted: CellFilter, source: FromClause) -> Iterable[ColumnElement[bool]]:
    for name in ("tenant_id", "department", "intent", "tier", "model_version"):
        value = getattr(wanted, name)
        if value is not None:
            # An empty text is "had none".
            yield source.c[name].is_(None) if value == "" else source.c[name] == value
    if wanted.since_us is not None:
        yield source.c.decided_at_us >= wanted.since_us
    if wanted.until_us is not None:
        yield source.c.decided_at_us < wanted.until_us


def _with_part(source: FromClause) -> Select[Any]:
    of_it = and_(personal_parts.c.writer == source.c.writer, personal_parts.c.chain_seq == source.c.chain_seq)
    columns = [source.c[name] for name in _COLUMNS]
    return select(*columns, personal_parts.c.part).select_from(source.outerjoin(personal_parts, of_it))


def _read(row: Mapping[Any, Any]) -> ReplayableDecision:
    return ReplayableDecision(
        decision_id=row["decision_id"],
        tier=row["tier"],
        audit_probability=row["audit_probability"],
        labelled_outcomes=_labelled_outcomes(row["facts"]),
        request=_request(row),
        erased=row["part"] is None,
    )


def _request(row: Mapping[Any, Any]) -> Request:
    fields = {name: row[name] for name in SIGNAL_FIELDS if row[name] is not None}
    if "guardrail_flags" in fields:
        fields["guardrail_flags"] = json.loads(fields["guardrail_flags"])
    part = {} if row["part"] is None else json.loads(row["part"])
    return request_from_canonical(fields | part, row["decided_at_us"])


# The same few texts stand in thousands of rows.
@lru_cache(maxsize=1_024)
def _labelled_outcomes(facts: str) -> int:
    return int(json.loads(facts).get("labelled_outcomes", 0))


_COLUMNS = (
    *("decision_id", "decided_at_us", "tier", "audit_probability", "facts", "writer", "chain_seq"),
    *SIGNAL_FIELDS,
)
_among_keys: BindParameter[list[str]] = bindparam("keys", expanding=True)
_BY_ID = _with_part(decisions).where(decisions.c.decision_id.in_(_among_keys))
_REASONS = select(decisions.c.decision_id, decisions.c.reasons).where(decisions.c.decision_id.in_(_among_keys))
_BEHIND = decisions.c.decision_id > bindparam("after")
_LAST = (
    select(decisions.c.decision_id).where(_BEHIND).order_by(decisions.c.decision_id).limit(1).offset(bindparam("last"))
)
