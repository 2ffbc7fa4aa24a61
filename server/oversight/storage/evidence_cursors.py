"""How far the evidence has come in each writer's chains."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, and_, func, select

from oversight.storage.evidence_tables import feedback_cursors
from oversight.storage.tables import chain_heads, decisions, outcomes

__all__ = ["Behind", "chains_behind"]


class Behind(NamedTuple):
    """A writer's chain over decisions or outcomes that has rows behind number `after`, the last in the evidence."""

    writer: str
    chain: str
    after: int


def chains_behind(connection: Connection) -> list[Behind]:
    """Return the chains with rows that are not in the evidence yet, by chain and writer."""
    return [Behind(*row) for row in connection.execute(_BEHIND)]


_after = func.coalesce(feedback_cursors.c.chain_seq, 0)
_BEHIND = (
    select(chain_heads.c.writer, chain_heads.c.chain, _after)
    .outerjoin(
        feedback_cursors,
        and_(feedback_cursors.c.writer == chain_heads.c.writer, feedback_cursors.c.chain == chain_heads.c.chain),
    )
    .where(chain_heads.c.chain.in_([decisions.name, outcomes.name]), chain_heads.c.chain_seq > _after)
    .order_by(chain_heads.c.chain, chain_heads.c.writer)
)
