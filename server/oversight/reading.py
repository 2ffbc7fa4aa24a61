"""What a GetDecision means: the record of a decision with its outcomes, wherever it is by now, and why it is so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Protocol

from oversight.engine.explain import RuleEvaluation, explain
from oversight.errors import DecisionNotFoundError, NotReplayableError, RecordPendingError, StoreUnavailableError
from oversight.journal.search import Waiting
from oversight.policies import replay_snapshot
from oversight.storage.protocols import RecordReader
from oversight.storage.records import StoredDecision, StoredOutcome, recorded_at_us

__all__ = ["FoundDecision", "Journals", "Reader", "Reading"]

_SEARCHES_S = (0.1, 0.9)
"""Seconds to search journals before a look into the store, and once more where that was not enough: 1 s in all."""


class Reader(RecordReader, Protocol):
    """Decisions read back, with the sources of the snapshots that made them."""

    def get_snapshot(self, digest: str) -> str | None:
        """Return the document, None if there is none with this digest; raise `StoreUnavailableError`."""
        ...


class Journals(Protocol):
    """What is on record and perhaps not in the store yet."""

    def find(self, decision_id: str, within_s: float) -> Waiting:
        """Return what journals hold of the decision, after *within_s* seconds at most; never raises."""
        ...


@dataclass(frozen=True, slots=True)
class FoundDecision:
    """A decision on record; *rules* is empty unless its evaluation was asked for."""

    stored: StoredDecision
    rules: tuple[RuleEvaluation, ...] = ()


@dataclass(frozen=True, slots=True)
class _Look:
    """
    What the store says: the decision, or its outcomes alone; *problem* is why it says nothing.

    `erased` is about a decision that is in a journal alone: its subject has been erased meanwhile.
    """

    stored: StoredDecision | None = None
    outcomes: Sequence[StoredOutcome] = ()
    erased: bool = False
    problem: StoreUnavailableError | None = None


class Reading:
    """Finds decisions; safe for any number of threads."""

    def __init__(
        self,
        *,
        reader: Reader,
        journals: Journals,
        drained_through_us: Callable[[], int],
        clock_us: Callable[[], int],
    ) -> None:
        """Take the parts; every record made here before *drained_through_us* is in the store."""
        self._reader = reader
        self._journals = journals
        self._drained_through_us = drained_through_us
        self._clock_us = clock_us
        self._replaying = Lock()

    def find(self, decision_id: str, *, with_rules: bool = False) -> FoundDecision:
        """
        Return the decision on record, from the store or from a journal that is not drained yet.

        Raises `DecisionNotFoundError` where it is in neither, `RecordPendingError` where not all journals could be
        searched in time, `StoreUnavailableError`, and with *with_rules* `NotReplayableError`.
        """
        called_us = self._clock_us()
        for within_s in _SEARCHES_S:
            # Journals first: what has left them by then is in the store when that is looked into.
            waiting = self._journals.find(decision_id, within_s)
            look = self._look(decision_id, waiting)
            found = _together(look, waiting)
            if found is not None:
                return FoundDecision(found, self._explain(found) if with_rules else ())
            if waiting.complete:
                break
        if look.problem is not None:
            raise look.problem
        if not waiting.complete and self._drained_through_us() < called_us:
            raise RecordPendingError(decision_id)
        raise DecisionNotFoundError(decision_id, len(_outcomes(look, waiting)))

    def _look(self, decision_id: str, waiting: Waiting) -> _Look:
        try:
            stored = self._reader.find_decision(decision_id)
            if stored is not None:
                return _Look(stored, stored.outcomes)
            erased = bool(waiting.decisions) and self._reader.is_erased(waiting.decisions[0])
            return _Look(outcomes=self._reader.find_outcomes(decision_id), erased=erased)
        except StoreUnavailableError as problem:
            return _Look(problem=problem)

    def _explain(self, stored: StoredDecision) -> tuple[RuleEvaluation, ...]:
        digest = stored.decision.digest
        document = self._reader.get_snapshot(digest)
        if document is None:
            raise NotReplayableError(digest, f"snapshot {digest} is not in the store")
        # One at a time: compiling holds the interpreter, and a snapshot is compiled once for all who ask.
        with self._replaying:
            replayed = replay_snapshot(digest, document)
        policy = replayed.rules.policies.get(stored.decision.policy)
        if policy is None:
            raise NotReplayableError(digest, f"snapshot {digest} has no policy {stored.decision.policy!r}")
        return explain(policy, replayed.snapshot, stored.request, stored.facts)


def _together(look: _Look, waiting: Waiting) -> StoredDecision | None:
    """Return the decision with every outcome of it that is on record; None where only outcomes are."""
    if look.stored is None and not waiting.decisions:
        return None
    # A worker that only decides need not hold what reading takes.
    from oversight.storage.waiting import decision_from_record, reported, with_outcomes

    if look.stored is not None:
        return with_outcomes(look.stored, reported(waiting.outcomes, look.outcomes))
    # A request sent again to another worker is twice in journals; the store keeps the first.
    first = min(waiting.decisions, key=recorded_at_us)
    return with_outcomes(decision_from_record(first, erased=look.erased), _outcomes(look, waiting))


def _outcomes(look: _Look, waiting: Waiting) -> list[StoredOutcome]:
    if not look.outcomes and not waiting.outcomes:
        return []
    from oversight.storage.waiting import reported  # as above

    return [*look.outcomes, *reported(waiting.outcomes, look.outcomes)]
