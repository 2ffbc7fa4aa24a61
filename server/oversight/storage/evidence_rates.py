"""What error rates are made of, counted by the database: just what `feedback.error_rates` counts in rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, bindparam, case, exists, func, literal_column, select

from oversight.durations import HOUR_US
from oversight.engine.decision import Tier
from oversight.feedback.facts import LabelBasis
from oversight.storage.evidence import Cell, CellFilter, RateCounts, Split
from oversight.storage.evidence_labels import Groups, Labels, Place, count_labels
from oversight.storage.evidence_places import END_OF_TIME_US, Window, cell_conditions, cell_of_split
from oversight.storage.evidence_tables import cells, evidence, hours
from oversight.storage.tables import decisions

__all__ = ["count_rates"]


class _Seen(NamedTuple):
    """
    Decisions of one cell that had one chance to be looked at.

    `first_hour` is the first with any that is not labelled by a census; None: there are none.
    """

    probability: float
    decisions: int
    first_hour: int | None


def count_rates(
    connection: Connection, wanted: CellFilter, splits: Sequence[Sequence[Split]], now_us: int
) -> list[list[RateCounts]]:
    """
    Return the counts for what is *wanted*, by each of the *splits*; see `EvidenceReader.rate_counts`.

    Four looks, whatever the number of decisions and of splits: where the settled ones end (the oldest that is pending),
    how many decisions had which chance (`hours`), from that the least chance, and with both one look at the labelled
    rows.
    """
    window = Window.around(wanted)
    times = {"since_us": window.since_us, "until_us": window.until_us, "now_us": now_us}
    grouped = _groups(connection, wanted, splits)
    # Of each cell when its oldest pending decision was made: those before are settled.
    pending: dict[int, int] = dict(map(tuple, connection.execute(_PENDING, times)))
    seen = _seen(connection, wanted, window)
    places = [
        {group: _place(connection, [(one, seen.get(one, ())) for one in ids], pending) for group, ids in groups.items()}
        for groups in grouped
    ]
    labels = count_labels(connection, times, grouped, places)
    return [
        [
            found
            for group, ids in groups.items()
            if (found := _sum(group, [(seen.get(one, ()), found_in.get(one)) for one in ids], of[group])).volume
        ]
        for groups, of, found_in in zip(grouped, places, labels, strict=True)
    ]


def _groups(connection: Connection, wanted: CellFilter, splits: Sequence[Sequence[Split]]) -> list[Groups]:
    statement = select(cells).where(cells.c.tier < int(Tier.HUMAN_AS_THE_LOOP), *cell_conditions(wanted))
    grouped: list[dict[Cell, list[int]]] = [defaultdict(list) for _ in splits]
    for row in connection.execute(statement):
        for split, groups in zip(splits, grouped, strict=True):
            groups[cell_of_split(split, [getattr(row, name) for name in split])].append(row.cell_id)
    return list(grouped)


def _place(connection: Connection, seen: Sequence[tuple[int, Sequence[_Seen]]], pending: Mapping[int, int]) -> Place:
    end_us = min((pending.get(cell_id, END_OF_TIME_US) for cell_id, _ in seen), default=END_OF_TIME_US)
    return Place(end_us, _least(connection, seen, end_us))


# Of all cells: what is pending at any time is little, and is found by its own index. With the bare column SQLite would
# rather go over all rows, because they are in its order.
_cell: ColumnElement[int] = literal_column("evidence.cell_id + 0")
_PENDING = (
    select(_cell, func.min(evidence.c.decided_at_us))
    .where(evidence.c.loss.is_(None), evidence.c.due_at_us.is_not(None), evidence.c.due_at_us >= bindparam("now_us"))
    .where(evidence.c.decided_at_us >= bindparam("since_us"), evidence.c.decided_at_us < bindparam("until_us"))
    .group_by(_cell)
)


def _seen(connection: Connection, wanted: CellFilter, window: Window) -> dict[int, list[_Seen]]:
    of_design = case((hours.c.decisions > hours.c.censused, hours.c.hour))
    statement = (
        select(hours.c.cell_id, hours.c.probability, func.sum(hours.c.decisions), func.min(of_design))
        .where(hours.c.hour >= window.since_hour, hours.c.hour < window.until_hour)
        .group_by(hours.c.cell_id, hours.c.probability)
    )
    if conditions := cell_conditions(wanted):
        statement = statement.join(cells, cells.c.cell_id == hours.c.cell_id).where(*conditions)
    found: dict[int, list[_Seen]] = defaultdict(list)
    for cell_id, probability, count, first_hour in connection.execute(statement):
        found[cell_id].append(_Seen(probability, int(count), first_hour))
    return found


def _least(connection: Connection, seen: Iterable[tuple[int, Sequence[_Seen]]], end_us: int) -> float:
    """Return the smallest chance of any settled decision of a group; what a census labelled had a chance of 1."""
    last_hour = end_us // HOUR_US
    least = 1.0
    doubtful: list[tuple[int, _Seen]] = []
    for cell_id, chances in seen:
        for one in chances:
            if one.first_hour is None or one.first_hour > last_hour:
                continue
            if one.first_hour < last_hour:
                least = min(least, one.probability)
            else:
                doubtful.append((cell_id, one))
    # In the hour in which the settled ones end it takes a closer look, where that could make a difference.
    for cell_id, one in sorted(doubtful, key=lambda pair: pair[1].probability):
        if one.probability >= least:
            break
        if _had(connection, cell_id, one, end_us):
            return one.probability
    return least


def _had(connection: Connection, cell_id: int, one: _Seen, end_us: int) -> bool:
    """Return whether a decision with that chance, not labelled by a census, came in that hour before *end_us*."""
    place = {"cell": cell_id, "hour": one.first_hour, "probability": one.probability, "end_us": end_us}
    first_us, censused = connection.execute(_HOUR, place).one()
    if first_us >= end_us or not censused:
        return bool(first_us < end_us)
    place["start_us"] = (one.first_hour or 0) * HOUR_US
    return connection.execute(_DECIDED, place).first() is not None


def _sum(group: Cell, parts: Sequence[tuple[Sequence[_Seen], Labels | None]], place: Place) -> RateCounts:
    labels = [one for _, one in parts if one is not None]
    return RateCounts(
        cell=group,
        volume=sum(one.decisions for seen, _ in parts for one in seen),
        labelled=sum(one.labelled for one in labels),
        n=sum(one.n for one in labels),
        errors=sum(one.errors for one in labels),
        missed=sum(one.missed for one in labels),
        newest_label_us=max((one.newest_label_us for one in labels if one.newest_label_us is not None), default=None),
        open_end=place.end_us < END_OF_TIME_US,
    )


_HOUR = select(hours.c.first_us, hours.c.censused).where(
    hours.c.cell_id == bindparam("cell"),
    hours.c.hour == bindparam("hour"),
    hours.c.probability == bindparam("probability"),
)
_censused = exists().where(
    evidence.c.cell_id == bindparam("cell"),
    evidence.c.decided_at_us == decisions.c.decided_at_us,
    evidence.c.decision_id == decisions.c.decision_id,
    evidence.c.basis == int(LabelBasis.CENSUS),
)
_by_design = case((decisions.c.tier == int(Tier.HUMAN_IN_THE_LOOP), 1.0), else_=decisions.c.audit_probability)
_DECIDED: Any = (
    select(decisions.c.decision_id)
    .join(
        cells,
        and_(
            cells.c.cell_id == bindparam("cell"),
            cells.c.tier == decisions.c.tier,
            *(
                cells.c[name] == func.coalesce(decisions.c[name], "")
                for name in ("tenant_id", "department", "intent", "model_version")
            ),
        ),
    )
    .where(
        decisions.c.decided_at_us >= bindparam("start_us"),
        decisions.c.decided_at_us < bindparam("end_us"),
        _by_design == bindparam("probability"),
        ~_censused,
    )
    .limit(1)
)
