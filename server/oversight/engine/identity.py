"""Who a decision is: the canonical request, the decision's id, and the draw of the audit sample."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from hashlib import blake2b
from json import JSONEncoder
from json.encoder import encode_basestring_ascii as quote
from typing import Any, NamedTuple

from oversight.engine.request import REQUEST_FIELDS, Request

__all__ = [
    "Keys",
    "audit_draw",
    "canonical_request",
    "decision_id",
    "derive_key",
    "request_from_canonical",
    "request_key",
]


_encode = JSONEncoder(separators=(",", ":")).encode


class Keys(NamedTuple):
    """
    The deployment's secrets, shared by its replicas.

    `id_key` (at most 64 bytes) makes decision ids, `audit_key` draws the audit sample; `audit_key_id` names the latter
    in records, because the draw cannot be repeated under another key.
    """

    id_key: bytes
    audit_key: bytes
    audit_key_id: str


def canonical_request(request: Request) -> str:
    """
    Return the request as the one JSON text that stands for it.

    An ASCII object of the present fields in the API's order, no spaces, attributes by name, lists in the order sent.
    The decision's time is not part of it.
    """
    present = {name: value for name, value in zip(REQUEST_FIELDS, request, strict=False) if value is not None}
    if request.attributes is not None:
        present["attributes"] = dict(sorted(request.attributes.items()))
    return _encode(present)


def request_from_canonical(fields: Mapping[str, Any], decided_at_us: int) -> Request:
    """Return the request that `canonical_request` wrote, from the parsed JSON object."""
    values = dict(fields)
    flags = values.get("guardrail_flags")
    if flags is not None:
        values["guardrail_flags"] = tuple(flags)
    return Request(**values, decided_at_us=decided_at_us)


def decision_id(keys: Keys, digest: str, canonical: bytes, decided: str) -> str:
    """
    Return the id of a decision: 32 hex digits of a keyed BLAKE2b (RFC 7693).

    Over the snapshot's *digest*, the *canonical* request (tenant and request id are in it) and what was *decided*
    (tier, escalation, evaluation, matched rules). So a retry on any replica has the same id, and another payload or
    another outcome never has.
    """
    head = f"{digest}\n{decided}\n".encode("ascii", "backslashreplace")
    return blake2b(head + canonical, key=keys.id_key, digest_size=16).hexdigest()


def request_key(keys: Keys, tenant_id: str | None, request_id: str) -> str:
    """Return 32 hex digits that stand for tenant and request id, also after these have been erased."""
    text = f"[{quote(tenant_id or '')},{quote(request_id)}]"
    return blake2b(text.encode("ascii"), key=keys.id_key, digest_size=16, person=b"request_key").hexdigest()


def derive_key(id_key: bytes, purpose: str) -> bytes:
    """
    Return the 32 bytes of a key for one *purpose* alone: HMAC-SHA-256 (RFC 2104) of its name under the deployment's.

    So what is signed or hashed for one purpose never stands for another, and no more keys need to be kept.
    """
    return hmac.digest(id_key, f"oversight/{purpose}".encode("ascii"), "sha256")


def audit_draw(keys: Keys, decision: str) -> float:
    """Return the number in [0, 1) that a *decision*'s id draws: HMAC-SHA-256 (RFC 2104), first 53 bits."""
    drawn = hmac.digest(keys.audit_key, decision.encode("ascii"), "sha256")
    return (int.from_bytes(drawn[:8], "big") >> 11) / (1 << 53)
