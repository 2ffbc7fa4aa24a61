"""The blocking client of the admin port: what is on record and what it teaches, policies, and the server's state."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol, Self, TypeVar

import grpc

from oversight.v1.insight_service_pb2 import EraseSubjectRequest, ListRecordsRequest
from oversight.v1.insight_service_pb2_grpc import InsightServiceStub
from oversight.v1.policy_service_pb2 import (
    GetPolicyRequest,
    GetStatusRequest,
    ListPolicyVersionsRequest,
    ReloadPolicyRequest,
    ValidatePolicyRequest,
)
from oversight.v1.policy_service_pb2 import PolicyView as View
from oversight.v1.policy_service_pb2_grpc import PolicyServiceStub
from oversight.v1.threshold_service_pb2 import EngageStopRequest, ListStopsRequest, ReleaseStopRequest
from oversight.v1.threshold_service_pb2_grpc import ThresholdServiceStub
from oversight_client.attempts import Attempts, checked_timeout_s
from oversight_client.bearer import authorized, read_bearer
from oversight_client.channel import TlsOptions, channel_credentials, channel_options, open_channel
from oversight_client.convert import stored_decision_from_proto
from oversight_client.enums import PolicyView
from oversight_client.failures import error_from_rpc
from oversight_client.insight_calls import InsightCalls
from oversight_client.mirrored import mirrored
from oversight_client.policy_values import CheckedPolicy, Policy, PolicyVersionPage, ReloadedPolicy, ServerStatus
from oversight_client.stops import EngagedStop, scope_to_proto, stop_from_proto
from oversight_client.threshold_calls import ThresholdCalls
from oversight_client.values import ErasedSubject, RecordPage, StoredDecision
from oversight_client.wire import time_from_proto, write_fields

__all__ = ["AdminClient"]

Q_contra = TypeVar("Q_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)
Q = TypeVar("Q")
R = TypeVar("R")


class _Method(Protocol[Q_contra, R_co]):
    """A method of a stub."""

    def __call__(self, request: Q_contra, /, *, timeout: float) -> R_co: ...


class AdminClient(ThresholdCalls, InsightCalls):
    """
    Reads, erases and checks on the admin port at *target*.

    Each call has *timeout_s*; within it UNAVAILABLE and CANCELLED are tried again. Raises CallError when it fails,
    TypeError or ValueError for a filter that cannot be sent. *target* must be on this machine unless *tls* or
    *insecure* is given. *token* and *token_file* are those of `Client`. *clock* and *sleep* are for tests. Safe for use
    from several threads.
    """

    def __init__(
        self,
        target: str = "127.0.0.1:50052",
        *,
        timeout_s: float = 5.0,
        tls: TlsOptions | None = None,
        token: str = "",
        token_file: str | os.PathLike[str] | None = None,
        insecure: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._timeout_s = checked_timeout_s(timeout_s)
        self._clock = clock
        self._sleep = sleep
        credentials = channel_credentials(target, tls, insecure=insecure)
        self._channel = open_channel(target, credentials, channel_options(target, tls))
        channel = authorized(self._channel, read_bearer(token, token_file))
        self._insight = InsightServiceStub(channel)
        self._thresholds = ThresholdServiceStub(channel)
        self._policies = PolicyServiceStub(channel)

    def list_records(self, *, page_size: int = 0, page_token: str = "", **filters: object) -> RecordPage:
        """
        Return one page of decisions, newest first.

        *filters* are fields of ListRecordsRequest (docs/api.md); times are datetimes with a zone or ISO 8601 text. A
        page may be empty although more follow: go on while it has a `next_page_token`.
        """
        request = ListRecordsRequest()
        write_fields(request, {**filters, "page_size": page_size, "page_token": page_token})
        response = self._call(self._insight.ListRecords, request)
        return RecordPage(tuple(map(stored_decision_from_proto, response.records)), response.next_page_token)

    def iterate_records(self, *, page_token: str = "", **filters: object) -> Iterator[StoredDecision]:
        """Yield every decision that meets the *filters* of `list_records`, newest first, page by page."""
        while True:
            page = self.list_records(page_size=1_000, page_token=page_token, **filters)
            yield from page.records
            page_token = page.next_page_token
            if not page_token:
                return

    def erase_subject(self, subject_ref: str, *, tenant_id: str = "") -> ErasedSubject:
        """Erase the personal part of every decision about the customer, of *tenant_id* alone where it is given."""
        request = EraseSubjectRequest()
        write_fields(request, {"subject_ref": subject_ref, "tenant_id": tenant_id})
        response = self._call(self._insight.EraseSubject, request)
        return ErasedSubject(response.erased_decisions, time_from_proto(response.before))

    def engage_stop(self, *, justification: str, department: str = "", intent: str = "") -> EngagedStop:
        """Stop messages of *department* with *intent*, where both are empty every message: each goes to a person."""
        request = EngageStopRequest(scope=scope_to_proto(department, intent), justification=justification)
        return stop_from_proto(self._call(self._thresholds.EngageStop, request).stop)

    def release_stop(self, *, justification: str, department: str = "", intent: str = "") -> int:
        """Let messages go on that a stop of just this scope held; return the revision of that."""
        request = ReleaseStopRequest(scope=scope_to_proto(department, intent), justification=justification)
        return int(self._call(self._thresholds.ReleaseStop, request).revision)

    def list_stops(self) -> tuple[EngagedStop, ...]:
        """Return the stops in force, oldest first."""
        return tuple(map(stop_from_proto, self._call(self._thresholds.ListStops, ListStopsRequest()).stops))

    def get_policy(self, name: str = "", *, digest: str = "", view: PolicyView | str = PolicyView.BASIC) -> Policy:
        """
        Return the policy *name* (empty: the default policy) of the snapshot *digest* (empty: the one in force).

        Raises NotFoundError where there is no such policy or snapshot.
        """
        request = GetPolicyRequest(name=name, digest=digest, view=View.ValueType(PolicyView(view).number))
        return mirrored(Policy, self._call(self._policies.GetPolicy, request))

    def list_policy_versions(self, *, page_size: int = 0, page_token: str = "") -> PolicyVersionPage:
        """Return one page of the snapshots that were published, the last one first."""
        request = ListPolicyVersionsRequest(page_size=page_size, page_token=page_token)
        return mirrored(PolicyVersionPage, self._call(self._policies.ListPolicyVersions, request))

    def validate_policy(self, files: Mapping[str, str], *, default_policy: str = "") -> CheckedPolicy:
        """Check rule files (texts by path) as the server would; nothing is published."""
        request = ValidatePolicyRequest(files=files, default_policy=default_policy)
        return mirrored(CheckedPolicy, self._call(self._policies.ValidatePolicy, request))

    def reload_policy(self) -> ReloadedPolicy:
        """Have the server look at its folder of rule files now, and publish what it says if that compiles."""
        return mirrored(ReloadedPolicy, self._call(self._policies.ReloadPolicy, ReloadPolicyRequest()))

    def get_status(self) -> ServerStatus:
        """Return what is in force on the server, since when, and whether anything is wrong."""
        return mirrored(ServerStatus, self._call(self._policies.GetStatus, GetStatusRequest()))

    def close(self) -> None:
        """End the connection."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(self, method: _Method[Q, R], message: Q) -> R:
        attempts = Attempts(self._timeout_s, self._clock)
        while True:
            remaining_s = attempts.remaining_s()
            try:
                return method(message, timeout=remaining_s)
            except grpc.RpcError as failure:
                error = error_from_rpc(failure)
            self._sleep(attempts.pause_s(error))
