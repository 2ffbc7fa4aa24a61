"""What compiled rules call: derived signals, typed attributes, names of enum values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oversight.engine.decision import Comparison, Reason
from oversight.engine.request import AttributeScalar, Request, ServerFacts
from oversight.engine.signals import SIGNALS

__all__ = ["MAX_CLOCK_LEAD_S", "NAMESPACE", "age_s", "attribute", "choice_name", "margin", "observe", "primary"]

MAX_CLOCK_LEAD_S = 5
"""Seconds by which a signal's time may be ahead of the decision's before it counts as stale."""

_TYPES: Mapping[str, tuple[type, ...]] = {"string": (str,), "double": (float, int), "int": (int,), "bool": (bool,)}


def margin(confidence: float | None, runner_up: float | None) -> float | None:
    """Return intent minus runner-up confidence; to 9 decimals, so that 0.9 - 0.8 is 0.1."""
    return None if confidence is None or runner_up is None else round(confidence - runner_up, 9)


def age_s(signal_time_us: int | None, now_us: int) -> float | None:
    """Return the live signals' age in seconds; None where unknown or more than `MAX_CLOCK_LEAD_S` ahead."""
    if signal_time_us is None:
        return None
    age_us = now_us - signal_time_us
    return None if age_us < -MAX_CLOCK_LEAD_S * 1_000_000 else min(max(age_us, 0), 1 << 63) / 1_000_000


def primary(language: str | None) -> str | None:
    """Return the primary subtag of a BCP 47 tag in lower case (RFC 5646, section 2.2.1)."""
    return None if language is None else language.replace("_", "-").partition("-")[0].lower()


def attribute(attributes: Mapping[str, AttributeScalar] | None, name: str, kind: str) -> AttributeScalar | None:
    """Return the free attribute *name*, None where absent; raise TypeError where it is not of the declared *kind*."""
    value = None if attributes is None else attributes.get(name)
    # `type(...) in`, not isinstance: a bool is an int to Python, and must not pass for one here.
    if value is not None and type(value) not in _TYPES[kind]:
        raise TypeError(f"attribute {name} is not of type {kind}")
    # So that a signal's values are all of one type, and 1 is never shown where 1.0 was seen.
    return float(value) if kind == "double" and value is not None else value


def observe(signal: str, request: Request, facts: ServerFacts) -> Any:
    """Return the value of *signal* as rules see it; None where it is absent or no number."""
    if signal.startswith("attributes."):
        value = (request.attributes or {}).get(signal.removeprefix("attributes."))
    elif signal == "intent_margin":
        value = margin(request.intent_confidence, request.intent_runner_up_confidence)
    elif signal == "signal_age_s":
        value = age_s(request.signal_time_us, request.decided_at_us)
    elif signal == "labelled_outcomes":
        value = facts.labelled_outcomes
    else:
        value = getattr(request, signal)
    # NaN is the one value that differs from itself.
    return value if value == value else None


_CHOICE_NAMES: Mapping[str, Mapping[int, str]] = {
    signal.name: {number: name for name, number in signal.choices.items()}
    for signal in SIGNALS.values()
    if signal.choices is not None
}


def choice_name(signal: str, value: Any) -> Any:
    """Return the rule-file name of an enum *signal*'s number; any other value as it is."""
    names = _CHOICE_NAMES.get(signal)
    return value if names is None else names.get(value, value)


NAMESPACE: Mapping[str, object] = {
    "Comparison": Comparison,
    "Reason": Reason,
    "age_s": age_s,
    "attribute": attribute,
    "choice_names": _CHOICE_NAMES,
    "margin": margin,
    "primary": primary,
}
"""The global names of a compiled rule function."""
