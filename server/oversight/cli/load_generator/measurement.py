"""What is kept of a run: counts and histograms, which add up over processes without loss."""

from __future__ import annotations

from collections import Counter, defaultdict

from oversight.cli.load_generator.histogram import Histogram, merged
from oversight.cli.load_generator.messages import Request
from oversight.cli.load_generator.transport import OK, Answer
from oversight_client.enums import Tier
from oversight_client.errors import InvalidResponseError
from oversight_client.payloads import Answered, read_batch, read_decision

__all__ = ["Interval", "Measurement"]

_NS = 1e9
_TIERS = {tier.number for tier in Tier}


class Interval:
    """The calls that were due in one part of a run, with how long they took; failed ones among them."""

    __slots__ = ("failed", "latency_ns")

    def __init__(self) -> None:
        self.latency_ns = Histogram()
        self.failed = 0

    def add(self, other: Interval) -> None:
        """Count everything that *other* has counted."""
        self.latency_ns.add(other.latency_ns)
        self.failed += other.failed


class Measurement:
    """
    Takes what became of each call, as a `Sink`; calls due before second 0 are the warm-up and are only counted.

    `latency_ns` has, by status, how long calls took from when they were due; `service_ns` from when they were sent, and
    `lag_ns` the time in between, both of all calls. `intervals` have the calls due in the n-th *interval_s* seconds.
    `waited` counts calls that were due while too many were under way, `skipped` those that were never sent;
    `last_sent_s` is when the last was, and `last_answered_s` when the last good answer came. Of the replies: `tiers`
    and `evaluations` by number, `unrecorded` decisions, `item_errors` by status, and `wrong` ones, which cannot be read
    or are about another request. `words` are the server's in the first failure of each status; `warmup_failed` are
    failures, by status, before second 0. `stopped_s` is when the run was stopped from outside; `generator_cpu` is how
    much of one CPU the busiest process used.
    """

    def __init__(self, *, interval_s: float, batch: bool) -> None:
        self._interval_s = interval_s
        self._read = read_batch if batch else read_decision
        self.latency_ns: defaultdict[str, Histogram] = defaultdict(Histogram)
        self.service_ns = Histogram()
        self.lag_ns = Histogram()
        self.intervals: defaultdict[int, Interval] = defaultdict(Interval)
        self.last_sent_s = 0.0
        self.last_answered_s = 0.0
        self.waited = 0
        self.skipped = 0
        self.tiers: Counter[int] = Counter()
        self.evaluations: Counter[int] = Counter()
        self.item_errors: Counter[str] = Counter()
        self.unrecorded = 0
        self.wrong = 0
        self.words: dict[str, str] = {}
        self.warmup_failed: Counter[str] = Counter()
        self.stopped_s: float | None = None
        self.generator_cpu = 0.0

    @property
    def sent(self) -> int:
        """How many calls were sent."""
        return self.lag_ns.count

    @property
    def decisions(self) -> int:
        """How many messages were decided."""
        return self.tiers.total()

    def all_latency_ns(self) -> Histogram:
        """Return the latency of all calls, whatever their status: one that timed out took as long as it did."""
        return merged(self.latency_ns.values())

    def add(self, request: Request, answer: Answer, *, due_s: float, sent_s: float, done_s: float) -> None:
        """Take one call that ended."""
        if answer.status != OK:
            self.words.setdefault(answer.status, answer.text)
        if due_s < 0:
            if answer.status != OK:
                self.warmup_failed[answer.status] += 1
            return
        latency_ns = round((done_s - due_s) * _NS)
        self.latency_ns[answer.status].record(latency_ns)
        self.service_ns.record(round((done_s - sent_s) * _NS))
        self.lag_ns.record(max(0, round((sent_s - due_s) * _NS)))
        interval = self.intervals[int(due_s / self._interval_s)]
        interval.latency_ns.record(latency_ns)
        self.last_sent_s = max(self.last_sent_s, sent_s)
        if answer.status == OK:
            self.last_answered_s = max(self.last_answered_s, done_s)
            self._check(request, answer.body)
        else:
            interval.failed += 1

    def skip(self, *, due_s: float) -> None:
        """Take one call that was never sent."""
        self.skipped += due_s >= 0

    def hold(self, *, due_s: float) -> None:
        """Take note that a call that is due waits because too many are under way."""
        self.waited += due_s >= 0

    def merge(self, other: Measurement) -> None:
        """Take in what another process measured of the same step."""
        for status, latency_ns in other.latency_ns.items():
            self.latency_ns[status].add(latency_ns)
        self.service_ns.add(other.service_ns)
        self.lag_ns.add(other.lag_ns)
        for number, interval in other.intervals.items():
            self.intervals[number].add(interval)
        self.last_sent_s = max(self.last_sent_s, other.last_sent_s)
        self.last_answered_s = max(self.last_answered_s, other.last_answered_s)
        self.waited += other.waited
        self.skipped += other.skipped
        self.tiers.update(other.tiers)
        self.evaluations.update(other.evaluations)
        self.item_errors.update(other.item_errors)
        self.warmup_failed.update(other.warmup_failed)
        self.unrecorded += other.unrecorded
        self.wrong += other.wrong
        self.words = other.words | self.words
        self.stopped_s = max((s for s in (self.stopped_s, other.stopped_s) if s is not None), default=None)
        self.generator_cpu = max(self.generator_cpu, other.generator_cpu)

    def _check(self, request: Request, body: bytes) -> None:
        """Count what the reply says; a reply that makes no sense is no success."""
        try:
            answered = self._read(body)
        except InvalidResponseError:
            self.wrong += len(request.ids)
            return
        self.wrong += abs(len(request.ids) - len(answered))
        for request_id, one in zip(request.ids, answered, strict=False):
            self._count(request_id, one)

    def _count(self, request_id: str, answered: Answered) -> None:
        if answered.error:
            self.item_errors[answered.error] += 1
        elif answered.request_id != request_id or answered.tier not in _TIERS:
            self.wrong += 1
        else:
            self.tiers[answered.tier] += 1
            self.evaluations[answered.evaluation] += 1
            self.unrecorded += not answered.recorded
