"""
The keeper: brings records from the journals into the store, removes what is too old, and learns from what is there.

None of it may make a caller wait, and none of it is urgent: it runs when nobody else does. What has to be in force
within a second is the controller's, whose interpreter it does not share (docs/adr/0028).
"""

from __future__ import annotations

import logging
import os
import signal
import time
from contextlib import suppress
from functools import partial

from oversight.app.anomaly_watch import AnomalyWatch
from oversight.app.breaker_steps import BreakerSteps
from oversight.app.clock import now_us
from oversight.app.drain_watch import DrainWatch
from oversight.app.feed_watch import FeedWatch
from oversight.app.handover import run_folder
from oversight.app.kept_rules import KeptRules
from oversight.app.keys import load_keys
from oversight.app.labelled import LabelledWatch
from oversight.app.repetition import Repetition, failing
from oversight.app.reports import KeeperReport, write_report
from oversight.app.retention_watch import RetentionWatch
from oversight.app.signals import SignalPipe
from oversight.app.snapshot_outbox import SnapshotOutbox
from oversight.app.store import open_control_store, open_election, open_store, open_store_database
from oversight.app.warning_watch import WarningWatch
from oversight.app.yielding import lower_priority, settle_memory, yield_to_callers
from oversight.errors import StoreUnavailableError
from oversight.grpc_api.convert.frames import count_records, decode_frame
from oversight.journal.drain import Drain
from oversight.settings import Settings
from oversight.storage.checkpoints import CheckpointKey
from oversight.storage.confidences import SqlConfidences
from oversight.storage.evidence_feed import EvidenceFeed
from oversight.storage.evidence_reader import SqlEvidence
from oversight.storage.pending import PendingOutcomes
from oversight.storage.prompt_commits import keep_commits_prompt
from oversight.storage.retention import Retention, months_before
from oversight.storage.warning_store import SqlWarningStore
from oversight.telemetry.logs import configure_logs
from oversight.telemetry.tracing import Telemetry, start_telemetry

__all__ = ["run_keeper"]

_COMMITS_NICENESS = 10
"""As the controller's: deciding comes first, and those who wait for the file do not wait for an idle CPU."""
_HEARTBEAT_S = 1.0
_TELEMETRY_S = 1.0
_RETENTION_S = 1.0
_COUNT_S = 5.0
_FEED_S = 1.0
_LABELLED_S = 3.0
_TEST_S = 10.0
_SIMULATED_S = 0.1
_ANOMALIES_S = 60.0
_SETTLED_US = 600_000_000
"""After midnight, until records of the day before have come to the store from every replica."""
_FINISHING_S = 1.0
_HANDING_OVER_S = 1.0
"""What a drain may take when a successor goes on with it at once."""
_log = logging.getLogger(__name__)


def run_keeper(settings: Settings) -> int:
    """
    Run the keeper until SIGTERM, or until SIGUSR1, by which another one follows at once; return 0.

    Raises `StoreVersionError` for a database of another version.
    """
    os.nice(_COMMITS_NICENESS)
    keep_commits_prompt()
    lower_priority()
    configure_logs("keeper", level=settings.log_level, form=settings.log_format)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signals = SignalPipe(signal.SIGTERM, signal.SIGUSR1)
    keeper = _Keeper(settings)
    keeper.prepare()
    yield_to_callers()
    settle_memory()
    keeper.start()
    while not (told := signals.wait(_HEARTBEAT_S)):
        keeper.report()
    keeper.stop(followed=signal.SIGTERM not in told)
    return 0


class _Keeper:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._run = run_folder(settings.data_dir)
        self._started_us = now_us()
        self._outbox = SnapshotOutbox(settings.data_dir)
        keys = load_keys(settings)
        self._store = open_store(settings)
        self._drain = DrainWatch(
            self._run,
            Drain(
                settings.data_dir / "journal",
                self._store,
                decode=partial(decode_frame, keys=keys),
                count=count_records,
                clock=lambda: now_us() / 1e6,
            ),
            self._store,
            self._outbox,
            clock_us=now_us,
        )
        self._drain_loop = Repetition(
            "the drain",
            settings.drain_interval_s,
            self._drain.step,
            finish=self._drain.step,
            hurry=lambda: self._drain.hurries,
        )
        retention = RetentionWatch(
            # Connections of its own: the drain's thread has the store's.
            Retention(open_store_database(settings).engine, CheckpointKey(keys.id_key), clock_us=now_us),
            months=settings.retention_months,
            in_force=self._outbox.digests,
            clock_us=now_us,
        )
        self._pending = PendingOutcomes(self._store.reading)
        # Connections of its own, too; whoever is elected feeds, and everybody counts labels for the own workers.
        self._learning = open_store(settings)
        self._election = open_election(settings)
        evidence = SqlEvidence(self._learning.reading)
        self._feed = FeedWatch(
            EvidenceFeed(self._learning, audit_due_h=settings.audit_due_h),
            self._election,
            through_us=evidence.through_us,
            drained_through_us=lambda: self._drain.state.drained_through_us,
        )
        rules = KeptRules(settings.data_dir)
        steps = BreakerSteps(rules, lambda: open_control_store(settings), clock_us=now_us)
        store = SqlWarningStore(self._learning)
        self._warnings = WarningWatch(
            evidence,
            store,
            take_steps=steps.take,
            elected=self._election.is_elected,
            has_caught_up=self._has_caught_up,
            clock_us=now_us,
        )
        self._anomalies = AnomalyWatch(
            evidence,
            SqlConfidences(self._learning.reading),
            store,
            rules=rules.published,
            take_causes=steps.take_causes,
            elected=self._election.is_elected,
            has_caught_up=self._has_caught_up,
            clock_us=now_us,
        )
        # Beside the drain, each in a thread of its own; they end as soon as a stop is asked for.
        self._others = (
            Repetition("retention", _RETENTION_S, retention.step),
            Repetition("the count of outcomes that wait", _COUNT_S, self._count_waiting),
            Repetition(
                "the feed of the evidence", _every(settings, _FEED_S), self._feed.step, hurry=lambda: self._feed.hurries
            ),
            Repetition("the count of labels", _LABELLED_S, LabelledWatch(self._run, evidence.label_counts).step),
            Repetition("the test of the warning signs", _every(settings, _TEST_S), self._warnings.step),
            Repetition("the look at volume and confidence", _ANOMALIES_S, self._anomalies.step),
        )
        self._telemetry: Telemetry | None = None

    def prepare(self) -> None:
        """Make the store ready: a database of another version is found now, not under load."""
        try:
            self._store.prepare()
        except StoreUnavailableError as error:
            _log.warning("starting without the store: %s", error)

    def start(self) -> None:
        """Begin with everything that goes on."""
        self._telemetry = start_telemetry(
            "keeper",
            "keeper",
            None,
            {
                "oversight.records.pending": lambda: self._drain.state.pending_records,
                "oversight.records.oldest_age": self._oldest_age_s,
                "oversight.warnings": lambda: self._warnings.state.places,
            },
        )
        self.report()
        for loop in (self._drain_loop, *self._others):
            loop.start()

    def stop(self, *, followed: bool) -> None:
        """Drain once more within the grace; what is left waits for the next start, or for the one that follows now."""
        for loop in self._others:
            loop.stop(0.0)
        self._election.close()
        grace_s = self._settings.shutdown_grace_s
        drained = self._drain_loop.stop(min(grace_s, _HANDING_OVER_S) if followed else grace_s)
        if not followed and (not drained or self._drain.state.pending_records):
            _log.warning("not all records reached the store in time; they are drained at the next start")
        # They were told long ago; what one of them is about to commit is not cut off in the middle.
        end_s = time.monotonic() + _FINISHING_S
        for loop in self._others:
            loop.stop(max(0.0, end_s - time.monotonic()))
        self.report()
        if self._telemetry is not None:
            self._telemetry.shutdown(_TELEMETRY_S)

    def report(self) -> None:
        """Say what is the case."""
        drain, feed, at_us = self._drain.state, self._feed.state, now_us()
        waiting, expired = self._pending.count(months_before(at_us, self._settings.retention_months))
        report = KeeperReport(
            pid=os.getpid(),
            at_us=at_us,
            started_us=self._started_us,
            store_problem=drain.problem,
            drained_through_us=drain.drained_through_us,
            pending_records=drain.pending_records,
            pending_bytes=drain.pending_bytes,
            oldest_us=drain.oldest_us,
            counted_at_us=drain.counted_at_us,
            waiting_outcomes=waiting,
            expired_outcomes=expired,
            critical_warnings=self._warnings.state.critical,
            warnings_problem=self._warnings.state.problem or self._anomalies.problem,
            failing=failing((self._drain_loop, *self._others)),
            feedback_problem=feed.problem,
            feedback_through_us=feed.through_us,
        )
        try:
            write_report(self._run, report)
        except OSError as error:
            _log.warning("the heartbeat cannot be written: %s", error)

    def _count_waiting(self) -> None:
        # A store that is down is said by the drain.
        with suppress(StoreUnavailableError):
            self._pending.step()

    def _has_caught_up(self, day_us: int) -> bool:
        """Tell whether what was decided before *day_us* is in the evidence, as far as this replica knows."""
        feed = self._feed.state
        if feed.problem or feed.complete_us < day_us:
            return False
        # Of what other replicas recorded nobody knows whether it has come.
        return (feed.through_us or 0) >= day_us or now_us() - day_us >= _SETTLED_US

    def _oldest_age_s(self) -> float:
        oldest_us = self._drain.state.oldest_us
        return 0.0 if oldest_us is None else max(0.0, (now_us() - oldest_us) / 1e6)


def _every(settings: Settings, usual_s: float) -> float:
    """Return the seconds between two looks; where time is simulated, days pass in moments."""
    return usual_s if settings.simulated_clock is None else min(usual_s, _SIMULATED_S)
