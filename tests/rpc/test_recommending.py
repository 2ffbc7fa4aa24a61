"""RecommendThresholds over the wire: what is asked, every field checked, and what is answered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from oversight.errors import NotRecommendableError, OverloadedError, StoreUnavailableError, UnknownThresholdError
from oversight.feedback.certificate import Certificate, CertificateStatus, Proof
from oversight.feedback.ledger import Recommendation
from oversight.insight.question import Asked, Recommended
from oversight.rules.scopes import Scope
from oversight.v1 import threshold_service_pb2 as pb
from refusals import refusal_of
from threshold_desk import NOW_US, Desk
from threshold_port import Port

STRICT = Proof(0.9, 200, 2, 1, 0.03, 0.001, 0.5)
LENIENT = Proof(0.8, 300, 20, 4, 0.09, 0.2, 0.7)
UNTESTED = Proof(0.7, 400, 50, 4, 0.2, 0.9, 0.8)
CERTIFIED = Certificate(
    CertificateStatus.CERTIFIED, 0.9, 200, 2, 1, 0.03, 0.5, 0, 1_000, (STRICT, LENIENT), (STRICT, LENIENT, UNTESTED)
)
NO = Certificate(CertificateStatus.NO_SAFE_THRESHOLD, None, 5, 0, 0, 0.4, 0.0, 356, 9)


def an_answer(certificate: Certificate, **fields: Any) -> Recommended:
    found = Recommended(
        policy="centre",
        name="autonomy",
        signal="response_confidence",
        model_version="m1",
        value_in_force=0.85,
        autonomy_in_force=0.6,
        recommendation=Recommendation(certificate, 3, 0.01, "d" * 64),
        stored=False,
        erased=7,
        through_us=NOW_US,
        others=("", "m0"),
    )
    return found._replace(**fields)


class Recommending:
    """Answers always the same, or fails, and keeps what was asked."""

    def __init__(self) -> None:
        self.answer = an_answer(CERTIFIED)
        self.error: Exception | None = None
        self.asked: list[tuple[Asked, str]] = []

    def __call__(self, asked: Asked, author: str) -> Recommended:
        self.asked.append((asked, author))
        if self.error is not None:
            raise self.error
        return self.answer


@pytest.fixture
def recommending() -> Recommending:
    return Recommending()


@pytest.fixture
def port(recommending: Recommending) -> Iterator[Port]:
    desk = Desk()
    desk.recommender = recommending
    port = Port(desk)
    yield port
    port.close()


def ask(port: Port, **fields: Any) -> pb.RecommendThresholdsResponse:
    request = pb.RecommendThresholdsRequest(**{"max_error": 0.05, **fields})
    return port.stub.RecommendThresholds(request, timeout=10)


def test_what_is_left_out_has_the_usual_value(port: Port, recommending: Recommending) -> None:
    """The most common question is the shortest."""
    ask(port)
    assert [(Asked(max_error=0.05), "local")] == recommending.asked
    assert ("autonomy_confidence", 0.95, 1, 90) == tuple(
        getattr(Asked(), name) for name in ("name", "confidence", "claims", "window_days")
    )


def test_every_field_is_asked(port: Port, recommending: Recommending) -> None:
    """One that is quietly ignored would prove something else."""
    scope = pb.ThresholdScope(intent="i", department="d", currency="EUR")
    ask(
        port,
        policy="p",
        scope=scope,
        name="n",
        max_error=0.01,
        confidence=0.9,
        model_version="m",
        claims=7,
        window_days=30,
    )
    assert [Asked("p", "n", Scope("i", "d", "EUR"), 0.01, 0.9, "m", 7, 30)] == [
        asked for asked, _ in recommending.asked
    ]


def test_a_certificate_comes_with_its_candidates(port: Port) -> None:
    """Enough to draw risk by share of traffic, and to see what the proof rests on."""
    found = ask(port)
    assert (pb.CERTIFICATE_STATUS_CERTIFIED, 0.9, 200, 2, 1, 0.03, 0.5, 0, 1_000) == (
        *(found.status, found.threshold, found.n, found.errors, found.missed, found.upper_bound),
        *(found.autonomy, found.labels_needed, found.eligible),
    )
    assert [(0.9, True), (0.8, True), (0.7, False)] == [(one.threshold, one.tested) for one in found.candidates]
    last = found.candidates[2]
    assert UNTESTED == (
        *(last.threshold, last.n, last.errors, last.missed, last.upper_bound, last.p_value, last.autonomy),
    )
    assert ("centre", "autonomy", "response_confidence", "m1", 0.85, 0.6) == (
        *(found.policy, found.name, found.signal, found.model_version, found.value_in_force),
        found.autonomy_in_force,
    )
    assert (3, 0.01, False, "d" * 64, 7, NOW_US) == (
        *(found.call, found.delta, found.stored, found.digest, found.erased),
        found.evidence_through.ToMicroseconds(),
    )


def test_an_honest_no_has_no_value(port: Port, recommending: Recommending) -> None:
    """A zero could be taken for a threshold."""
    recommending.answer = an_answer(NO, stored=True, through_us=None)
    found = ask(port)
    assert (pb.CERTIFICATE_STATUS_NO_SAFE_THRESHOLD, False, 356, True, False) == (
        *(found.status, found.HasField("threshold"), found.labels_needed),
        *(found.stored, found.HasField("evidence_through")),
    )


LEVELS = (0.0, 1.0, -0.1, 1.5, float("nan"), float("inf"), 5e-324)


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        *(({"max_error": one}, "max_error", "between 0 and 1") for one in LEVELS),
        *(({"confidence": one}, "confidence", "between 0 and 1") for one in LEVELS),
        *(({"claims": one}, "claims", f"expected a number in 1..1000000, got {one}") for one in (0, -1, 2**31 - 1)),
        *(({"window_days": one}, "window_days", f"expected a number in 1..400, got {one}") for one in (0, -1, 401)),
        ({"policy": "x" * 65}, "policy", "at most 64 characters"),
        ({"name": "x" * 129}, "name", "at most 128 characters"),
        ({"model_version": "a\0"}, "model_version", "without NUL"),
        ({"scope": pb.ThresholdScope(intent="x" * 129)}, "scope.intent", "at most 128 characters"),
    ],
)
def test_a_wrong_field_is_named(
    port: Port, recommending: Recommending, fields: dict[str, Any], field: str, words: str
) -> None:
    """And nothing is asked."""
    refusal = refusal_of(lambda: ask(port, **fields))
    assert (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", field) == refusal[:3]
    assert words in refusal.text
    assert [] == recommending.asked


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (UnknownThresholdError("name", "no such", "autonomy"), "INVALID_ARGUMENT", "UNKNOWN_THRESHOLD"),
        (NotRecommendableError("autonomy", "no"), "FAILED_PRECONDITION", "NOT_RECOMMENDABLE"),
        (StoreUnavailableError("down"), "UNAVAILABLE", "STORE_UNAVAILABLE"),
        (OverloadedError("another"), "RESOURCE_EXHAUSTED", "OVERLOADED"),
        (RuntimeError("secret"), "INTERNAL", "INTERNAL"),
    ],
)
def test_what_cannot_be_answered_has_its_status(
    port: Port, recommending: Recommending, error: Exception, code: str, reason: str
) -> None:
    """So that software can tell a slip from an outage."""
    recommending.error = error
    refusal = refusal_of(lambda: ask(port))
    assert (code, reason) == (refusal.code.name, refusal.reason)
    assert "secret" not in refusal.text
