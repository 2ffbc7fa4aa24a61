"""Outcomes whose decision is not on record: how many wait, and for how many it will not come any more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from itertools import islice
from typing import NamedTuple

from sqlalchemy import BindParameter, Connection, bindparam, func, select

from oversight.storage.tables import chain_heads, decisions, outcomes

__all__ = ["PendingOutcomes"]

_PORTION = 5_000
_KEYS_A_LOOK = 1_000
_MOST = 100_000
"""Decisions remembered at most, about 15 MB; what lies behind is counted once there is room."""


class _Waiting(NamedTuple):
    """How many outcomes one decision has without being here, and when the last of them came."""

    outcomes: int
    received_at_us: int


class PendingOutcomes:
    """
    Counts outcomes that wait for their decision; `step` is for one thread, `count` for any.

    Each `step` looks at the next *portion* of every writer's outcomes, in the order of its chain, and again at some of
    those that wait: so the count follows a store of any size at a small, even cost, and is complete when all have been
    looked at once. *reading* gives a connection for one read, None where there is no database yet.
    """

    def __init__(
        self,
        reading: Callable[[], AbstractContextManager[Connection | None]],
        *,
        portion: int = _PORTION,
        most: int = _MOST,
    ) -> None:
        self._reading = reading
        self._portion = portion
        self._most = most
        self._seen: dict[str, int] = {}
        self._waiting: dict[str, _Waiting] = {}

    def step(self) -> None:
        """Look further; raises `StoreUnavailableError`."""
        with self._reading() as connection:
            if connection is None:
                return
            waiting = dict(self._waiting)
            some = list(islice(waiting, _KEYS_A_LOOK))
            for decision_id in some:
                del waiting[decision_id]  # behind the others, if it still waits
            waiting.update(_waiting_among(connection, some))
            for writer in connection.execute(_WRITERS).scalars().all():
                if len(waiting) < self._most:
                    waiting.update(_waiting_among(connection, self._look_on(connection, writer)))
        # By one assignment: another thread may be counting.
        self._waiting = waiting

    def count(self, cut_us: int) -> tuple[int, int]:
        """
        Return how many outcomes wait, and how many are expired.

        Expired: the last for that decision came before *cut_us*, since when retention keeps records.
        """
        waiting = self._waiting.values()
        expired = sum(one.outcomes for one in waiting if one.received_at_us < cut_us)
        return sum(one.outcomes for one in waiting) - expired, expired

    def _look_on(self, connection: Connection, writer: str) -> list[str]:
        """Return the decisions that the next of the writer's outcomes are about."""
        after = self._seen.get(writer, 0)
        found = connection.execute(_NEXT, {"writer": writer, "after": after, "portion": self._portion}).all()
        if found:
            self._seen[writer] = found[-1].chain_seq
        return list(dict.fromkeys(row.decision_id for row in found))


def _waiting_among(connection: Connection, ids: Sequence[str]) -> dict[str, _Waiting]:
    waiting: dict[str, _Waiting] = {}
    for start in range(0, len(ids), _KEYS_A_LOOK):
        keys = ids[start : start + _KEYS_A_LOOK]
        known = set(connection.execute(_KNOWN, {"keys": keys}).scalars())
        if missing := [decision_id for decision_id in keys if decision_id not in known]:
            waiting |= {row[0]: _Waiting(row[1], row[2]) for row in connection.execute(_COUNTS, {"keys": missing})}
    return waiting


_among_keys: BindParameter[list[str]] = bindparam("keys", expanding=True)
_WRITERS = select(chain_heads.c.writer).where(chain_heads.c.chain == outcomes.name)
_NEXT = (
    select(outcomes.c.chain_seq, outcomes.c.decision_id)
    .where(outcomes.c.writer == bindparam("writer"), outcomes.c.chain_seq > bindparam("after"))
    .order_by(outcomes.c.chain_seq)
    .limit(bindparam("portion"))
)
_KNOWN = select(decisions.c.decision_id).where(decisions.c.decision_id.in_(_among_keys))
_COUNTS = (
    select(outcomes.c.decision_id, func.count(), func.max(outcomes.c.received_at_us))
    .where(outcomes.c.decision_id.in_(_among_keys))
    .group_by(outcomes.c.decision_id)
)
