"""Who may call a server, over the wire: tokens, roles, tenants, and what a stranger learns."""

from __future__ import annotations

import logging
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from builders import KEYS
from oversight.access.identity import LOCAL, Role
from oversight.grpc_api.authentication import Authentication
from oversight.grpc_api.convert.frames import decode_frame
from oversight.grpc_api.roles import ROLES
from oversight.grpc_api.status import Refusal
from oversight.telemetry.counters import Counters
from oversight.v1 import decision_service_pb2 as pb
from oversight.v1 import outcome_pb2
from oversight.v1 import outcome_service_pb2 as outcome_pb
from refusals import refusal_of
from rpc.access_fakes import KnownAccess, bearing, every_role_but, somebody
from serving import Serving

TOKEN = "ovs_gateway"  # noqa: S105 - no secret
DECIDE, UNKNOWN = (f"/oversight.v1.DecisionService/{name}" for name in ("Decide", "Undecide"))
REQUEST = pb.DecideRequest(intent="order_status", response_confidence=0.97)
OUTCOME = outcome_pb.RecordOutcomeRequest(
    outcome=outcome_pb2.Outcome(outcome_id="o-1", decision_id="0" * 32, escalated=True)
)


def decide(serving: Serving, token: str | None = TOKEN, **fields: Any) -> pb.DecideResponse:
    """Ask for a decision with *token*, None for a call without one."""
    request = pb.DecideRequest(intent="order_status", response_confidence=0.97, **fields)
    return serving.decide.Decide(request, timeout=10, metadata=None if token is None else bearing(token))


def test_the_caller_is_on_the_record(serve: Callable[..., Serving]) -> None:
    """Who asked is part of what an auditor is shown."""
    serving = serve(access=KnownAccess({TOKEN: somebody("decide", "record")}))
    decide(serving)
    serving.outcomes.RecordOutcome(OUTCOME, timeout=10, metadata=bearing(TOKEN))

    assert ["gateway"] == [entry.caller for entry in serving.journal.entries()]
    assert b"gateway" in serving.journal.payloads[1]


def test_without_authentication_every_caller_is_local(serving: Serving) -> None:
    """What a newcomer starts on one machine works at once, and says so on record."""
    decide(serving, None)
    decide(serving, "whatever")

    assert ["local", "local"] == [entry.caller for entry in serving.journal.entries()]
    assert frozenset(Role) == LOCAL.roles


@pytest.mark.parametrize(
    "metadata",
    [
        (),
        bearing(""),
        bearing("ovs_another"),
        bearing("a.b.c"),
        (("authorization", TOKEN),),
        (("authorization", f"Basic {TOKEN}"),),
        (("authorization", "Bearer"),),
        (("x-token", TOKEN),),
    ],
)
def test_a_caller_without_credentials_learns_nothing(serve: Callable[..., Serving], metadata: Any) -> None:
    """One refusal for all: what is wrong with a guess helps the next one."""
    serving = serve(access=KnownAccess({TOKEN: somebody("decide")}))
    refusal = refusal_of(lambda: serving.decide.Decide(REQUEST, timeout=10, metadata=metadata))

    assert (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED", {}) == (refusal.code, refusal.reason, refusal.metadata)
    assert "this call needs credentials that the server takes; its log says what was wrong" == refusal.text
    assert [] == serving.journal.payloads


def test_the_check_comes_before_the_message(serve: Callable[..., Serving]) -> None:
    """A stranger's bytes are not parsed, and a message that is too large is not even a fault of theirs."""
    serving = serve(access=KnownAccess({TOKEN: somebody("decide")}), max_message_bytes=1024)
    raw: grpc.UnaryUnaryMultiCallable[bytes, bytes] = serving.channel.unary_unary(
        "/oversight.v1.DecisionService/Decide"
    )
    refusal = refusal_of(lambda: raw(b"\xff" * 2000, timeout=10))

    assert grpc.StatusCode.UNAUTHENTICATED is refusal.code


def test_an_expired_token_is_refused(serve: Callable[..., Serving]) -> None:
    """A token that was meant for a week must not last for ever."""
    access = KnownAccess()
    access.set_tokens({TOKEN: somebody("decide")}, expires_at_us=int((time.time() - 1) * 1e6))
    serving = serve(access=access)

    assert grpc.StatusCode.UNAUTHENTICATED is refusal_of(lambda: decide(serving)).code
    assert {"expired": 1} == serving.counters.refused_callers()


def test_a_token_in_use_ends_at_its_moment() -> None:
    """That it was looked at before must not carry it beyond."""
    access = KnownAccess()
    access.set_tokens({TOKEN: somebody("decide")}, expires_at_us=200_000_000)
    now_s = [100.0]
    counters = Counters()
    admit = Authentication(access, counters, failures_per_s=9, clock=lambda: now_s[0]).admit(DECIDE)

    class Call:
        def peer(self) -> str:
            return "ipv4:127.0.0.1:1"

    for moment in (100.0, 150.0, 199.999_999):
        now_s[0] = moment
        assert somebody("decide") == admit(bearing(TOKEN), Call())
    now_s[0] = 200.0
    refused = admit(bearing(TOKEN), Call())
    assert isinstance(refused, Refusal)
    assert (grpc.StatusCode.UNAUTHENTICATED, {"expired": 1}) == (refused.code, counters.refused_callers())


def test_a_revoked_token_is_refused_from_the_next_call_on(serve: Callable[..., Serving]) -> None:
    """On a connection that was there before as well."""
    access = KnownAccess({TOKEN: somebody("decide")})
    serving = serve(access=access)
    decide(serving)
    access.set_tokens({})

    assert grpc.StatusCode.UNAUTHENTICATED is refusal_of(lambda: decide(serving)).code


def test_a_token_that_is_revoked_before_the_message_comes_is_refused(serve: Callable[..., Serving]) -> None:
    """Calls that were opened in advance must not outlive the token."""
    access = KnownAccess({TOKEN: somebody("decide")})
    serving = serve(access=access)

    # The message is made when the call is: headers that go first need a stream.
    stream: grpc.StreamUnaryMultiCallable[bytes, bytes] = serving.channel.stream_unary(
        "/oversight.v1.DecisionService/Decide"
    )

    def messages() -> Iterator[bytes]:
        access.looked_at.wait(10)
        access.set_tokens({})
        yield REQUEST.SerializeToString()

    refusal = refusal_of(lambda: stream(messages(), timeout=10, metadata=bearing(TOKEN)))
    assert grpc.StatusCode.UNAUTHENTICATED is refusal.code


CALLS: dict[str, tuple[str, Any]] = {
    "decide": ("/oversight.v1.DecisionService/Decide", REQUEST),
    "read": ("/oversight.v1.DecisionService/GetDecision", pb.GetDecisionRequest(decision_id="0" * 32)),
    "record": ("/oversight.v1.OutcomeService/RecordOutcome", OUTCOME),
}


@pytest.mark.parametrize("role", CALLS)
def test_a_caller_without_the_role_is_refused_by_name(serve: Callable[..., Serving], role: str) -> None:
    """Each role is for itself: all the others together do not make up for it."""
    path, request = CALLS[role]
    serving = serve(access=KnownAccess({TOKEN: somebody(*every_role_but(Role(role)))}))
    call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = serving.channel.unary_unary(path)
    refusal = refusal_of(lambda: call(request.SerializeToString(), timeout=10, metadata=bearing(TOKEN)))

    assert (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED") == (refusal.code, refusal.reason)
    assert (f"gateway does not have the role {role}", {"role": role}) == (refusal.text, refusal.metadata)
    assert {"role": 1} == serving.counters.refused_callers()


def test_a_caller_of_one_tenant_sends_that_tenants_alone(serve: Callable[..., Serving]) -> None:
    """What it leaves out is filled in, so that records and rules know the tenant."""
    serving = serve(access=KnownAccess({TOKEN: somebody("decide", tenant_id="north")}))
    decide(serving)
    decide(serving, tenant_id="north")
    refusal = refusal_of(lambda: decide(serving, tenant_id="south"))

    sent = [entry.request for entry in serving.journal.entries()]
    assert ["north", "north"] == [request.tenant_id for request in sent]
    assert (grpc.StatusCode.PERMISSION_DENIED, {"role": "decide"}) == (refusal.code, refusal.metadata)


def test_in_a_batch_another_tenants_item_is_refused_in_its_place(serve: Callable[..., Serving]) -> None:
    """The rest of the batch is decided."""
    serving = serve(access=KnownAccess({TOKEN: somebody("decide", tenant_id="north")}))
    batch = pb.BatchDecideRequest(requests=[pb.DecideRequest(tenant_id=name) for name in ("north", "south", "")])
    results = serving.decide.BatchDecide(batch, timeout=10, metadata=bearing(TOKEN)).results

    assert [0, grpc.StatusCode.PERMISSION_DENIED.value[0], 0] == [result.error.code for result in results]


def test_another_tenants_decision_is_not_there(serve: Callable[..., Serving]) -> None:
    """Whether an id exists is the other tenant's business, too."""
    tenants = {tenant: somebody("decide", "read", tenant_id=tenant) for tenant in ("north", "south")}
    serving = serve(access=KnownAccess(tenants))
    decision_id = decide(serving, "north").decision_id
    serving.journals.records = [*decode_frame(serving.journal.payloads[0], keys=KEYS)]

    def read(tenant: str) -> pb.Decision:
        request = pb.GetDecisionRequest(decision_id=decision_id)
        return serving.decide.GetDecision(request, timeout=10, metadata=bearing(tenant))

    assert decision_id == read("north").response.decision_id
    refusal = refusal_of(lambda: read("south"))
    assert (grpc.StatusCode.NOT_FOUND, "DECISION_NOT_FOUND") == (refusal.code, refusal.reason)


def test_health_is_open_and_reflection_is_not(serve: Callable[..., Serving]) -> None:
    """Load balancers have no token; what there is to call is for callers."""
    serving = serve(access=KnownAccess({TOKEN: somebody("record")}))
    check = health_pb2_grpc.HealthStub(serving.channel).Check
    reflect = reflection_pb2_grpc.ServerReflectionStub(serving.channel).ServerReflectionInfo
    question = reflection_pb2.ServerReflectionRequest(list_services="")

    serving_status = health_pb2.HealthCheckResponse.SERVING
    assert serving_status == check(health_pb2.HealthCheckRequest(), timeout=10).status
    assert grpc.StatusCode.UNAUTHENTICATED is refusal_of(lambda: list(reflect(iter([question]), timeout=10))).code
    answers = list(reflect(iter([question]), timeout=10, metadata=bearing(TOKEN)))
    assert 4 == len(answers[0].list_services_response.service)


def test_a_method_that_names_no_role_cannot_be_served(serving: Serving) -> None:
    """A new service fails in its first test, and not in front of callers."""
    assert UNKNOWN not in ROLES
    raw: grpc.UnaryUnaryMultiCallable[bytes, bytes] = serving.channel.unary_unary(
        "/oversight.v1.DecisionService/Undecide"
    )
    assert grpc.StatusCode.UNIMPLEMENTED is refusal_of(lambda: raw(b"", timeout=10)).code


@pytest.mark.slow
def test_ten_thousand_wrong_tokens_hold_nobody_up(
    serve: Callable[..., Serving], caplog: pytest.LogCaptureFixture
) -> None:
    """They are refused at little cost, most for their number; memory stays, and others are answered meanwhile."""
    serving = serve(access=KnownAccess({TOKEN: somebody("decide")}), authentication_failures_per_s=5)
    decide(serving)
    call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = serving.channel.unary_unary(
        "/oversight.v1.DecisionService/Decide"
    )
    data = REQUEST.SerializeToString()
    caplog.set_level(logging.WARNING)

    def guess(numbers: range) -> list[grpc.StatusCode]:
        futures = [call.future(data, timeout=30, metadata=bearing(f"ovs_guess{number}")) for number in numbers]
        return [future.code() for future in futures]

    guess(range(500))
    tracemalloc.start()
    before = tracemalloc.take_snapshot()
    codes: list[grpc.StatusCode] = []
    slowest_s = 0.0
    for start in range(500, 10_000, 500):
        codes += guess(range(start, start + 500))
        began = time.monotonic()
        assert decide(serving).recorded
        slowest_s = max(slowest_s, time.monotonic() - began)
    own = [tracemalloc.Filter(inclusive=True, filename_pattern="*/oversight/*")]
    grown = tracemalloc.take_snapshot().filter_traces(own).compare_to(before.filter_traces(own), "filename")
    tracemalloc.stop()

    assert {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.RESOURCE_EXHAUSTED} >= set(codes)
    assert codes.count(grpc.StatusCode.RESOURCE_EXHAUSTED) > 9_000
    assert 10_000 == sum(serving.counters.refused_callers().values())
    assert sum(one.size_diff for one in grown) < 200_000
    assert slowest_s < 5, "not until all the others are through"
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("oversight.")]
    assert len(lines) < 200
    assert not [line for line in lines if "ovs_guess" in line or TOKEN in line]


def test_a_flood_is_told_when_to_come_back(serve: Callable[..., Serving]) -> None:
    """And whoever has credentials is still taken, from the same address."""
    serving = serve(access=KnownAccess({TOKEN: somebody("decide")}), authentication_failures_per_s=1)
    decide_wrongly = lambda: decide(serving, "ovs_wrong")  # noqa: E731 - what is refused
    refusals = [refusal_of(decide_wrongly) for _ in range(3)]

    assert "UNAUTHENTICATED" == refusals[0].reason
    assert (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_FAILURES") == refusals[-1][:2]
    assert "1000" == refusals[-1].trailers["grpc-retry-pushback-ms"]
    assert decide(serving).recorded


def test_the_log_says_what_was_wrong_without_the_secret(
    serve: Callable[..., Serving], caplog: pytest.LogCaptureFixture
) -> None:
    """An administrator must find the cause; a reader of logs must not find a token."""
    serving = serve(access=KnownAccess({TOKEN: somebody("decide")}))
    with caplog.at_level(logging.DEBUG):
        refusal_of(lambda: decide(serving, "ovs_secret_of_somebody"))

    lines = [record.getMessage() for record in caplog.records]
    expected = "the token is not known here: it is another's, was revoked, or never was one"
    assert f"/oversight.v1.DecisionService/Decide from ipv4:127.0.0.1 was refused: {expected}" in lines
    assert "secret" not in caplog.text
