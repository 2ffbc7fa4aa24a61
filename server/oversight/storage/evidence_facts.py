"""Facts of outcomes, counted by the database for each cell and each day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select

from oversight.durations import HOUR_US
from oversight.feedback.facts import HandledBy
from oversight.storage.evidence import CellFilter, FactSums, Moments, Split
from oversight.storage.evidence_places import Window, cell_conditions, cell_of_split
from oversight.storage.evidence_tables import cells, evidence, hours

__all__ = ["sum_facts"]

_DAY_H = 24
_CONFIRMED, _ASSUMED, _UNRESOLVED = 1, 2, 3


def sum_facts(connection: Connection, wanted: CellFilter, split: Sequence[Split], *, by_day: bool) -> list[FactSums]:
    """Return the facts of what is *wanted*; see `EvidenceReader.fact_sums`."""
    window = Window.around(wanted)
    names = [cells.c[name] for name in split]
    volume = _grouped(
        select(*names, *([(hours.c.hour // _DAY_H).label("day")] if by_day else []), func.sum(hours.c.decisions))
        .join(cells, cells.c.cell_id == hours.c.cell_id)
        .where(hours.c.hour >= window.since_hour, hours.c.hour < window.until_hour, *cell_conditions(wanted)),
        names,
        by_day=by_day,
    )
    at = evidence.c.decided_at_us
    day = [(at // (_DAY_H * HOUR_US)).label("day")] if by_day else []
    facts = _grouped(
        select(*names, *day, *_FACTS)
        .join(cells, cells.c.cell_id == evidence.c.cell_id)
        .where(at >= window.since_us, at < window.until_us, *cell_conditions(wanted)),
        names,
        by_day=by_day,
    )
    keys = len(names) + by_day
    found: Mapping[tuple[Any, ...], Sequence[Any]] = {row[:keys]: row[keys:] for row in _tuples(connection, facts)}
    nothing = (0,) * len(_FACTS)
    made: list[FactSums] = []
    for row in _tuples(connection, volume):
        key = row[:keys]
        sums: list[Any] = list(found.get(key, nothing))
        counts, ai, people = sums[:_COUNTS], sums[_COUNTS : _COUNTS + 3], sums[_COUNTS + 3 :]
        values: list[Any] = [int(row[keys]), *map(int, counts), _moments_of(ai), _moments_of(people)]
        made.append(FactSums(cell_of_split(split, key[: len(names)]), int(key[-1]) if by_day else None, *values))
    return made


def _grouped(statement: Any, names: Sequence[ColumnElement[Any]], *, by_day: bool) -> Any:
    days = [statement.selected_columns.day] if by_day else []
    keys = [*names, *days]
    return statement.group_by(*keys).order_by(*keys) if keys else statement


def _tuples(connection: Connection, statement: Any) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.execute(statement) if row[-1] is not None]


def _moments_of(values: Sequence[Any]) -> Moments:
    n, total, squares = values
    return Moments(int(n), float(total or 0), float(squares or 0))


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count(case((condition, 1)))


def _moments(condition: ColumnElement[bool]) -> tuple[ColumnElement[Any], ...]:
    score = case((condition, evidence.c.csat))
    return func.count(score), func.sum(score), func.coalesce(func.sum(score * score), 0.0)


_ai = evidence.c.handled_by == int(HandledBy.AI)
_people = evidence.c.handled_by.in_([int(HandledBy.HUMAN), int(HandledBy.BOTH)])
# Nobody said that it was escalated: who handled a contact alone did not hand it on.
_alone = and_(_ai, or_(evidence.c.escalated.is_(None), ~evidence.c.escalated))
_FACTS = (
    _count(_ai),
    _count(evidence.c.handled_by == int(HandledBy.HUMAN)),
    _count(evidence.c.handled_by == int(HandledBy.BOTH)),
    *(_count(and_(_alone, evidence.c.resolution == number)) for number in (_CONFIRMED, _ASSUMED, _UNRESOLVED)),
    _count(evidence.c.repeat_contact),
    _count(evidence.c.repeat_contact.is_not(None)),
    _count(evidence.c.unexpected),
    _count(evidence.c.unexpected.is_not(None)),
    *_moments(_ai),
    *_moments(_people),
)
"""In the order of the fields of `FactSums` behind `volume`."""

_COUNTS = len(_FACTS) - 6
