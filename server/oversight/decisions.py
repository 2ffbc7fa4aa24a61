"""What a Decide means: decide by the snapshot in force, put it on record, answer what is on record."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from oversight.engine.decide import decide
from oversight.engine.decision import Decision
from oversight.engine.explain import RuleEvaluation, explain
from oversight.engine.identity import Keys, canonical_request, request_key
from oversight.engine.request import Request, ServerFacts
from oversight.engine.snapshot import Snapshot
from oversight.errors import DecisionNotFoundError, NotReplayableError, RecordPendingError, RecordUnavailableError
from oversight.journal.records import encode_decision
from oversight.policies import replay_snapshot
from oversight.storage.protocols import RecordReader
from oversight.storage.records import StoredDecision
from oversight.telemetry.counters import Counters

__all__ = ["Call", "Current", "Decisions", "FoundDecision", "Reader", "Recorder"]

DRAIN_WAIT_S = 1.0
"""Seconds that `find` waits for records made before it to reach the store."""

_DRAIN_LOOK_S = 0.02


class Current(Protocol):
    """What is in force in this process now."""

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot that decides; read once a call."""
        ...

    @property
    def policy_confirmed_at_us(self) -> int:
        """When the policy was last confirmed against its source."""
        ...

    @property
    def thresholds_confirmed_at_us(self) -> int:
        """When the thresholds were last confirmed against theirs."""
        ...


class Recorder(Protocol):
    """Where records go before a reply leaves; both raise `RecordUnavailableError`, and then nothing was written."""

    def append(self, payload: bytes) -> None:
        """Put one record into the journal."""
        ...

    def append_many(self, payloads: Sequence[bytes]) -> None:
        """Put several records into the journal, all or none."""
        ...


class Reader(RecordReader, Protocol):
    """Decisions read back, with the sources of the snapshots that made them."""

    def get_snapshot(self, digest: str) -> str | None:
        """Return the document, None if there is none with this digest; raise `StoreUnavailableError`."""
        ...


class Call(NamedTuple):
    """Who called, in which trace (32 hex digits, or empty), and since when (`time.perf_counter_ns`)."""

    caller: str
    trace_id: str
    started_ns: int


@dataclass(frozen=True, slots=True)
class FoundDecision:
    """A decision on record; *rules* is empty unless its evaluation was asked for."""

    stored: StoredDecision
    rules: tuple[RuleEvaluation, ...] = ()


class Decisions:
    """Decides, records and finds decisions; safe for any number of threads."""

    def __init__(
        self,
        *,
        current: Current,
        journal: Recorder,
        keys: Keys,
        reader: Reader,
        drained_through_us: Callable[[], int],
        counters: Counters,
        clock_us: Callable[[], int],
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        """Take the parts; every record made here before *drained_through_us* is in the store."""
        self._current = current
        self._journal = journal
        self._keys = keys
        self._reader = reader
        self._drained_through_us = drained_through_us
        self._counters = counters
        self._clock_us = clock_us
        self._wait = wait

    def decide(self, request: Request, call: Call) -> Decision:
        """
        Decide *request*; its record is in the journal when this returns.

        Where the journal cannot write, the decision is made anew with that fact, which raises the tier, and says
        `recorded = False`.
        """
        snapshot, facts, canonical = self._prepare(request)
        decision = decide(snapshot, request, facts, self._keys, canonical=canonical)
        try:
            self._journal.append(self._encode(request, facts, canonical, decision, call))
        except RecordUnavailableError:
            decision = self._decide_unrecorded(snapshot, request, facts, canonical)
        self._counters.count_decision(decision.tier, decision.evaluation)
        return decision

    def decide_many(self, requests: Sequence[Request], call: Call) -> list[Decision]:
        """Decide several requests by one snapshot, with one write to the journal: all are recorded, or none."""
        prepared = [(request, *self._prepare(request)) for request in requests]
        decisions = [
            decide(snapshot, request, facts, self._keys, canonical=canonical)
            for request, snapshot, facts, canonical in prepared
        ]
        try:
            self._journal.append_many(
                [
                    self._encode(request, facts, canonical, decision, call)
                    for (request, _, facts, canonical), decision in zip(prepared, decisions, strict=True)
                ]
            )
        except RecordUnavailableError:
            decisions = [
                self._decide_unrecorded(snapshot, request, facts, canonical)
                for request, snapshot, facts, canonical in prepared
            ]
        for decision in decisions:
            self._counters.count_decision(decision.tier, decision.evaluation)
        return decisions

    def find(self, decision_id: str, *, with_rules: bool = False) -> FoundDecision:
        """
        Return the decision on record.

        Waits at most `DRAIN_WAIT_S` for records made before this call to reach the store; raises
        `DecisionNotFoundError` when they have, `RecordPendingError` when they have not, `StoreUnavailableError`, and
        with *with_rules* `NotReplayableError`.
        """
        called_us = self._clock_us()
        for _ in range(round(DRAIN_WAIT_S / _DRAIN_LOOK_S)):
            # The mark first: what it covers is in the store when the look-up begins.
            drained_us = self._drained_through_us()
            stored = self._reader.find_decision(decision_id)
            if stored is not None:
                return FoundDecision(stored, self._explain(stored) if with_rules else ())
            if drained_us >= called_us:
                raise DecisionNotFoundError(decision_id)
            self._wait(_DRAIN_LOOK_S)
        raise RecordPendingError(decision_id)

    def _prepare(self, request: Request) -> tuple[Snapshot, ServerFacts, str]:
        current = self._current
        now = request.decided_at_us
        # The labelled outcomes of an intent are counted by the feedback loop; until it runs none are known.
        facts = ServerFacts(
            labelled_outcomes=0,
            policy_age_s=max(0, now - current.policy_confirmed_at_us) // 1_000_000,
            threshold_age_s=max(0, now - current.thresholds_confirmed_at_us) // 1_000_000,
        )
        return current.snapshot, facts, canonical_request(request)

    def _encode(self, request: Request, facts: ServerFacts, canonical: str, decision: Decision, call: Call) -> bytes:
        return encode_decision(
            canonical,
            facts,
            decision,
            decided_at_us=request.decided_at_us,
            caller=call.caller,
            trace_id=call.trace_id,
            latency_us=(time.perf_counter_ns() - call.started_ns) // 1000,
            request_key=request_key(self._keys, request.tenant_id, request.request_id),
        )

    def _decide_unrecorded(self, snapshot: Snapshot, request: Request, facts: ServerFacts, canonical: str) -> Decision:
        self._counters.count_lost(1)
        blind = facts._replace(record_unavailable=True)
        return decide(snapshot, request, blind, self._keys, canonical=canonical)

    def _explain(self, stored: StoredDecision) -> tuple[RuleEvaluation, ...]:
        digest = stored.decision.digest
        document = self._reader.get_snapshot(digest)
        if document is None:
            raise NotReplayableError(digest, f"snapshot {digest} is not in the store")
        replayed = replay_snapshot(digest, document)
        return explain(replayed.rules.policies[stored.decision.policy], replayed.snapshot, stored.request, stored.facts)
