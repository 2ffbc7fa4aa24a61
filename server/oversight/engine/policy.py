"""A checked policy: immutable, typed, flat (what it extends is already merged in)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from oversight.engine.decision import Escalation, OnExpiry, Scalar, Tier

__all__ = [
    "All",
    "Any",
    "Breaker",
    "Check",
    "Condition",
    "Constraint",
    "Literal",
    "Not",
    "Operand",
    "Override",
    "Policy",
    "Rule",
    "SupportedLanguages",
    "Threshold",
    "ThresholdRef",
    "TierTerms",
]


@dataclass(frozen=True, slots=True)
class Literal:
    """A literal operand: one value, or several for `in`, `not_in` and `contains_any`. Enum values are names."""

    value: Scalar | tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class ThresholdRef:
    """A threshold as operand, plus *offset* (clamped to the signal's range)."""

    name: str
    offset: float = 0.0


@dataclass(frozen=True, slots=True)
class SupportedLanguages:
    """The policy's supported languages as operand of `in` and `not_in` on `language`, by primary subtag."""


Operand = Literal | ThresholdRef | SupportedLanguages


@dataclass(frozen=True, slots=True)
class Check:
    """
    One comparison of a signal.

    `operator` is one of `signals.OPERATORS`. `signal` may be `attributes.NAME`. `between` never comes here: it is read
    as `at_least` and `at_most`.
    """

    signal: str
    operator: str
    operand: Operand


@dataclass(frozen=True, slots=True)
class All:
    """True if every part is."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """True if one part is."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """True if the part is false; unknown if it is unknown."""

    part: Condition


Condition = Check | All | Any | Not


@dataclass(frozen=True, slots=True)
class Rule:
    """
    One rule: if *when* is true, at least *tier* and *escalation*, for *reason*.

    `since_us` and `until_us` are microseconds since 1970 (UTC): active from the one, before the other. `policy` is the
    policy that declares the rule, `place` its `file:line`.
    """

    id: str
    when: Condition
    tier: Tier
    escalation: Escalation
    reason: str
    message: str
    locked: bool = False
    shadow: bool = False
    since_us: int | None = None
    until_us: int | None = None
    owner: str = ""
    policy: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Override:
    """A threshold's value in a narrower scope; None in a scope field means every one."""

    value: float
    intent: str | None = None
    department: str | None = None
    currency: str | None = None
    policy: str = ""


@dataclass(frozen=True, slots=True)
class Threshold:
    """
    A number that rules compare with and that people may change live, between *minimum* and *maximum*.

    `tightens` is `raise` or `lower`: the direction that puts more in front of people. `policy` is the policy that set
    the default in force here.
    """

    name: str
    description: str
    default: float
    minimum: float
    maximum: float
    tightens: str
    overrides: tuple[Override, ...] = ()
    policy: str = ""


@dataclass(frozen=True, slots=True)
class Constraint:
    """What must hold between thresholds in every scope: *left* *operator* *right*; names or numbers; < <= > >=."""

    left: str | float
    operator: str
    right: str | float
    text: str = ""


@dataclass(frozen=True, slots=True)
class Breaker:
    """
    What the service tightens by itself when a warning sign is critical; no decision depends on it.

    `steps` maps the name of a threshold to how far one step moves it, above 0 in its unit. With *anomalies* also a
    surge of an intent's volume and a drop of its confidence take a step.
    """

    steps: Mapping[str, float] = field(default_factory=dict)
    anomalies: bool = False


@dataclass(frozen=True, slots=True)
class TierTerms:
    """How long a review at a tier may take, in seconds, and what happens then; None where nothing is said."""

    review_sla_s: int | None = None
    on_expiry: OnExpiry | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """
    One policy, ready to compile.

    `lineage` is its own name and those of the policies it extends, nearest first. `intents` are what it knows;
    `supported_languages` are lower-case primary subtags, None where the policy names none. `attributes` maps the name
    of each free attribute it reads to `string`, `double`, `int` or `bool`. `tighten_unknown_intent` and
    `tighten_unknown_department` say what an unlisted one means. A `breaker` without steps does nothing.
    """

    name: str
    version: str
    description: str
    lineage: tuple[str, ...]
    required_signals: tuple[str, ...]
    intents: frozenset[str]
    rules: tuple[Rule, ...]
    thresholds: Mapping[str, Threshold] = field(default_factory=dict)
    constraints: tuple[Constraint, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    tiers: Mapping[Tier, TierTerms] = field(default_factory=dict)
    supported_languages: frozenset[str] | None = None
    max_signal_age_s: float | None = None
    tighten_unknown_intent: bool = True
    tighten_unknown_department: bool = True
    breaker: Breaker = field(default_factory=Breaker)
