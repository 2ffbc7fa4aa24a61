"""Warnings: the checked request from protobuf, and how the signs stand back."""

from __future__ import annotations

from typing import Any, NamedTuple

from oversight.feedback.signs import Sign
from oversight.grpc_api.convert.checks import check_choice, check_text
from oversight.grpc_api.convert.room import fitting
from oversight.insight.warnings import ListedWarnings
from oversight.storage.warning_store import StoredWarning
from oversight.v1 import insight_service_pb2 as pb

__all__ = ["WarningQuery", "warning_query", "warnings_to_proto"]

_check_tenant = check_text("tenant_id", 64)
_check_department = check_text("department", 64)
_SIGNS = {
    value.number: Sign(value.name.removeprefix("WARNING_SIGN_")) for value in pb.WarningSign.DESCRIPTOR.values[1:]
}
_check_sign = check_choice("sign", _SIGNS)
_FIGURES = ("value", "low", "high", "baseline", "p_value", "e_value")


class WarningQuery(NamedTuple):
    """Which warnings; None is any."""

    tenant_id: str | None
    department: str | None
    sign: Sign | None
    every: bool


def warning_query(message: pb.ListWarningsRequest) -> WarningQuery:
    """Return the checked request; raise `InvalidRequestError` naming the first field that is wrong."""
    return WarningQuery(
        _check_tenant(message.tenant_id) or None,
        _check_department(message.department) or None,
        _SIGNS[_check_sign(message.sign)] if message.sign else None,
        message.all,
    )


def warnings_to_proto(listed: ListedWarnings) -> pb.ListWarningsResponse:
    """Return the warnings as a message; what would make it too large is among those left out."""
    warnings, more = fitting(map(_warning, listed.warnings))
    response = pb.ListWarningsResponse(
        warnings=warnings,
        left_out=listed.left_out + more,
        problem=listed.problem,
        ok=listed.ok,
        insufficient_data=listed.insufficient_data,
    )
    if listed.tested_at_us is not None:
        response.tested_at.FromMicroseconds(listed.tested_at_us)
    return response


def _warning(one: StoredWarning) -> pb.Warning:
    key, standing, finding = one.key, one.standing, one.finding
    optional: dict[str, Any] = {"intent": key.intent, "rule_id": key.rule_id}
    optional |= {name: getattr(finding, name) for name in _FIGURES}
    message = pb.Warning(
        sign=pb.WarningSign.Value(f"WARNING_SIGN_{key.sign}"),
        tenant_id=key.tenant_id,
        department=key.department,
        state=pb.WarningState.Value(f"WARNING_STATE_{standing.state}"),
        found=pb.WarningState.Value(f"WARNING_STATE_{finding.state}"),
        message=one.message,
        n=finding.n,
        details=dict(finding.details),
        **{name: value for name, value in optional.items() if value is not None},
    )
    message.tested_at.FromMicroseconds(one.tested_at_us)
    if standing.raised_at_us is not None:
        message.raised_at.FromMicroseconds(standing.raised_at_us)
    if standing.quiet_since_us is not None:
        message.quiet_since.FromMicroseconds(standing.quiet_since_us)
    return message
