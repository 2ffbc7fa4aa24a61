"""Retention of the evidence: what was learnt from decisions that are too old goes with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from sqlalchemy import Connection, and_, delete, func, or_, select, update

from oversight.durations import HOUR_US
from oversight.storage.evidence_places import EVIDENCE_LOCK
from oversight.storage.evidence_tables import cells, evidence, hours

__all__ = ["remove_evidence"]


def remove_evidence(
    transaction: Callable[[], AbstractContextManager[Connection]], before_us: int, *, batch_rows: int
) -> Iterator[int]:
    """
    Remove rows and counts of decisions before the hour in which *before_us* is; yield after each how many rows went.

    Each *transaction* removes at most *batch_rows* rows of one cell; the cell's number of labels follows. Counts are of
    whole hours, and rows go with them, so that the two fit: an hour is whole, or gone.
    """
    hour = before_us // HOUR_US
    with transaction() as connection:
        ids = connection.scalars(select(cells.c.cell_id).order_by(cells.c.cell_id)).all()
    for cell_id in ids:
        while True:
            with transaction() as connection:
                if connection.dialect.name == "postgresql":
                    connection.execute(_LOCK)  # an outcome that comes now must not count on a row that goes
                removed = _remove_rows(connection, cell_id, hour * HOUR_US, batch_rows)
                if not removed:
                    mine = (hours.c.cell_id == cell_id) & (hours.c.hour < hour)
                    connection.execute(delete(hours).where(mine))
            if not removed:
                break
            yield removed


_LOCK = select(func.pg_advisory_xact_lock(EVIDENCE_LOCK))


def _remove_rows(connection: Connection, cell_id: int, before_us: int, batch_rows: int) -> int:
    at, name = evidence.c.decided_at_us, evidence.c.decision_id
    mine = (evidence.c.cell_id == cell_id) & (at < before_us)
    keys = connection.execute(select(at, name).where(mine).order_by(at, name).limit(batch_rows)).all()
    if not keys:
        return 0
    last = keys[-1]
    some = and_(mine, at <= last[0], or_(at < last[0], name <= last[1]))
    # What went says how many labels went: a row may have got its label since it was looked at.
    losses = connection.scalars(delete(evidence).where(some).returning(evidence.c.loss)).all()
    labels = sum(loss is not None for loss in losses)
    if labels:
        less = update(cells).where(cells.c.cell_id == cell_id).values(labelled=cells.c.labelled - labels)
        connection.execute(less)
    return len(losses)
