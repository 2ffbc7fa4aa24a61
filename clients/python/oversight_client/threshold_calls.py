"""What `AdminClient` can do with thresholds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import grpc

from oversight.v1 import threshold_service_pb2 as pb
from oversight.v1.threshold_service_pb2_grpc import ThresholdServiceStub
from oversight_client.failures import error_from_rpc
from oversight_client.mirrored import mirrored
from oversight_client.threshold_values import Recommendation, ThresholdHistory, ThresholdSet, ThresholdUpdate

__all__ = ["ThresholdCalls"]

_CHANGE = ("name", "value", "policy", "intent", "department", "currency")


class ThresholdCalls(ABC):
    """
    The calls about thresholds.

    Reading is tried again within the client's time as any call is. A change is sent once: UNAVAILABLE and
    DEADLINE_EXCEEDED may mean that it was made, and the history says whether.
    """

    _thresholds: ThresholdServiceStub
    _timeout_s: float

    def get_thresholds(
        self, policy: str = "", *, intent: str = "", department: str = "", currency: str = ""
    ) -> ThresholdSet:
        """Return what is in force in one scope of *policy* (empty: the default policy)."""
        scope = pb.ThresholdScope(intent=intent, department=department, currency=currency)
        request = pb.GetThresholdsRequest(policy=policy, scope=scope)
        return mirrored(ThresholdSet, self._call(self._thresholds.GetThresholds, request).thresholds)

    def update_thresholds(
        self,
        changes: Iterable[Mapping[str, Any]],
        *,
        justification: str = "",
        expected_revision: int | None = None,
        expected_rules_digest: str | None = None,
        expires_at: datetime | None = None,
        validate_only: bool = False,
    ) -> ThresholdUpdate:
        """
        Make all *changes* together, or say what they would change (*validate_only*).

        Each is a mapping of name, value (None or left out: the live value is removed), policy, intent, department and
        currency. *expected_revision* and *expected_rules_digest*, the `revision` and `rules_digest` of what was looked
        at, make just that or raise `StaleRevisionError`. *expires_at* has a time zone. Raises TypeError and ValueError
        for what cannot be sent.
        """
        request = pb.UpdateThresholdsRequest(
            changes=[_change(number, fields) for number, fields in enumerate(changes)],
            expected_revision=expected_revision,
            expected_rules_digest=expected_rules_digest,
            justification=justification,
            validate_only=validate_only,
        )
        if expires_at is not None:
            if expires_at.utcoffset() is None:
                raise ValueError("expires_at: expected a time with a time zone: without one nobody knows when it is")
            request.expires_at.FromDatetime(expires_at)
        return mirrored(ThresholdUpdate, self._once(self._thresholds.UpdateThresholds, request).update)

    def list_threshold_changes(self, *, page_size: int = 0, page_token: str = "") -> ThresholdHistory:
        """Return one page of the events about thresholds and stops, newest first."""
        request = pb.ListThresholdChangesRequest(page_size=page_size, page_token=page_token)
        return mirrored(ThresholdHistory, self._call(self._thresholds.ListThresholdChanges, request))

    def roll_back_thresholds(
        self,
        to_revision: int,
        *,
        justification: str = "",
        expected_revision: int | None = None,
        expected_rules_digest: str | None = None,
        validate_only: bool = False,
    ) -> ThresholdUpdate:
        """Put the live values of *to_revision* in force again."""
        request = pb.RollbackThresholdsRequest(
            to_revision=to_revision,
            justification=justification,
            expected_revision=expected_revision,
            expected_rules_digest=expected_rules_digest,
            validate_only=validate_only,
        )
        return mirrored(ThresholdUpdate, self._once(self._thresholds.RollbackThresholds, request).update)

    def approve_threshold_change(
        self,
        revision: int,
        *,
        justification: str = "",
        expected_revision: int | None = None,
        expected_rules_digest: str | None = None,
        validate_only: bool = False,
    ) -> ThresholdUpdate:
        """Put the proposal *revision* of somebody else in force."""
        request = pb.ApproveThresholdChangeRequest(
            revision=revision,
            justification=justification,
            expected_revision=expected_revision,
            expected_rules_digest=expected_rules_digest,
            validate_only=validate_only,
        )
        return mirrored(ThresholdUpdate, self._once(self._thresholds.ApproveThresholdChange, request).update)

    def reject_threshold_change(self, revision: int, *, justification: str) -> int:
        """End the wait of the proposal *revision*; return the revision of that."""
        request = pb.RejectThresholdChangeRequest(revision=revision, justification=justification)
        return int(self._once(self._thresholds.RejectThresholdChange, request).revision)

    def recommend_thresholds(
        self,
        policy: str = "",
        *,
        max_error: float,
        confidence: float | None = None,
        name: str = "",
        intent: str = "",
        department: str = "",
        currency: str = "",
        model_version: str = "",
        claims: int | None = None,
        window_days: int | None = None,
    ) -> Recommendation:
        """
        Return the most lenient proven value of the threshold *name* (empty: autonomy_confidence), or an honest no.

        It changes nothing. It is asked once, because an answer about new evidence spends a part of the chance of error;
        after a failed call ask again: the same question about the same evidence has the same answer.
        """
        request = pb.RecommendThresholdsRequest(
            policy=policy,
            scope=pb.ThresholdScope(intent=intent, department=department, currency=currency),
            name=name,
            max_error=max_error,
            confidence=confidence,
            model_version=model_version,
            claims=claims,
            window_days=window_days,
        )
        return mirrored(Recommendation, self._once(self._thresholds.RecommendThresholds, request))

    @abstractmethod
    def _call(self, method: Any, message: Any) -> Any:
        """Call *method*, again where that is harmless."""

    def _once(self, method: Any, message: Any) -> Any:
        try:
            return method(message, timeout=self._timeout_s)
        except grpc.RpcError as failure:
            raise error_from_rpc(failure) from failure


def _change(number: int, fields: Mapping[str, Any]) -> pb.ThresholdChange:
    for name in fields:
        if name not in _CHANGE:
            raise TypeError(f"changes[{number}].{name}: no such field; there are {', '.join(_CHANGE)}")
    scope = pb.ThresholdScope(**{name: fields.get(name) or "" for name in ("intent", "department", "currency")})
    value = fields.get("value")
    return pb.ThresholdChange(
        policy=fields.get("policy") or "",
        name=fields.get("name") or "",
        scope=scope,
        value=None if value is None else float(value),
    )
