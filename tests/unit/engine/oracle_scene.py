"""What the oracle sees: signals and thresholds, looked up anew each time they are asked for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from oversight.engine.decision import Value
from oversight.engine.policy import Check, Literal, Policy, SupportedLanguages, Threshold, ThresholdRef
from oversight.engine.request import Request, ServerFacts
from oversight.engine.signals import SIGNALS

__all__ = ["LiveValueLike", "Scene", "WrongTypeError", "limit_of", "observe"]

FAR_AHEAD_US = 5_000_000
ATTRIBUTE = "attributes."
Scope = tuple[str | None, str | None, str | None]
"""Intent, department and currency; None is every one."""


class LiveValueLike(Protocol):
    """A live threshold value; None in a scope field means every one."""

    @property
    def policy(self) -> str:
        """Whose."""

    @property
    def name(self) -> str:
        """Which threshold."""

    @property
    def value(self) -> float:
        """The value."""

    @property
    def intent(self) -> str | None:
        """In which intent."""

    @property
    def department(self) -> str | None:
        """In which department."""

    @property
    def currency(self) -> str | None:
        """In which currency."""


class Standing(NamedTuple):
    """A threshold's value in one scope, who set it, and whether in a file or live."""

    value: float
    scope: Scope
    author: str
    origin: str


@dataclass(frozen=True)
class Scene:
    """One question with everything that bears on the answer."""

    policies: Mapping[str, Policy]
    policy: Policy
    request: Request
    facts: ServerFacts
    live: Sequence[LiveValueLike]


class WrongTypeError(Exception):
    """An attribute does not have the declared type."""


# --- signals


def is_number(value: object) -> bool:
    """A bool is not a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def observe(signal: str, scene: Scene) -> Value:
    """The value of *signal*, None where absent; raises `WrongTypeError`."""
    value = raw_value(signal, scene)
    if isinstance(value, float) and math.isnan(value):
        return None
    if value is not None and not signal.startswith(ATTRIBUTE):
        for name, number in (SIGNALS[signal].choices or {}).items():
            if number == value:
                return name
    return value


def raw_value(signal: str, scene: Scene) -> Value:
    """The value as sent or derived."""
    request = scene.request
    if signal.startswith(ATTRIBUTE):
        return attribute_value(signal.removeprefix(ATTRIBUTE), scene)
    if signal == "labelled_outcomes":
        return scene.facts.labelled_outcomes
    if signal == "intent_margin":
        best, second = request.intent_confidence, request.intent_runner_up_confidence
        return None if best is None or second is None else round(best - second, 9)
    if signal == "signal_age_s":
        if request.signal_time_us is None:
            return None
        age_us = request.decided_at_us - request.signal_time_us
        return None if age_us < -FAR_AHEAD_US else max(age_us, 0) / 1_000_000
    value: Value = getattr(request, signal)
    return value


def attribute_value(name: str, scene: Scene) -> Value:
    """A free attribute, checked against its declaration."""
    attributes = scene.request.attributes or {}
    if name not in attributes:
        return None
    value = attributes[name]
    fits = {
        "string": isinstance(value, str),
        "double": is_number(value),
        "int": is_number(value) and isinstance(value, int),
        "bool": isinstance(value, bool),
    }
    if not fits[scene.policy.attributes[name]]:
        raise WrongTypeError(name)
    return value


# --- thresholds


def standings(policy: Policy, name: str, scene: Scene) -> list[Standing]:
    """Return every value that bears on the request: the file's, inherited ones too, and the policy's own live ones."""
    threshold = policy.thresholds[name]
    found = [Standing(threshold.default, (None, None, None), threshold.policy, "file")]
    found += [Standing(o.value, (o.intent, o.department, o.currency), o.policy, "file") for o in threshold.overrides]
    found += [
        Standing(live.value, (live.intent, live.department, live.currency), live.policy, "live")
        for live in scene.live
        if live.policy == policy.name and live.name == name
    ]
    return [standing for standing in found if covers(standing.scope, scene.request)]


def covers(scope: Scope, request: Request) -> bool:
    """Return whether *request* lies in *scope*."""
    values = (request.intent, request.department, request.currency)
    return all(part is None or part == value for part, value in zip(scope, values, strict=True))


def most_specific(found: list[Standing]) -> Standing:
    """Pick by scope, intent first; in one scope a live value beats the file."""
    return max(found, key=lambda one: ([part is not None for part in one.scope], one.origin == "live"))


def without_binding(policy: Policy, name: str, scene: Scene) -> Standing:
    """Return what *policy* would use if no ancestor's live value bound it: its own value, or what its parent uses."""
    best = most_specific(standings(policy, name, scene))
    if best.author == policy.name:
        return best
    return in_force(scene.policies[policy.lineage[1]], name, scene)


def in_force(policy: Policy, name: str, scene: Scene) -> Standing:
    """Return the value that *policy* uses for the request: an ancestor's live value binds where it is stricter."""
    chosen = without_binding(policy, name, scene)
    for ancestor in policy.lineage[1:]:
        if name in scene.policies[ancestor].thresholds:
            theirs = without_binding(scene.policies[ancestor], name, scene)
            if theirs.origin == "live" and is_stricter(theirs.value, chosen.value, policy.thresholds[name]):
                chosen = theirs
    return chosen


def is_stricter(value: float, than: float, threshold: Threshold) -> bool:
    """Whether *value* puts more in front of people."""
    return value > than if threshold.tightens == "raise" else value < than


def limit_of(check: Check, scene: Scene) -> tuple[Value, str]:
    """What *check* compares with, and where that comes from."""
    operand = check.operand
    if isinstance(operand, Literal):
        return operand.value, "literal"
    if isinstance(operand, SupportedLanguages):
        return tuple(sorted(scene.policy.supported_languages or ())), "policy supported_languages"
    standing = in_force(scene.policy, operand.name, scene)
    return shifted(standing.value, operand.offset, check.signal), describe(operand, standing)


def shifted(value: float, offset: float, signal: str) -> float:
    """Return the limit: only what an offset moved is rounded, and brought back into the signal's range."""
    if not offset:
        return value
    limit = round(value + offset, 12)
    known = SIGNALS.get(signal)
    if known is not None and known.low is not None:
        limit = max(limit, known.low)
    if known is not None and known.high is not None:
        limit = min(limit, known.high)
    return limit


def describe(operand: ThresholdRef, standing: Standing) -> str:
    """Return a threshold's name with its offset, scope and origin."""
    named = zip(("intent", "department", "currency"), standing.scope, strict=True)
    scope = ",".join(f"{field}={value}" for field, value in named if value is not None)
    offset = f"{operand.offset:+g}" if operand.offset else ""
    return f"{operand.name}{offset}{f'[{scope}]' if scope else ''} {standing.origin}"
