"""
Thresholds that change in pairs, and callers who look if they ever see half of a change.

Both are shown in every reply: the two rules always match. The values of a pair are a function of one number, so that a
reply by itself tells whether both belong to one change.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import grpc

from contract.control_samples import an_event
from oversight.engine.control import ControlEvent, Setting
from oversight.v1 import decision_service_pb2, decision_service_pb2_grpc
from servers import a_request

_POLICY = """\
policy: contact_centre
version: "1"
description: Two thresholds that are always changed together.
required_signals: [intent, response_confidence, sentiment_score]
intents: [order_status]
thresholds:
  first: {description: The one., default: 0.5, min: 0.1, max: 0.9, tightens: lower}
  second: {description: The other., default: 0.4, min: 0.1, max: 0.9, tightens: lower}
rules:
  - id: one
    when: {response_confidence: {above: $first}}
    tier: human_in_the_loop
    reason: ONE
    message: It is above the one.
  - id: other
    when: {response_confidence: {above: $second}}
    tier: human_in_the_loop
    reason: OTHER
    message: It is above the other.
"""


def write_pair_policy(folder: Path) -> None:
    """Put the policy of the two thresholds there."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "contact_centre.yaml").write_text(_POLICY, encoding="utf-8")


def a_pair(number: int) -> ControlEvent:
    """Return the change with this *number*: both thresholds, a tenth apart."""
    value = 0.2 + number % 500 / 1_000
    return an_event(
        settings=(
            Setting("contact_centre", "first", round(value + 0.1, 6)),
            Setting("contact_centre", "second", round(value, 6)),
        )
    )


def is_torn(reply: decision_service_pb2.DecideResponse) -> bool:
    """Tell whether the reply was made with half of a change."""
    limits = {reason.rule_id: json.loads(reason.comparisons[0].limit) for reason in reply.reasons}
    return bool(abs(limits["one"] - limits["other"] - 0.1) > 1e-9)


class Seen(NamedTuple):
    """When a caller first had a reply with a revision, by `time.monotonic`."""

    revision: int
    at_s: float


class Caller:
    """A thread that asks one server on one connection again and again."""

    def __init__(self, target: str, stop: threading.Event, pause_s: float = 0.0, token: str = "") -> None:
        self.replies = 0
        self.torn = 0
        self.backwards = 0
        self.seen: list[Seen] = [Seen(-1, 0.0)]
        self._stop = stop
        self._pause_s = pause_s
        self._metadata = (("authorization", f"Bearer {token}"),) if token else None
        # A connection of its own, and with it maybe another worker.
        self._channel = grpc.insecure_channel(target, [("grpc.use_local_subchannel_pool", 1)])
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()

    @property
    def revision(self) -> int:
        """The newest revision that was seen."""
        return self.seen[-1].revision

    def join(self) -> None:
        """Wait for the end, and close the connection."""
        self._thread.join()
        self._channel.close()

    def _ask(self) -> None:
        stub = decision_service_pb2_grpc.DecisionServiceStub(self._channel)
        request = a_request(response_confidence=0.99)
        while not self._stop.is_set():
            try:
                reply = stub.Decide(request, timeout=10, wait_for_ready=True, metadata=self._metadata)
            except grpc.RpcError as error:
                if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
                    continue  # the connection is renewed
                raise
            self.replies += 1
            self.torn += is_torn(reply)
            if reply.threshold_revision > self.revision:
                self.seen.append(Seen(reply.threshold_revision, time.monotonic()))
            self.backwards += reply.threshold_revision < self.revision
            if self._pause_s:
                self._stop.wait(self._pause_s)


def first_seen_s(callers: Sequence[Caller], revision: int) -> float | None:
    """Return when the last of *callers* had a reply with *revision* or a later one; None while one has not."""
    times = [next((one.at_s for one in caller.seen if one.revision >= revision), None) for caller in callers]
    return None if None in times else max(one for one in times if one is not None)
