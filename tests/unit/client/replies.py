"""What the service may answer."""

from __future__ import annotations

from typing import Any

from oversight.v1 import decision_pb2 as shared
from oversight.v1.decision_service_pb2 import DecideRequest, DecideResponse

DECISION_ID = "0123456789abcdef0123456789abcdef"


def a_response(request: Any = None, **fields: Any) -> DecideResponse:
    """Return a routine decision of *request*, with *fields* in place of its own."""
    response = DecideResponse(
        decision_id=DECISION_ID,
        request_id=request.request_id if isinstance(request, DecideRequest) else "r1",
        tier=shared.TIER_HUMAN_ON_THE_LOOP,
        escalation=shared.ESCALATION_NONE,
        reason="ROUTINE",
        reasons=[
            shared.Reason(
                code="ROUTINE",
                rule_id="routine",
                message="No rule asks for more.",
                tier=shared.TIER_HUMAN_ON_THE_LOOP,
                escalation=shared.ESCALATION_NONE,
            )
        ],
        evaluation=shared.EVALUATION_DEFAULT,
        recorded=True,
        policy=shared.PolicyIdentity(name="contact_centre", version="1", commit="abc", digest="d" * 64),
    )
    response.MergeFrom(DecideResponse(**fields))
    return response
