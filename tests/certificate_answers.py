"""A certificate, and an honest no, as an admin port answers them."""

from __future__ import annotations

from insight_answers import at
from oversight.v1 import threshold_service_pb2 as thresholds

_CURVE = (  # threshold, labels, errors, missed, upper bound, p-value, autonomy
    (0.97, 96, 0, 0, 0.0417, 0.0204, 0.11),
    (0.95, 181, 1, 0, 0.0332, 0.0009, 0.22),
    (0.93, 270, 3, 1, 0.0348, 0.0006, 0.33),
    (0.91, 352, 6, 2, 0.0401, 0.0039, 0.44),
    (0.89, 430, 11, 2, 0.0479, 0.0302, 0.55),
    (0.87, 512, 21, 3, 0.0629, 0.2401, 0.66),
    (0.85, 590, 33, 4, 0.0781, 0.7702, 0.78),
    (0.83, 655, 47, 6, 0.0939, 0.9931, 0.88),
)


def _candidates(last_tested: int) -> list[thresholds.CandidateProof]:
    return [
        thresholds.CandidateProof(
            threshold=value,
            n=n,
            errors=errors,
            missed=missed,
            upper_bound=bound,
            p_value=p_value,
            autonomy=autonomy,
            tested=number <= last_tested,
        )
        for number, (value, n, errors, missed, bound, p_value, autonomy) in enumerate(_CURVE)
    ]


def certified() -> thresholds.RecommendThresholdsResponse:
    """Return a certificate for 0.89."""
    found = thresholds.RecommendThresholdsResponse(
        status=thresholds.CERTIFICATE_STATUS_CERTIFIED,
        threshold=0.89,
        n=430,
        errors=11,
        missed=2,
        upper_bound=0.0479,
        autonomy=0.55,
        eligible=18_400,
        candidates=_candidates(5),
        policy="retail_banking",
        name="autonomy_confidence",
        signal="response_confidence",
        model_version="m-7",
        value_in_force=0.93,
        autonomy_in_force=0.33,
        other_model_versions=["", "m-6"],
        call=1,
        delta=0.0304,
        digest="4f2a" * 16,
    )
    at(found.evidence_through)
    return found


def refused(*, errors_too_many: bool = False) -> thresholds.RecommendThresholdsResponse:
    """Return an honest no: for want of labels, or because the AI errs too often."""
    found = certified()
    found.ClearField("threshold")
    found.status = thresholds.CERTIFICATE_STATUS_NO_SAFE_THRESHOLD
    found.autonomy = 0.0
    del found.candidates[:]
    if errors_too_many:
        found.n, found.errors, found.missed, found.upper_bound, found.labels_needed = 190, 24, 3, 0.181, 0
    else:
        found.n, found.errors, found.missed, found.upper_bound, found.labels_needed = 34, 0, 0, 0.098, 327
    return found
