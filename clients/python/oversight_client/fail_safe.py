"""What happens when the service cannot be asked: the message goes to a person, never to the customer unseen."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Literal, get_args

from grpc import StatusCode

from oversight.v1.decision_service_pb2 import DecideRequest
from oversight_client.enums import Escalation, Evaluation, Tier
from oversight_client.errors import CallError
from oversight_client.failures import error_of_status
from oversight_client.values import Decision, ItemError, PolicyIdentity, Reason

__all__ = ["FailSafe", "OnUnavailable", "local_decision"]

OnUnavailable = Literal["human", "raise"]
"""What a decision does when the service cannot be asked: a local decision for a person, or an error."""

_BURST_S = 10.0
_LOG = logging.getLogger("oversight_client")


def local_decision(request: DecideRequest, code: StatusCode) -> Decision:
    """
    Return what stands in for the decision of *request* that failed with *code*.

    As the loop with a transfer where a person was asked for, the customer is vulnerable or a guardrail was raised; else
    in the loop; never below the held tier.
    """
    urgent = request.human_requested or request.vulnerable_customer or bool(request.guardrails.flags)
    tier = Tier.HUMAN_AS_THE_LOOP if urgent else Tier.HUMAN_IN_THE_LOOP
    if request.held_tier:
        tier = max(tier, Tier.numbered(request.held_tier))
    escalation = Escalation.TRANSFER if urgent else Escalation.NONE
    reason = Reason(
        code="DECISION_UNAVAILABLE",
        rule_id="decision_unavailable",
        message=f"The oversight service could not be asked ({code.name}), so a person decides.",
        comparisons=(),
        tier=tier,
        escalation=escalation,
    )
    return Decision(
        decision_id="",
        request_id=request.request_id,
        tier=tier,
        escalate=urgent,
        escalation=escalation,
        reason=reason.code,
        reasons=(reason,),
        evaluation=Evaluation.ERROR,
        recorded=False,
        policy=PolicyIdentity(),
    )


class FailSafe:
    """
    Answers for the service when it cannot be asked, and counts how often.

    Only INVALID_ARGUMENT is the caller's to mend and is raised in either mode. Logs a warning where a burst begins, at
    a failure with none in the 10 s before it. Safe for use from several threads.
    """

    def __init__(self, on_unavailable: OnUnavailable, clock: Callable[[], float]) -> None:
        if on_unavailable not in get_args(OnUnavailable):
            raise ValueError(f"on_unavailable: expected human or raise, got {on_unavailable!r}")
        self._raises = on_unavailable == "raise"
        self._clock = clock
        self._lock = threading.Lock()
        self._last_s: float | None = None
        self.unavailable_count = 0
        """Decisions asked for that the service did not make."""

    def decide(self, request: DecideRequest, error: CallError) -> Decision:
        """Return the local decision for *request*, or raise *error*."""
        return self.decide_all((request,), error)[0]

    def decide_all(self, requests: Iterable[DecideRequest], error: CallError) -> list[Decision]:
        """Return the local decisions for *requests*, whose batch failed as a whole, or raise *error*."""
        if error.code is StatusCode.INVALID_ARGUMENT:
            raise error
        requests = tuple(requests)
        self._count(len(requests), error)
        if self._raises:
            raise error
        return [local_decision(request, error.code) for request in requests]

    def settle(
        self, requests: Iterable[DecideRequest], results: Iterable[Decision | ItemError]
    ) -> list[Decision | ItemError]:
        """Return *results* with a local decision in place of each failure that is not the item's own."""
        return [self._settle_one(request, result) for request, result in zip(requests, results, strict=True)]

    def _settle_one(self, request: DecideRequest, result: Decision | ItemError) -> Decision | ItemError:
        if isinstance(result, Decision) or result.code is StatusCode.INVALID_ARGUMENT:
            return result
        self._count(1, error_of_status(result.code, result.message, reason=result.reason))
        return result if self._raises else local_decision(request, result.code)

    def _count(self, decisions: int, error: CallError) -> None:
        now_s = self._clock()
        with self._lock:
            self.unavailable_count += decisions
            begins = self._last_s is None or now_s - self._last_s > _BURST_S
            self._last_s = now_s
        if begins:
            _LOG.warning(
                "the oversight service could not be asked: %s: %s (%d decisions in all); %s",
                error.code.name,
                error,
                self.unavailable_count,
                "callers get the error" if self._raises else "messages go to people until it answers",
            )
