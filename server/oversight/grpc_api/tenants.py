"""What a caller who is bound to a tenant may send and read."""

from __future__ import annotations

from oversight.decisions import Call
from oversight.errors import PermissionDeniedError

__all__ = ["tenant_for"]


def tenant_for(call: Call, tenant_id: str, role: str) -> str:
    """
    Return the tenant that a request is about which names *tenant_id*, or none (empty).

    A caller bound to a tenant means that one where it names none. Raises `PermissionDeniedError` for another's, with
    the *role* in which the caller came.
    """
    if not call.tenant_id or tenant_id == call.tenant_id:
        return tenant_id
    if tenant_id:
        raise PermissionDeniedError(
            f"tenant_id: {call.caller} is bound to the tenant {call.tenant_id}, and may not name another", role=role
        )
    return call.tenant_id
