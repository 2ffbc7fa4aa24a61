"""What a Decide means: decide by the snapshot in force, put it on record, answer what is on record."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from oversight.engine.decide import decide
from oversight.engine.decision import Decision
from oversight.engine.identity import Keys
from oversight.engine.request import Request, ServerFacts, Stop
from oversight.engine.snapshot import Snapshot
from oversight.errors import RecordUnavailableError
from oversight.journal.protocols import Recorder, Turns
from oversight.storage.outcome import Outcome
from oversight.telemetry.counters import Counters

if TYPE_CHECKING:
    from oversight.telemetry.spans import CallSpan

__all__ = ["Answer", "Asked", "Call", "Current", "Decisions", "Wire", "chunks"]

_CHUNK = 25
"""Items of a batch between two looks at other calls: about 0.4 ms."""

Item = TypeVar("Item")


def chunks(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """Yield *items* in the portions in which a batch is worked on."""
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]


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

    @property
    def stops(self) -> tuple[Stop, ...]:
        """The stops engaged on this machine alone; read before the snapshot, which has them later."""
        ...

    @property
    def labelled(self) -> Mapping[tuple[str, str, str], int]:
        """How many outcomes have a label, by tenant, intent and model version, each empty where there is none."""
        ...


class Call(NamedTuple):
    """
    Who called, in which trace (32 hex digits, or empty), and since when (`time.perf_counter_ns`).

    *span* is the call's own, to be told what was decided; None where there is none. A caller bound to a tenant sends
    and reads what is *tenant_id*'s alone; empty: it is bound to none.
    """

    caller: str
    trace_id: str
    started_ns: int
    span: CallSpan | None = None
    tenant_id: str = ""


class Wire(Protocol):
    """Replies and records as bytes."""

    def reply(self, decision: Decision, request_id: str) -> bytes:
        """Return the reply to a request with *request_id*."""
        ...

    def decision_record(
        self,
        canonical: bytes,
        reply: bytes,
        facts: ServerFacts,
        decided_at_us: int,
        audit_key_id: str,
        call: Call,
        latency_us: int,
    ) -> bytes:
        """Return the record of a decision; *canonical* stands for the request, *reply* is what will be answered."""
        ...

    def outcome_record(self, outcome: Outcome, received_at_us: int, caller: str, caller_tenant: str = "") -> bytes:
        """Return the record of an outcome; *caller_tenant* is what the caller is bound to, empty for nothing."""
        ...


class Asked(NamedTuple):
    """A checked request, and the bytes that stand for it in its record and in the decision's id."""

    request: Request
    canonical: bytes


class Answer(NamedTuple):
    """What was decided, and the reply to the byte that is on record."""

    decision: Decision
    reply: bytes


class _Known(NamedTuple):
    """What the server knows besides the requests of one call; see `ServerFacts`."""

    policy_age_s: int
    threshold_age_s: int
    stops: tuple[Stop, ...]
    labelled: Mapping[tuple[str, str, str], int]


def _facts_about(request: Request, known: _Known) -> ServerFacts:
    key = (request.tenant_id or "", request.intent or "", request.model_version or "")
    return ServerFacts(known.labelled.get(key, 0), known.policy_age_s, known.threshold_age_s, stops=known.stops)


class Decisions:
    """Decides and records; safe for any number of threads."""

    def __init__(
        self,
        *,
        current: Current,
        journal: Recorder,
        wire: Wire,
        keys: Keys,
        counters: Counters,
        refuse_unrecorded: bool = False,
    ) -> None:
        """
        Take the parts.

        With *refuse_unrecorded* (setting `on_record_failure = refuse`) what cannot be put on record is not answered.
        """
        self._current = current
        self._journal = journal
        self._wire = wire
        self._keys = keys
        self._counters = counters
        self._refuse_unrecorded = refuse_unrecorded

    @property
    def syncs(self) -> bool:
        """Whether an answer has to wait until its record is on the disk: then only `decide_synced` will do."""
        return self._journal.syncs

    def decide(self, asked: Asked, call: Call) -> Answer:
        """
        Decide one request; what this returns is in the journal when it does.

        Where the journal cannot write, the decision is made anew with that fact, which raises the tier, and says
        `recorded = False`; or `RecordUnavailableError` is raised, where that is what was asked for.
        """
        snapshot, known = self._in_force(asked.request.decided_at_us)
        facts = _facts_about(asked.request, known)
        answer = self._answer(asked, snapshot, facts)
        try:
            self._journal.append(self._record(asked, answer, facts, call))
        except RecordUnavailableError as error:
            (answer,) = self._answer_unrecorded((asked,), snapshot, known, error)
        self._counters.count_decision(answer.decision.tier, answer.decision.evaluation)
        return answer

    def decide_synced(self, asked: Asked, call: Call) -> Turns[Answer]:
        """Do what `decide` does, and wait for the disk as well."""
        snapshot, known = self._in_force(asked.request.decided_at_us)
        facts = _facts_about(asked.request, known)
        answer = self._answer(asked, snapshot, facts)
        try:
            yield self._journal.append(self._record(asked, answer, facts, call))
        except RecordUnavailableError as error:
            (answer,) = self._answer_unrecorded((asked,), snapshot, known, error)
        self._counters.count_decision(answer.decision.tier, answer.decision.evaluation)
        return answer

    def decide_many(self, items: Sequence[Asked], call: Call) -> Turns[list[Answer]]:
        """
        Decide several requests by one snapshot, with one write to the journal: all are recorded, or none.

        In turns, so that a long batch holds nobody up. Waits for the disk where that is wanted; answers without a
        record as `decide` does.
        """
        snapshot, known = self._in_force(items[0].request.decided_at_us)
        answers: list[Answer] = []
        records: list[bytes] = []
        for chunk in chunks(items):
            for asked in chunk:
                facts = _facts_about(asked.request, known)
                answer = self._answer(asked, snapshot, facts)
                records.append(self._record(asked, answer, facts, call))
                answers.append(answer)
            yield None
        try:
            unsynced = self._journal.append_many(records)
            if unsynced is not None:
                yield unsynced
        except RecordUnavailableError as error:
            answers = self._answer_unrecorded(items, snapshot, known, error)
        for decision, _ in answers:
            self._counters.count_decision(decision.tier, decision.evaluation)
        return answers

    def _in_force(self, now_us: int) -> tuple[Snapshot, _Known]:
        current = self._current
        # A time that lies ahead is as little to be trusted as one that lies behind: a clock was set back.
        policy_age_us = abs(now_us - current.policy_confirmed_at_us)
        threshold_age_us = abs(now_us - current.thresholds_confirmed_at_us)
        known = _Known(policy_age_us // 1_000_000, threshold_age_us // 1_000_000, current.stops, current.labelled)
        # Behind the stops: one moves from them into the snapshot, and must be in one of the two.
        return current.snapshot, known

    def _answer(self, asked: Asked, snapshot: Snapshot, facts: ServerFacts) -> Answer:
        decision = decide(snapshot, asked.request, facts, self._keys, canonical=asked.canonical)
        return Answer(decision, self._wire.reply(decision, asked.request.request_id))

    def _answer_unrecorded(
        self, items: Sequence[Asked], snapshot: Snapshot, known: _Known, error: RecordUnavailableError
    ) -> list[Answer]:
        """Decide *items* anew without a record, or raise *error*, which is why there is none."""
        self._counters.count_failure(error.metadata["cause"])
        if self._refuse_unrecorded:
            raise error
        self._counters.count_lost(len(items))
        return [
            self._answer(asked, snapshot, _facts_about(asked.request, known)._replace(record_unavailable=True))
            for asked in items
        ]

    def _record(self, asked: Asked, answer: Answer, facts: ServerFacts, call: Call) -> bytes:
        return self._wire.decision_record(
            asked.canonical,
            answer.reply,
            facts,
            asked.request.decided_at_us,
            answer.decision.audit_key_id,
            call,
            (time.perf_counter_ns() - call.started_ns) // 1000,
        )
