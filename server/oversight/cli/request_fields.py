"""The fields of a request, with the signals' own words for what they mean."""

from __future__ import annotations

from collections.abc import Mapping

from oversight.cli.fields import Field
from oversight.engine.request import REQUEST_FIELDS
from oversight.engine.signals import SIGNALS

__all__ = ["REQUEST"]

_NO_SIGNALS: Mapping[str, Field] = {
    field.name: field
    for field in (
        Field("request_id", "text", "your idempotency key; the client makes one where it is absent"),
        Field("conversation_id", "text", "your id of the conversation"),
        Field("subject_ref", "text", "pseudonym of the customer, never a name or a number"),
        Field("draft_sha256", "digest", "SHA-256 of the AI's draft, in hex"),
        Field("signal_time", "time", "when the live signals were measured"),
        Field("attributes", "attributes", "free attributes that the policy declares"),
    )
}

_API_NAMES: Mapping[str, str] = {"guardrail_flags": "guardrails", "signal_time_us": "signal_time"}
"""What the engine calls otherwise than the API."""


def _field(engine_name: str) -> Field:
    name = _API_NAMES.get(engine_name, engine_name)
    if name in _NO_SIGNALS:
        return _NO_SIGNALS[name]
    signal = SIGNALS[engine_name]
    unit = f", {signal.unit}" if signal.unit else ""
    limits = f" ({signal.low:g}..{signal.high:g})" if signal.low is not None and signal.high is not None else ""
    return Field(
        name,
        signal.kind,
        f"{signal.meaning}{unit}{limits}",
        tuple(signal.choices or ()),
        "tier_" if name == "held_tier" else "",
    )


REQUEST: Mapping[str, Field] = {field.name: field for field in map(_field, REQUEST_FIELDS)}
"""Every field of `DecideRequest` by name, in the API's order."""
