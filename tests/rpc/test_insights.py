"""What outcomes teach, over the wire: filters, groups and pages, every field checked, one tenant's alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

import threshold_desk
from contract.evidence_world import DUE_H, HOUR_US, MINUTE_US, START_US, make_decision
from contract.samples import REASON, an_id, an_outcome_record
from evidence_store import EvidenceStore
from oversight.access.protocols import OPEN, Access
from oversight.engine.decision import Escalation
from oversight.errors import StoreUnavailableError
from oversight.grpc_api.admin_server import build_admin_server
from oversight.grpc_api.insight_service import InsightUseCases
from oversight.insight.desk import InsightDesk
from oversight.settings import Settings
from oversight.storage.sqlite import file_url
from oversight.telemetry.counters import Counters
from oversight.v1 import decision_pb2 as values
from oversight.v1 import insight_service_pb2 as pb
from oversight.v1 import insight_service_pb2_grpc, outcome_pb2
from refusals import refusal_of
from rpc.access_fakes import KnownAccess, bearing, somebody

UNUSED: Any = None
NOW_US = START_US + 24 * HOUR_US
APPROVED, REJECTED = 1, 4
AUDIT = 2
FILTERED = (
    "GetErrorRates",
    "GetContainment",
    "GetCsatDelta",
    "GetQualityParity",
    "GetEscalationQuality",
    "ListCorrections",
)
PAGED = ("ListDueAudits", "ListCorrections")
GROUPED = ("GetErrorRates", "GetContainment", "GetCsatDelta")


class Port:
    """The admin port of a store with evidence, and a stub to call it."""

    def __init__(self, folder: Path, access: Access = OPEN, evidence: Any = None) -> None:
        self.world = EvidenceStore(file_url(folder / "records.db"))
        desk = InsightDesk(
            evidence or self.world.evidence,
            records=self.world.listing,
            reasons=self.world.replayable,
            clock_us=lambda: NOW_US,
        )
        self.server = build_admin_server(
            Settings(admin_listen="127.0.0.1:0"),
            insights=InsightUseCases(UNUSED, UNUSED, desk, UNUSED),
            thresholds=threshold_desk.Desk().use_cases,
            policies=UNUSED,
            counters=Counters(),
            tracer=None,
            access=access,
        )
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.server.start()}")
        self.stub = insight_service_pb2_grpc.InsightServiceStub(self.channel)

    def ask(self, method: str, *, token: str = "", **fields: Any) -> Any:
        request = getattr(pb, f"{method}Request")(**fields)
        return getattr(self.stub, method)(request, timeout=20, metadata=bearing(token) if token else None)

    def close(self) -> None:
        self.channel.close()
        self.server.stop(0)
        self.world.close()


@pytest.fixture
def port(tmp_path: Path) -> Iterator[Port]:
    port = Port(tmp_path)
    yield port
    port.close()


@pytest.fixture
def filled(port: Port) -> Port:
    """Forty audited decisions of two tenants with an outcome each, and two in the loop that nobody looked at yet."""
    fill(port)
    return port


def fill(port: Port) -> None:
    asks = REASON._replace(rule_id="asks", escalation=int(Escalation.OFFER))
    fields = {"audit_probability": 1.0, "audit_selected": True, "reasons": (asks,)}
    decisions = [
        make_decision(n, minute=n, tenant_id="a" if n % 2 else "b", intent="order", model_version="m1", **fields)
        for n in range(40)
    ]
    late = [make_decision(n, minute=n, tier=2, review_sla_s=600, tenant_id="a") for n in (50, 51)]
    port.world.add(
        [*decisions, *late],
        [
            an_outcome_record(
                n,
                verdict=REJECTED if n < 4 else APPROVED,
                label_basis=AUDIT,
                observed_at_us=START_US + HOUR_US + n,
                received_at_us=START_US + 2 * HOUR_US,
                handled_by=1 if n < 30 else 2,
                resolution=1,
                csat=4.0 if n < 30 else 3.0,
                escalation_expected=n < 10,
                qa_score=80.0,
                qa_subject=1 if n < 30 else 2,
                qa_rubric_version="v1",
            )
            for n in range(40)
        ],
    )


def at(time_us: int) -> Timestamp:
    stamp = Timestamp()
    stamp.FromMicroseconds(time_us)
    return stamp


def test_error_rates_come_with_their_groups(filled: Port) -> None:
    """Every figure has its field."""
    found = filled.ask("GetErrorRates", group_by=[pb.DIMENSION_TENANT, pb.DIMENSION_TIER], target=0.3)

    total = found.total
    assert (pb.RATE_STATE_MEASURED, 40, 4, 0.1, 42) == (total.state, total.n, total.errors, total.rate, total.volume)
    assert 0 < total.low < 0.1 < total.high < 0.3
    assert [1.0, 40 / 42, 2 / 42] == [total.volume_share, total.labelled_share, total.missed_share]
    assert START_US + HOUR_US + 39 == total.newest_label_at.ToMicroseconds()
    assert 9 == total.labels_needed
    groups = {(one.group.tenant_id, one.group.tier): one.n for one in found.rates}
    assert {("a", values.TIER_HUMAN_ON_THE_LOOP): 20, ("a", values.TIER_HUMAN_IN_THE_LOOP): 0} | {
        ("b", values.TIER_HUMAN_ON_THE_LOOP): 20
    } == groups
    assert not found.rates[0].group.HasField("intent")
    assert not total.group.HasField("tenant_id")
    assert (0, True) == (found.left_out, found.HasField("evidence_through"))
    unmeasured = next(one for one in found.rates if not one.n)
    assert (pb.RATE_STATE_INSUFFICIENT_DATA, False, False) == (
        *(unmeasured.state, unmeasured.HasField("rate"), unmeasured.HasField("newest_label_at")),
    )


def test_rates_are_split_by_everything_unless_told_otherwise(filled: Port) -> None:
    """The cell of the design: tenant, department, intent, tier and model version."""
    group = filled.ask("GetErrorRates").rates[0].group
    assert ["a", "retail_banking", "order", values.TIER_HUMAN_ON_THE_LOOP, "m1"] == [
        getattr(group, name) for name in ("tenant_id", "department", "intent", "tier", "model_version")
    ]
    other = filled.ask("GetContainment").groups[0].group
    assert (True, True, False) == tuple(other.HasField(name) for name in ("department", "intent", "tenant_id"))


def test_containment_and_satisfaction_come_over_the_wire(filled: Port) -> None:
    """With intervals, and absent where nothing is known."""
    contained = filled.ask("GetContainment").total
    assert (42, 40, 30, 0, 0.75, 0.0) == (
        *(contained.volume, contained.known, contained.confirmed, contained.assumed),
        *(contained.confirmed_share, contained.assumed_share),
    )
    assert 0.5 < contained.confirmed_low < 0.75 < contained.confirmed_high
    satisfied = filled.ask("GetCsatDelta").total
    assert (30, 4.0, 10, 3.0, 1.0) == (
        *(satisfied.n_ai, satisfied.mean_ai, satisfied.n_human, satisfied.mean_human),
        satisfied.difference.value,
    )
    assert not satisfied.HasField("trend")


def test_quality_and_escalations_come_over_the_wire(filled: Port) -> None:
    """The gap with its interval, and the confusion matrix with its shares."""
    gaps = filled.ask("GetQualityParity").gaps
    assert [("a", 15, 5, True), ("b", 15, 5, True)] == [
        (one.tenant_id, one.n_ai, one.n_human, one.HasField("gap")) for one in gaps
    ]
    assert ("retail_banking", "order", "v1", False) == (
        *(gaps[0].department, gaps[0].intent, gaps[0].qa_rubric_version),
        gaps[0].enough,
    )
    found = filled.ask("GetEscalationQuality")
    [rule] = found.rules
    assert ("asks", 10, 30, 0.25, 40) == (
        *(rule.rule_id, rule.needed, rule.unneeded, rule.needed_share.value),
        found.judged,
    )
    assert rule.needed_share.low < 0.25 < rule.needed_share.high
    assert not rule.HasField("missed_share")


def test_what_is_due_comes_page_by_page(filled: Port) -> None:
    """Each with the time until which it may wait."""
    first = filled.ask("ListDueAudits", page_size=1)
    rest = filled.ask("ListDueAudits", page_size=1, page_token=first.next_page_token)
    [one] = first.audits
    assert (an_id(50), START_US + 50 * MINUTE_US, START_US + 60 * MINUTE_US, True) == (
        *(one.decision_id, one.decided_at.ToMicroseconds(), one.due_at.ToMicroseconds(), one.overdue),
    )
    assert (outcome_pb2.LABEL_BASIS_REVIEW, "a", "retail_banking") == (one.label_basis, one.tenant_id, one.department)
    assert [an_id(51)] == [audit.decision_id for audit in rest.audits]
    assert "" == rest.next_page_token
    assert [] == list(filled.ask("ListDueAudits", label_basis=outcome_pb2.LABEL_BASIS_AUDIT).audits)
    assert 2 == len(filled.ask("ListDueAudits", label_basis=outcome_pb2.LABEL_BASIS_REVIEW).audits)
    assert DUE_H > 0


def test_only_late_ones_come_if_so_asked(port: Port) -> None:
    """A worklist of what is too late already."""
    port.world.add([make_decision(1, minute=24 * 60, tier=2, review_sla_s=600)])
    assert 0 == len(port.ask("ListDueAudits", overdue=True).audits)
    [one] = port.ask("ListDueAudits").audits
    assert not one.overdue


def test_corrections_come_page_by_page_with_what_was_decided(filled: Port) -> None:
    """What training needs: the context, the verdict, and its weight."""
    first = filled.ask("ListCorrections", page_size=3)
    rest = filled.ask("ListCorrections", page_size=3, page_token=first.next_page_token)
    found = [*first.corrections, *rest.corrections]
    assert [3, 2, 1, 0] == [int(one.decision.response.decision_id, 16) for one in found]
    assert ([1] * 4, [1.0] * 4, "") == (
        *([one.loss for one in found], [one.propensity_weight for one in found]),
        rest.next_page_token,
    )
    assert "outcome-3" == found[0].decision.outcomes[0].outcome.outcome_id


def test_a_page_of_corrections_is_cut_before_it_is_too_large(port: Port) -> None:
    """GRPC's clients refuse more than 4 MiB."""
    attributes = {f"name-{number}": "x" * 1_000 for number in range(32)}
    port.world.add(
        [
            make_decision(n, minute=n, audit_selected=True, audit_probability=1.0, attributes=attributes)
            for n in range(150)
        ],
        [an_outcome_record(n, verdict=REJECTED, label_basis=AUDIT) for n in range(150)],
    )
    first = port.ask("ListCorrections", page_size=1_000)
    rest = port.ask("ListCorrections", page_size=1_000, page_token=first.next_page_token)
    assert first.ByteSize() < 4 * 1024 * 1024
    assert list(range(149, -1, -1)) == [
        int(one.decision.response.decision_id, 16) for one in (*first.corrections, *rest.corrections)
    ]


def test_filters_come_over_the_wire(filled: Port) -> None:
    """A filter that is quietly ignored shows somebody the wrong figures."""

    def volume(**fields: Any) -> int:
        return int(filled.ask("GetErrorRates", filter=pb.InsightFilter(**fields)).total.volume)

    assert [22, 0, 40, 40, 2, 40] == [
        volume(tenant_id="a"),
        volume(department="another"),
        volume(intent="order"),
        volume(model_version="m1"),
        volume(tier=values.TIER_HUMAN_IN_THE_LOOP),
        volume(tier=values.TIER_HUMAN_ON_THE_LOOP),
    ]
    assert [0, 42] == [volume(since=at(START_US + HOUR_US)), volume(until=at(START_US + HOUR_US))]


@pytest.mark.parametrize("method", FILTERED)
@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"tenant_id": "x" * 65}, "filter.tenant_id", "expected at most 64 characters"),
        ({"department": "x" * 65}, "filter.department", "expected at most 64 characters"),
        ({"intent": "a\0"}, "filter.intent", "without NUL"),
        ({"tier": 7}, "filter.tier", "expected one of the enum's values (1..3), got 7"),
        ({"model_version": "x" * 129}, "filter.model_version", "expected at most 128 characters"),
        ({"since": Timestamp(seconds=2**60)}, "filter.since", "expected a time in the years 1 to 9999"),
        ({"until": Timestamp(seconds=2**60)}, "filter.until", "expected a time in the years 1 to 9999"),
        ({"since": at(5), "until": at(5)}, "filter.since", "expected a time before filter.until"),
    ],
)
def test_a_wrong_filter_is_named(port: Port, method: str, fields: dict[str, Any], field: str, words: str) -> None:
    """Everywhere alike."""
    refusal = refusal_of(lambda: port.ask(method, filter=pb.InsightFilter(**fields)))
    assert (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", field) == refusal[:3]
    assert words in refusal.text


@pytest.mark.parametrize(
    ("method", "fields", "field", "words"),
    [
        *((method, {"group_by": [9]}, "group_by", "one of the enum's values (1..5), got 9") for method in GROUPED),
        *((method, {"group_by": [0]}, "group_by", "got 0") for method in GROUPED),
        *((method, {"page_size": -1}, "page_size", "expected a number from 0, got -1") for method in PAGED),
        *((method, {"page_token": "?"}, "page_token", "expected a next_page_token") for method in PAGED),
        *(("GetErrorRates", {"target": one}, "target", "between 0 and 1") for one in (0.0, 1.0, float("nan"), 5e-324)),
        *(("GetErrorRates", {"confidence": one}, "confidence", "between 0 and 1") for one in (0.0, 1.0, float("inf"))),
        ("ListDueAudits", {"tenant_id": "x" * 65}, "tenant_id", "expected at most 64 characters"),
        ("ListDueAudits", {"department": "x" * 65}, "department", "expected at most 64 characters"),
        ("ListDueAudits", {"intent": "x" * 129}, "intent", "expected at most 128 characters"),
        ("ListDueAudits", {"label_basis": 3}, "label_basis", "expected one of the enum's values (1..2), got 3"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named(port: Port, method: str, fields: dict[str, Any], field: str, words: str) -> None:
    """With what was expected, and what came."""
    refusal = refusal_of(lambda: port.ask(method, **fields))
    assert (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", field) == refusal[:3]
    assert words in refusal.text


def test_a_token_goes_with_its_filters_and_its_list_alone(filled: Port) -> None:
    """A page of another list would leave decisions out without a word."""
    corrections = filled.ask("ListCorrections", page_size=1).next_page_token
    due = filled.ask("ListDueAudits", page_size=1).next_page_token
    for call in (
        lambda: filled.ask("ListCorrections", page_token=corrections, filter=pb.InsightFilter(intent="order")),
        lambda: filled.ask("ListCorrections", page_token=due),
        lambda: filled.ask("ListDueAudits", page_token=corrections),
        lambda: filled.ask("ListDueAudits", page_token=due, overdue=True),
        lambda: filled.ask("ListDueAudits", page_token=due, label_basis=outcome_pb2.LABEL_BASIS_REVIEW),
    ):
        refusal = refusal_of(call)
        assert (grpc.StatusCode.INVALID_ARGUMENT, "page_token") == (refusal.code, refusal.field)
        assert "the same filters" in refusal.text


@pytest.mark.parametrize("method", [*FILTERED, "ListDueAudits"])
def test_a_caller_of_one_tenant_sees_that_tenants_alone(tmp_path: Path, method: str) -> None:
    """What it leaves out is filled in; another's it may not name."""
    port = Port(tmp_path, KnownAccess({"north": somebody("read", tenant_id="a"), "none": somebody("decide")}))
    try:
        fill(port)
        found = port.ask(method, token="north")  # noqa: S106 - no secret
        assert {
            "GetErrorRates": lambda: found.total.volume == 22,
            "GetContainment": lambda: found.total.known == 20,
            "GetCsatDelta": lambda: found.total.n_ai == 15,
            "GetQualityParity": lambda: [one.tenant_id for one in found.gaps] == ["a"],
            "GetEscalationQuality": lambda: found.judged == 20,
            "ListCorrections": lambda: {one.decision.request.tenant_id for one in found.corrections} == {"a"},
            "ListDueAudits": lambda: {one.tenant_id for one in found.audits} == {"a"},
        }[method]()
        other = {"tenant_id": "b"} if method == "ListDueAudits" else {"filter": pb.InsightFilter(tenant_id="b")}
        for refusal in (
            refusal_of(lambda: port.ask(method, token="north", **other)),  # noqa: S106 - likewise
            refusal_of(lambda: port.ask(method, token="none")),  # noqa: S106 - likewise
        ):
            assert (grpc.StatusCode.PERMISSION_DENIED, {"role": "read"}) == (refusal.code, refusal.metadata)
    finally:
        port.close()


@pytest.mark.parametrize("method", [*FILTERED, "ListDueAudits"])
def test_a_store_that_is_down_is_unavailable(tmp_path: Path, method: str) -> None:
    """To be tried again, and no figure made of nothing."""

    class Down:
        def __getattr__(self, name: str) -> Any:
            raise StoreUnavailableError(f"the store is down for {name}")

    port = Port(tmp_path, evidence=Down())
    try:
        refusal = refusal_of(lambda: port.ask(method))
        assert (grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE") == (refusal.code, refusal.reason)
    finally:
        port.close()
