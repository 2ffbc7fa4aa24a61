"""The confidences that replies came with, in the order in which they were decided."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, or_, select

from oversight.storage.evidence import EvidenceKey
from oversight.storage.tables import decisions

__all__ = ["ConfidenceRow", "SqlConfidences"]


class ConfidenceRow(NamedTuple):
    """One decision: its place in time, what it was about, and `response_confidence`, None where it had none."""

    decided_at_us: int
    decision_id: str
    tenant_id: str
    department: str
    intent: str
    model_version: str
    confidence: float | None


_COLUMNS = (
    decisions.c.decided_at_us,
    decisions.c.decision_id,
    decisions.c.tenant_id,
    decisions.c.department,
    decisions.c.intent,
    decisions.c.model_version,
    decisions.c.response_confidence,
)
_ORDER = (decisions.c.decided_at_us, decisions.c.decision_id)


class SqlConfidences:
    """Reads decisions page by page; *reading* gives a connection for one read, None where there is no database yet."""

    def __init__(self, reading: Callable[[], AbstractContextManager[Connection | None]]) -> None:
        self._reading = reading

    def read(self, after: EvidenceKey, until_us: int, limit: int) -> list[ConfidenceRow]:
        """
        Return at most *limit* decisions from behind *after* to before *until_us*, the oldest first.

        Raises `StoreUnavailableError`.
        """
        behind = or_(
            decisions.c.decided_at_us > after.decided_at_us,
            and_(decisions.c.decided_at_us == after.decided_at_us, decisions.c.decision_id > after.decision_id),
        )
        # The first bound alone is one that an index of times can begin at.
        since = decisions.c.decided_at_us >= after.decided_at_us
        statement = select(*_COLUMNS).where(since, behind, decisions.c.decided_at_us < until_us)
        with self._reading() as connection:
            rows = [] if connection is None else connection.execute(statement.order_by(*_ORDER).limit(limit)).all()
        return [_row(*row) for row in rows]


def _row(at_us: int, decision_id: str, *found: Any) -> ConfidenceRow:
    tenant_id, department, intent, model_version, confidence = found
    return ConfidenceRow(
        at_us, decision_id, tenant_id or "", department or "", intent or "", model_version or "", confidence
    )
