"""Recommendations of thresholds: what is asked, every field checked, and the answer as a message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oversight.errors import InvalidRequestError
from oversight.grpc_api.convert.checks import check_text
from oversight.grpc_api.convert.insight_replies import time_to_proto
from oversight.grpc_api.convert.insights import check_level
from oversight.grpc_api.convert.thresholds import scope_from_proto
from oversight.insight.question import AUTONOMY, Asked, Recommended
from oversight.v1 import threshold_service_pb2 as pb

if TYPE_CHECKING:
    from oversight.feedback.certificate import Proof

__all__ = ["asked_from_proto", "recommended_to_proto"]

_MOST_CLAIMS = 1_000_000
_MOST_DAYS = 400


def asked_from_proto(message: pb.RecommendThresholdsRequest) -> Asked:
    """Return the checked question; raise `InvalidRequestError` naming the first field that is wrong."""
    usual = Asked()
    return Asked(
        policy=check_text("policy", 64)(message.policy),
        name=check_text("name", 128)(message.name) or AUTONOMY,
        scope=scope_from_proto(message.scope, "scope"),
        max_error=check_level("max_error", message.max_error),
        confidence=check_level(
            "confidence", message.confidence if message.HasField("confidence") else usual.confidence
        ),
        model_version=check_text("model_version", 128)(message.model_version),
        claims=_count("claims", message.claims if message.HasField("claims") else usual.claims, _MOST_CLAIMS),
        window_days=_count(
            "window_days", message.window_days if message.HasField("window_days") else usual.window_days, _MOST_DAYS
        ),
    )


def recommended_to_proto(found: Recommended) -> pb.RecommendThresholdsResponse:
    """Return the answer as a message."""
    certificate, call, delta, digest = found.recommendation
    tested = {proof.threshold for proof in certificate.tested}
    return pb.RecommendThresholdsResponse(
        status=pb.CertificateStatus.Value(f"CERTIFICATE_STATUS_{certificate.status}"),
        threshold=certificate.threshold,
        n=certificate.n,
        errors=certificate.errors,
        missed=certificate.missed,
        upper_bound=certificate.upper_bound,
        autonomy=certificate.autonomy,
        labels_needed=certificate.labels_needed,
        eligible=certificate.eligible,
        candidates=[_proof(proof, tested=proof.threshold in tested) for proof in certificate.candidates],
        policy=found.policy,
        name=found.name,
        signal=found.signal,
        model_version=found.model_version,
        value_in_force=found.value_in_force,
        autonomy_in_force=found.autonomy_in_force,
        call=call,
        delta=delta,
        stored=found.stored,
        digest=digest,
        erased=found.erased,
        evidence_through=time_to_proto(found.through_us),
        other_model_versions=found.others,
    )


def _count(field: str, value: int, most: int) -> int:
    if 1 <= value <= most:
        return value
    raise InvalidRequestError(field, f"expected a number in 1..{most}, got {value}")


def _proof(proof: Proof, *, tested: bool) -> pb.CandidateProof:
    return pb.CandidateProof(
        threshold=proof.threshold,
        n=proof.n,
        errors=proof.errors,
        missed=proof.missed,
        upper_bound=proof.upper_bound,
        p_value=proof.p_value,
        autonomy=proof.autonomy,
        tested=tested,
    )
