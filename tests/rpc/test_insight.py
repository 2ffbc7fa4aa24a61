"""InsightService on the admin port: pages, filters and tokens over the wire, and customers forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

import threshold_desk
from builders import KEYS
from contract.samples import NOW_US, a_decision, a_record, a_request, an_id, an_outcome_record
from desks import RuleFolder
from oversight.errors import StoreUnavailableError
from oversight.grpc_api.admin_server import build_admin_server
from oversight.grpc_api.insight_service import InsightUseCases
from oversight.settings import Settings
from oversight.storage.erasure import ErasedSubjects, Erasure
from oversight.storage.listing import SqlListing
from oversight.storage.open import open_engine
from oversight.storage.records import PageKey, RecordFilter, RecordPage
from oversight.storage.sql import SqlStore
from oversight.storage.sqlite import file_url
from oversight.telemetry.counters import Counters
from oversight.v1 import decision_pb2 as values
from oversight.v1 import insight_service_pb2 as pb
from oversight.v1 import insight_service_pb2_grpc
from oversight_client import AdminClient
from refusals import refusal_of

UNUSED: Any = None


class Desk:
    """The admin port of a store with records, and a stub to call it."""

    def __init__(self, folder: Path, lister: Any = None, **settings: Any) -> None:
        url = file_url(folder / "records.db")
        self.store = SqlStore(url, writer="replica-1", erased=ErasedSubjects(KEYS.id_key))
        self.counters = Counters()
        self.server = build_admin_server(
            Settings(admin_listen="127.0.0.1:0", **settings),
            insights=InsightUseCases(
                lister or SqlListing(self.store.reading),
                Erasure(open_engine(url, read_only=False), id_key=KEYS.id_key, clock_us=lambda: NOW_US + 1_000),
                UNUSED,
                UNUSED,
            ),
            thresholds=threshold_desk.Desk().use_cases,
            policies=RuleFolder(folder).desk,
            counters=self.counters,
            tracer=None,
        )
        self.target = f"127.0.0.1:{self.server.start()}"
        self.channel = grpc.insecure_channel(self.target)
        self.stub = insight_service_pb2_grpc.InsightServiceStub(self.channel)

    def list(self, **fields: Any) -> pb.ListRecordsResponse:
        return self.stub.ListRecords(pb.ListRecordsRequest(**fields), timeout=10)

    def close(self) -> None:
        self.channel.close()
        self.server.stop(0)
        self.store.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    desk.store.add([a_record(number) for number in range(60)], [an_outcome_record(59)])
    yield desk
    desk.close()


def numbers(response: pb.ListRecordsResponse) -> list[int]:
    return [int(record.response.decision_id, 16) for record in response.records]


def test_a_page_has_fifty_records_unless_asked_otherwise(desk: Desk) -> None:
    """A caller that says nothing must not get a million."""
    first = desk.list()
    rest = desk.list(page_token=first.next_page_token, page_size=1_000)

    assert (list(range(59, 9, -1)), list(range(9, -1, -1)), "") == (
        *(numbers(first), numbers(rest)),
        rest.next_page_token,
    )
    assert 60 == len(desk.list(page_size=5_000).records), "more than the most is the most"


def test_a_record_is_what_get_decision_returns(desk: Desk) -> None:
    """One message for one thing: with its outcomes, and without rules."""
    (record,) = desk.list(page_size=1).records

    assert ("gateway", "request-59", "conversation-59") == (
        *(record.caller, record.request.request_id),
        record.request.conversation_id,
    )
    assert ["outcome-59"] == [one.outcome.outcome_id for one in record.outcomes]
    assert [] == list(record.rules)


def test_filters_and_times_come_over_the_wire(desk: Desk) -> None:
    """Each field of the request is one of the list's."""
    request = pb.ListRecordsRequest(
        tenant_id="acme",
        conversation_id="conversation-7",
        subject_ref="customer-7",
        department="retail_banking",
        intent="order_change",
        tier=values.TIER_HUMAN_IN_THE_LOOP,
        policy_digest="d" * 64,
        evaluation=values.EVALUATION_MATCHED,
    )
    request.since.FromMicroseconds(NOW_US + 7)
    request.until.FromMicroseconds(NOW_US + 8)
    assert [7] == numbers(desk.stub.ListRecords(request, timeout=10))

    request.until.FromMicroseconds(NOW_US + 7)
    assert [] == numbers(desk.stub.ListRecords(request, timeout=10))
    assert [] == numbers(desk.list(tier=values.TIER_HUMAN_AS_THE_LOOP))


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"page_size": -1}, "page_size", "expected a number from 0, got -1"),
        ({"page_token": "?"}, "page_token", "expected a next_page_token of an earlier page"),
        ({"page_token": "AAAA"}, "page_token", "expected a next_page_token of an earlier page"),
        ({"tenant_id": "x" * 65}, "tenant_id", "expected at most 64 characters"),
        ({"conversation_id": "x" * 129}, "conversation_id", "expected at most 128 characters"),
        ({"subject_ref": "a\0b"}, "subject_ref", "without NUL"),
        ({"policy_digest": "abc"}, "policy_digest", "expected 64 lower-case hex digits, got 'abc'"),
        ({"tier": 7}, "tier", "expected one of the enum's values (1..3), got 7"),
        ({"evaluation": 9}, "evaluation", "expected one of the enum's values (1..4), got 9"),
    ],
)
def test_a_wrong_field_is_named(desk: Desk, fields: dict[str, Any], field: str, words: str) -> None:
    """A filter that is quietly ignored shows an auditor the wrong records."""
    refusal = refusal_of(lambda: desk.list(**fields))

    assert (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", field) == refusal[:3]
    assert words in refusal.text


def test_a_token_goes_with_its_filters_alone(desk: Desk) -> None:
    """A page of another list would leave records out without a word."""
    token = desk.list(page_size=10, tier=values.TIER_HUMAN_IN_THE_LOOP).next_page_token

    refusal = refusal_of(lambda: desk.list(page_size=10, page_token=token))

    assert (grpc.StatusCode.INVALID_ARGUMENT, "page_token") == (refusal.code, refusal.field)
    assert "the same filters" in refusal.text
    following = desk.list(page_size=3, tier=values.TIER_HUMAN_IN_THE_LOOP, page_token=token)
    assert [49, 48, 47] == numbers(following), "the size of a page is not a filter"


def test_a_page_is_cut_before_it_is_too_large_for_a_client(tmp_path: Path) -> None:
    """GRPC's clients refuse more than 4 MiB; the rest comes with the next page."""
    desk = Desk(tmp_path)
    try:
        large = "x" * 1_000
        attributes = {f"name-{number}": large for number in range(32)}
        desk.store.add([a_record(number, a_request(number, attributes=attributes)) for number in range(150)], [])

        first = desk.list(page_size=1_000)
        rest = desk.list(page_size=1_000, page_token=first.next_page_token)

        assert list(range(149, -1, -1)) == numbers(first) + numbers(rest)
        assert first.ByteSize() < 4 * 1024 * 1024
    finally:
        desk.close()


def test_a_store_that_is_down_is_unavailable(tmp_path: Path) -> None:
    """To be tried again, and nothing of its workings told."""

    class Down:
        def list_decisions(self, wanted: RecordFilter, limit: int, after: PageKey | None) -> RecordPage:
            raise StoreUnavailableError(f"down for {wanted.intent}, {limit}, {after}")

    desk = Desk(tmp_path, lister=Down())
    try:
        refusal = refusal_of(lambda: desk.list(intent="i"))
        assert (grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE") == (refusal.code, refusal.reason)
    finally:
        desk.close()


def test_a_customer_is_forgotten_and_the_decisions_stay(desk: Desk) -> None:
    """Also those that were on their way when it was asked."""
    desk.store.add([a_record(100, a_request(100, subject_ref="customer-8"))], [])

    erased = desk.stub.EraseSubject(pb.EraseSubjectRequest(subject_ref="customer-7"), timeout=30)

    assert (60, NOW_US + 1_000) == (erased.erased_decisions, erased.before.ToMicroseconds())
    assert [] == numbers(desk.list(subject_ref="customer-7"))
    assert [True] * 50 == [record.erased for record in desk.list(until=_time(NOW_US + 60)).records]
    assert [100] == numbers(desk.list(subject_ref="customer-8"))
    desk.store.add([a_record(61)], [])
    assert [True] == [record.erased for record in desk.list(since=_time(NOW_US + 61), until=_time(NOW_US + 62)).records]


def test_only_the_tenant_that_asks_is_erased(desk: Desk) -> None:
    """Two tenants may give two people the same pseudonym."""
    other = pb.EraseSubjectRequest(subject_ref="customer-7", tenant_id="another")
    assert 0 == desk.stub.EraseSubject(other, timeout=30).erased_decisions
    own = pb.EraseSubjectRequest(subject_ref="customer-7", tenant_id="acme")
    assert 60 == desk.stub.EraseSubject(own, timeout=30).erased_decisions


@pytest.mark.parametrize("subject", ["", "x" * 129])
def test_an_erasure_names_somebody(desk: Desk, subject: str) -> None:
    """An empty pseudonym must not match everybody without one."""
    refusal = refusal_of(lambda: desk.stub.EraseSubject(pb.EraseSubjectRequest(subject_ref=subject), timeout=10))

    assert (grpc.StatusCode.INVALID_ARGUMENT, "subject_ref") == (refusal.code, refusal.field)
    assert 60 == len(desk.list(subject_ref="customer-7", page_size=1_000).records)


def test_health_and_reflection_are_served(desk: Desk) -> None:
    """Monitoring and generic tools work on this port as on the other."""
    health = health_pb2_grpc.HealthStub(desk.channel)
    for service in ("", "oversight.v1.InsightService"):
        assert (
            health_pb2.HealthCheckResponse.SERVING
            == health.Check(health_pb2.HealthCheckRequest(service=service), timeout=10).status
        )
    reflection = reflection_pb2_grpc.ServerReflectionStub(desk.channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    (answer,) = reflection.ServerReflectionInfo(iter([request]), timeout=10)
    names = {service.name for service in answer.list_services_response.service}
    assert "oversight.v1.InsightService" in names
    assert "oversight.v1.DecisionService" not in names, "decisions are asked for on the data port"


def test_a_message_that_is_too_large_and_a_deadline_that_is_over_are_refused(tmp_path: Path) -> None:
    """The limits of the data port hold here too, and calls are counted."""
    desk = Desk(tmp_path, max_message_bytes=1024)
    try:
        refusal = refusal_of(lambda: desk.list(intent="x" * 2_000))
        assert (grpc.StatusCode.RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE") == (refusal.code, refusal.reason)
        desk.list()
        assert {
            ("oversight.v1.InsightService/ListRecords", "RESOURCE_EXHAUSTED"): 1,
            ("oversight.v1.InsightService/ListRecords", "OK"): 1,
        } == desk.counters.calls()
    finally:
        desk.close()


def test_the_client_reads_page_by_page_and_erases(desk: Desk) -> None:
    """What an officer's tool needs, without protobuf."""
    with AdminClient(desk.target) as client:
        page = client.list_records(tier="human_in_the_loop", page_size=2)
        assert [an_id(59), an_id(58)] == [record.response.decision_id for record in page.records]
        following = list(client.iterate_records(tier="human_in_the_loop", page_token=page.next_page_token))
        assert [an_id(number) for number in range(57, -1, -1)] == [one.response.decision_id for one in following]
        erased = client.erase_subject("customer-7", tenant_id="acme")
        assert 60 == erased.erased_decisions
        assert erased.before.tzinfo is not None
        with pytest.raises(TypeError, match=r"teir: no such field; did you mean tier\?"):
            client.list_records(teir=1)


def _time(time_us: int) -> Timestamp:
    stamp = Timestamp()
    stamp.FromMicroseconds(time_us)
    return stamp


def test_a_decision_of_another_tier_is_told_apart(desk: Desk) -> None:
    """The list goes by the stored tier."""
    desk.store.add([a_record(200, decision=a_decision(200, tier=3))], [])

    assert [200] == numbers(desk.list(tier=values.TIER_HUMAN_AS_THE_LOOP))
