"""The client's calls about what outcomes teach, against an admin port that answers as told."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime

import grpc
import pytest

from certificate_answers import refused
from insight_answers import SECOND
from insight_port import CannedInsight, insight_port
from oversight.v1 import decision_pb2 as shared
from oversight.v1 import insight_service_pb2 as pb
from oversight.v1 import outcome_pb2
from oversight.v1 import threshold_service_pb2 as thresholds
from oversight_client import (
    AdminClient,
    CertificateStatus,
    Dimension,
    LabelBasis,
    MeanDifference,
    RateState,
    Tier,
    UnavailableError,
    WarningSign,
    WarningState,
    insight_values,
    quality_values,
)

MESSAGES = {
    "OversightWarning": "Warning",
    "ErrorRateReport": "GetErrorRatesResponse",
    "WarningReport": "ListWarningsResponse",
    "ContainmentReport": "GetContainmentResponse",
    "CsatReport": "GetCsatDeltaResponse",
    "DueAuditPage": "ListDueAuditsResponse",
    "QualityParity": "GetQualityParityResponse",
    "EscalationQuality": "GetEscalationQualityResponse",
    "CorrectionPage": "ListCorrectionsResponse",
}


@pytest.fixture
def port() -> Iterator[CannedInsight]:
    with insight_port() as port:
        yield port


@pytest.fixture
def admin(port) -> Iterator[AdminClient]:
    with AdminClient(port.address, timeout_s=10) as admin:
        yield admin


@pytest.mark.parametrize("module", [insight_values, quality_values], ids=lambda module: module.__name__)
def test_every_value_has_every_field_of_its_message(module):
    """A field that the client leaves out is one that nobody sees."""
    for name in module.__all__:
        message = pb.DESCRIPTOR.message_types_by_name[MESSAGES.get(name, name)]
        actual = {field.name for field in dataclasses.fields(getattr(module, name))}
        assert set(message.fields_by_name) == actual, name


def test_rates_are_asked_for_with_everything_that_was_given(admin, port):
    """A filter that got lost would answer another question."""
    admin.get_error_rates(
        group_by=["tier", Dimension.MODEL_VERSION],
        target=0.02,
        confidence=0.9,
        tenant_id="t",
        department="d",
        intent="i",
        tier="human_in_the_loop",
        model_version="m",
        since="2026-11-01T00:00:00Z",
        until=datetime(2026, 11, 2, tzinfo=UTC),
    )
    expected = pb.GetErrorRatesRequest(
        filter=pb.InsightFilter(
            tenant_id="t", department="d", intent="i", tier=shared.TIER_HUMAN_IN_THE_LOOP, model_version="m"
        ),
        group_by=[pb.DIMENSION_TIER, pb.DIMENSION_MODEL_VERSION],
        target=0.02,
        confidence=0.9,
    )
    expected.filter.since.FromJsonString("2026-11-01T00:00:00Z")
    expected.filter.until.FromJsonString("2026-11-02T00:00:00Z")
    assert [expected] == port.requests["GetErrorRates"]


def test_what_was_not_said_is_not_sent(admin, port):
    """The service has its own words for absent, and 0 is none of them."""
    admin.get_error_rates()
    assert [pb.GetErrorRatesRequest(filter=pb.InsightFilter())] == port.requests["GetErrorRates"]


def test_a_rate_that_nobody_knows_has_no_number(admin):
    """None is not zero errors."""
    found = admin.get_error_rates()
    assert (RateState.MEASURED, 61, 1_980) == (found.total.state, found.total.errors, found.total.n)
    unknown = found.rates[-1]
    assert (RateState.INSUFFICIENT_DATA, None, None, 361) == (
        *(unknown.state, unknown.rate, unknown.newest_label_at),
        unknown.labels_needed,
    )
    assert ("", Tier.HUMAN_ON_THE_LOOP, None) == (unknown.group.department, unknown.group.tier, unknown.group.intent)


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"group_by": ["weather"]}, ValueError, "group_by: 'weather' is none of TENANT"),
        ({"group_by": "tier"}, TypeError, "group_by: expected a list"),
        ({"depratment": "x"}, TypeError, "depratment: no such field; did you mean department?"),
    ],
)
def test_a_wrong_question_names_what_is_wrong(admin, given, error, said):
    """Before anything is sent."""
    with pytest.raises(error, match=said):
        admin.get_error_rates(**given)


def test_quality_is_read_side_by_side(admin, port):
    """A side with too few scores has no difference."""
    assert MeanDifference(-3.25, -5.5, -1.0) == admin.get_quality_parity(intent="i").gaps[1].gap
    assert admin.get_quality_parity().gaps[2].gap is None
    assert "i" == port.requests["GetQualityParity"][0].filter.intent
    rules = {one.rule_id: one for one in admin.get_escalation_quality(department="d").rules}
    assert rules["angry"].missed_share is None
    assert rules["angry"].needed_share is not None
    assert 0.9 == rules["angry"].needed_share.value
    assert 12_300 == admin.get_containment(group_by=["intent"]).total.confirmed
    assert [pb.DIMENSION_INTENT] == list(port.requests["GetContainment"][0].group_by)
    assert admin.get_csat_delta(group_by=["tenant"]).groups[1].difference is None
    assert [pb.DIMENSION_TENANT] == list(port.requests["GetCsatDelta"][0].group_by)


def test_warnings_are_listed_as_asked_for(admin, port):
    """Worst first, each with its state."""
    found = admin.list_warnings(sign="reviews_skipped", department="d", tenant_id="t", all=True)
    assert (WarningSign.REVIEWS_SKIPPED, WarningState.CRITICAL, 0.61) == (
        *(found.warnings[0].sign, found.warnings[0].state),
        found.warnings[0].value,
    )
    assert None is found.warnings[3].value
    asked = pb.ListWarningsRequest(tenant_id="t", department="d", sign=pb.WARNING_SIGN_REVIEWS_SKIPPED, all=True)
    assert [asked] == port.requests["ListWarnings"]


def test_due_audits_come_in_pages(admin, port):
    """The earliest due first."""
    page = admin.list_due_audits(label_basis="audit", overdue=True, page_size=2)
    assert (2, "1", LabelBasis.AUDIT, True) == (
        *(len(page.audits), page.next_page_token),
        *(page.audits[0].label_basis, page.audits[0].overdue),
    )
    asked = pb.ListDueAuditsRequest(label_basis=outcome_pb2.LABEL_BASIS_AUDIT, overdue=True, page_size=2)
    assert [asked] == port.requests["ListDueAudits"]
    assert "" == admin.list_due_audits(page_token=SECOND).next_page_token


def test_corrections_are_followed_page_by_page(admin, port):
    """Each with its decision and its weight."""
    found = list(admin.iterate_corrections(intent="card_status"))
    assert [4, 3, 2, 1, 0] == [int(one.decision.response.decision_id, 16) for one in found]
    assert (1, 20.0) == (found[0].loss, found[0].propensity_weight)
    assert ["", "1"] == [one.page_token for one in port.requests["ListCorrections"]]
    assert {"card_status"} == {one.filter.intent for one in port.requests["ListCorrections"]}


def test_a_correction_without_a_label_has_neither_loss_nor_weight(admin, port):
    """0 would say that the AI was right."""
    page = port.answers["ListCorrections"][1]
    page.corrections[0].ClearField("loss")
    page.corrections[0].ClearField("propensity_weight")
    (first, *_) = admin.list_corrections(page_token=SECOND).corrections
    assert (None, None) == (first.loss, first.propensity_weight)


def test_a_recommendation_is_read_with_its_candidates(admin, port):
    """And the question is sent whole."""
    found = admin.recommend_thresholds(
        "retail_banking",
        max_error=0.05,
        confidence=0.95,
        name="autonomy_confidence",
        intent="i",
        department="d",
        currency="SEK",
        model_version="m-7",
        claims=3,
        window_days=30,
    )
    assert (CertificateStatus.CERTIFIED, 0.89, 8) == (found.status, found.threshold, len(found.candidates))
    asked = thresholds.RecommendThresholdsRequest(
        policy="retail_banking",
        scope=thresholds.ThresholdScope(intent="i", department="d", currency="SEK"),
        name="autonomy_confidence",
        max_error=0.05,
        confidence=0.95,
        model_version="m-7",
        claims=3,
        window_days=30,
    )
    assert [asked] == port.requests["RecommendThresholds"]


def test_an_honest_no_has_no_value(admin, port):
    """A value of 0 would put everything on the loop."""
    port.answers["RecommendThresholds"] = refused()
    found = admin.recommend_thresholds(max_error=0.05)
    assert (CertificateStatus.NO_SAFE_THRESHOLD, None, 327) == (found.status, found.threshold, found.labels_needed)


def test_a_recommendation_is_asked_for_once(admin, port):
    """A second question on newer evidence would spend more of the chance of error than anybody asked for."""
    port.refusals.append((grpc.StatusCode.UNAVAILABLE, "the store cannot be read"))
    with pytest.raises(UnavailableError):
        admin.recommend_thresholds(max_error=0.05)
    assert 1 == len(port.requests["RecommendThresholds"])
