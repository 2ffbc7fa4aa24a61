"""A real gRPC server on a free port, in this process, with memory behind it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import grpc

from builders import KEYS
from oversight.access.protocols import OPEN, Access
from oversight.decisions import Decisions
from oversight.engine.snapshot import Snapshot, Stop
from oversight.errors import RecordUnavailableError, StoreUnavailableError
from oversight.grpc_api.convert.records import ProtobufWire
from oversight.grpc_api.server import Server, build_server
from oversight.journal.protocols import Unsynced
from oversight.journal.search import Waiting
from oversight.outcomes import Outcomes
from oversight.reading import Reader, Reading
from oversight.settings import Settings
from oversight.storage.records import DecisionRecord, OutcomeRecord, StoredDecision, StoredOutcome
from oversight.telemetry.counters import Counters
from oversight.telemetry.spans import CallTracer
from oversight.v1 import decision_service_pb2_grpc, journal_pb2, outcome_service_pb2_grpc

NOW_US = 1_800_000_000_000_000


class MemoryJournal:
    """A recorder in memory that can be made to fail, or to hold its callers."""

    def __init__(self) -> None:
        self.payloads: list[bytes] = []
        self.disk: Unsynced | None = None
        self.failure: BaseException | None = None
        self.open = threading.Event()
        self.open.set()
        self.entered = threading.Semaphore(0)

    @property
    def syncs(self) -> bool:
        return self.disk is not None

    def append(self, payload: bytes) -> Unsynced | None:
        return self.append_many([payload])

    def append_many(self, payloads: Sequence[bytes]) -> Unsynced | None:
        self.entered.release()
        assert self.open.wait(10), "the journal was held for too long"
        if self.failure is not None:
            raise self.failure
        self.payloads.extend(payloads)
        return self.disk

    def entries(self) -> list[journal_pb2.DecisionEntry]:
        return [entry for payload in self.payloads for entry in journal_pb2.JournalFrame.FromString(payload).decisions]

    def fail(self) -> None:
        self.failure = RecordUnavailableError("no space left in the journal", cause="ENOSPC")


class MemoryReader:
    """Stored decisions, outcomes of others, and snapshot documents in memory; `down` makes it fail."""

    def __init__(self) -> None:
        self.decisions: dict[str, StoredDecision] = {}
        self.outcomes: dict[str, list[StoredOutcome]] = {}
        self.erased: set[str] = set()
        self.down = False
        self.snapshots: dict[str, str] = {}

    def find_decision(self, decision_id: str) -> StoredDecision | None:
        if self.down:
            raise StoreUnavailableError("the store is down")
        return self.decisions.get(decision_id)

    def find_outcomes(self, decision_id: str) -> Sequence[StoredOutcome]:
        return self.outcomes.get(decision_id, ())

    def is_erased(self, record: DecisionRecord) -> bool:
        return record.decision_id in self.erased

    def get_snapshot(self, digest: str) -> str | None:
        return self.snapshots.get(digest)


class MemoryJournals:
    """What journals hold of decisions; it can be made incomplete, or to hold whoever searches."""

    def __init__(self) -> None:
        self.records: list[DecisionRecord | OutcomeRecord] = []
        self.complete = True
        self.open = threading.Event()
        self.open.set()

    def find(self, decision_id: str, within_s: float) -> Waiting:
        assert self.open.wait(10 * within_s + 9), "the search was held for too long"
        return Waiting(
            tuple(one for one in self.records if isinstance(one, DecisionRecord) and one.decision_id == decision_id),
            tuple(
                one for one in self.records if isinstance(one, OutcomeRecord) and one.outcome.decision_id == decision_id
            ),
            self.complete,
        )


class Fixed:
    """A snapshot that is in force until it is set, or until it has been read where *upcoming* has another."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self.upcoming: list[Snapshot] = []
        self.policy_confirmed_at_us = NOW_US
        self.thresholds_confirmed_at_us = NOW_US
        self.stops: tuple[Stop, ...] = ()
        self.labelled: dict[tuple[str, str, str], int] = {}

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot in force."""
        current = self._snapshot
        if self.upcoming:
            self._snapshot = self.upcoming.pop(0)
        return current

    @snapshot.setter
    def snapshot(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot


class Serving:
    """The server, what is behind it, and stubs to call it."""

    def __init__(
        self,
        snapshot: Snapshot,
        tracer: CallTracer | None = None,
        reader: Reader | None = None,
        disk: Unsynced | None = None,
        access: Access = OPEN,
        credentials: grpc.ChannelCredentials | None = None,
        **settings: Any,
    ) -> None:
        self.journal = MemoryJournal()
        self.journal.disk = disk
        self.reader = reader or MemoryReader()
        self.journals = MemoryJournals()
        self.counters = Counters()
        self.current = Fixed(snapshot)
        configured = Settings(listen="127.0.0.1:0", **settings)
        self.now_us = NOW_US
        self.drained_through_us = NOW_US + 1
        decisions = Decisions(
            current=self.current,
            journal=self.journal,
            wire=ProtobufWire(),
            keys=KEYS,
            counters=self.counters,
            refuse_unrecorded=configured.on_record_failure == "refuse",
        )
        reading = Reading(
            reader=self.reader,
            journals=self.journals,
            drained_through_us=lambda: self.drained_through_us,
            clock_us=lambda: self.now_us,
        )
        outcomes = Outcomes(
            journal=self.journal, wire=ProtobufWire(), counters=self.counters, clock_us=lambda: self.now_us
        )
        self.server: Server = build_server(
            configured,
            decisions=decisions,
            reading=reading,
            outcomes=outcomes,
            counters=self.counters,
            tracer=tracer,
            clock_us=lambda: self.now_us,
            access=access,
        )
        self.target = f"127.0.0.1:{self.server.start()}"
        options = [("grpc.max_send_message_length", -1)]
        if credentials is None:
            self.channel = grpc.insecure_channel(self.target, options)
        else:
            self.channel = grpc.secure_channel(self.target, credentials, options)
        grpc.channel_ready_future(self.channel).result(timeout=10)
        self.decide = decision_service_pb2_grpc.DecisionServiceStub(self.channel)
        self.outcomes = outcome_service_pb2_grpc.OutcomeServiceStub(self.channel)

    def close(self) -> None:
        self.journal.open.set()
        self.journals.open.set()
        self.channel.close()
        self.server.stop(0)


def wait_until(condition: Callable[[], bool], within_s: float = 10) -> None:
    """Return once *condition* holds; fail after *within_s* seconds."""
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)
