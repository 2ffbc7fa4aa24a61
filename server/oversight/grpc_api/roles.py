"""Which role each method needs: the only table. A method that is not in it cannot be served."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from oversight.access.identity import Role

__all__ = ["ROLES", "Needs"]


class Needs(NamedTuple):
    """
    What a caller needs: a *role*, None where any caller whose credentials are taken may come.

    `open_to_all`: it needs no credentials. `by_tenant`: callers who are bound to a tenant may come, and get what is
    that tenant's alone; any other method is about all tenants, and refuses them.
    """

    role: Role | None
    open_to_all: bool = False
    by_tenant: bool = False


def _of(service: str, needs: Mapping[Role, str], *, by_tenant: bool = False) -> dict[str, Needs]:
    return {
        f"/oversight.v1.{service}/{method}": Needs(role, by_tenant=by_tenant)
        for role, methods in needs.items()
        for method in methods.split()
    }


_HEALTH = Needs(None, open_to_all=True)
_REFLECTION = Needs(None, by_tenant=True)

ROLES: Mapping[str, Needs] = {
    **_of("DecisionService", {Role.DECIDE: "Decide BatchDecide", Role.READ: "GetDecision"}, by_tenant=True),
    **_of("OutcomeService", {Role.RECORD: "RecordOutcome BatchRecordOutcomes"}, by_tenant=True),
    **_of(
        "InsightService",
        {
            Role.READ: (
                "ListRecords GetErrorRates GetContainment GetCsatDelta ListWarnings ListDueAudits GetQualityParity"
                " GetEscalationQuality ListCorrections"
            ),
            Role.ADMIN: "EraseSubject",
        },
        by_tenant=True,
    ),
    **_of(
        "ThresholdService",
        {
            Role.READ: "GetThresholds ListThresholdChanges ListStops",
            Role.ADMIN: "UpdateThresholds RollbackThresholds RecommendThresholds",
            Role.APPROVE: "ApproveThresholdChange RejectThresholdChange",
            Role.STOP: "EngageStop ReleaseStop",
        },
    ),
    **_of(
        "PolicyService",
        {Role.READ: "GetPolicy ListPolicyVersions GetStatus", Role.POLICY: "ValidatePolicy ReloadPolicy"},
    ),
    "/grpc.health.v1.Health/Check": _HEALTH,
    "/grpc.health.v1.Health/Watch": _HEALTH,
    "/grpc.health.v1.Health/List": _HEALTH,
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": _REFLECTION,
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo": _REFLECTION,
}
"""By full method name, those of health and reflection among them."""
