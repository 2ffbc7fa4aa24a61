"""
The documents of a policy file, field by field.

The JSON Schema that editors complete from is generated from these models (`rules.schema`), so each field says what it
is for in words a policy owner reads.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from oversight.rules.document import ID_PATTERN, REASON_PATTERN, Document
from oversight.rules.moments import MOMENT_PATTERN, read_moment

__all__ = [
    "BreakerDocument",
    "EscalationName",
    "Moment",
    "Name",
    "OverrideDocument",
    "PolicyDocument",
    "RuleDocument",
    "TermsDocument",
    "ThresholdDocument",
    "TierName",
]

TierName = Literal["human_on_the_loop", "human_in_the_loop", "human_as_the_loop"]
EscalationName = Literal["none", "offer", "transfer"]

Name = Annotated[str, Field(pattern=ID_PATTERN, max_length=64)]
Words = Annotated[str, Field(min_length=1, max_length=500)]
IntentName = Annotated[str, Field(min_length=1, max_length=128)]
Moment = Annotated[
    int,
    BeforeValidator(read_moment),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": MOMENT_PATTERN}),
]
"""RFC 3339 in the file, microseconds since 1970 (UTC) here."""


class TermsDocument(Document):
    """What applies to a review at one tier."""

    review_sla_s: int | None = Field(None, ge=1, le=31_536_000, description="Seconds that a person has for the review.")
    on_expiry: Literal["hold", "transfer"] | None = Field(
        None, description="What happens when that time is over: hold the reply back, or transfer the conversation."
    )


class OverrideDocument(Document):
    """A value of a threshold for some messages only: those of one intent, department or currency, or of several."""

    value: float = Field(description="The value there.")
    intent: IntentName | None = Field(None, description="For this intent only.")
    department: str | None = Field(None, min_length=1, max_length=64, description="For this department only.")
    currency: str | None = Field(
        None, pattern=r"^[A-Z]{3}$", description="For amounts in this currency (ISO 4217) only."
    )
    loosens: Words | None = Field(None, description="Why this may be looser than the policy this one extends.")


class ThresholdDocument(Document):
    """A number that rules compare with, written $NAME in rules, and that people may change live within its bounds."""

    description: Words | None = Field(None, description="What the number means, for the person who sets it.")
    default: float | None = Field(None, description="The value where nothing else is said.")
    value: float | None = Field(
        None, description="In a policy that extends another: the value of a threshold of that one."
    )
    min: float | None = Field(None, description="The lowest value that anyone may set.")
    max: float | None = Field(None, description="The highest value that anyone may set.")
    tightens: Literal["raise", "lower"] | None = Field(
        None, description="The direction that puts more in front of people: raise the number, or lower it."
    )
    overrides: list[OverrideDocument] = Field(
        default=[], max_length=500, description="Other values for single intents, departments or currencies."
    )
    loosens: Words | None = Field(
        None, description="Why the value may be looser than that of the policy this one extends."
    )

    @model_validator(mode="before")
    @classmethod
    def _number_is_value(cls, given: Any) -> Any:
        if isinstance(given, int | float) and not isinstance(given, bool):
            return {"value": given}
        return given


class RuleDocument(Document):
    """One rule: when its condition is true, at least this tier and this escalation, for this reason."""

    id: Name = Field(description="The rule's name; unique in this policy and those it extends.")
    when: Any = Field(description="The condition. Several signals mean all of them; any, all and not combine.")
    tier: TierName = Field(
        description="At least this tier. On the loop: the AI acts, people watch. In the loop: a person reviews and "
        "approves. As the loop: a person leads."
    )
    escalation: EscalationName = Field(
        "none", description="Whether a person is offered, or the conversation transferred."
    )
    reason: str = Field(pattern=REASON_PATTERN, max_length=64, description="The reason code that software sees.")
    message: Words = Field(description="The reason in words, for the person who takes over.")
    locked: bool = Field(default=False, description="True: nothing but an edit of this rule can switch it off.")
    shadow: bool = Field(default=False, description="True: evaluated, reported apart and recorded, without effect.")
    since: Moment | None = Field(None, description="From this moment on (RFC 3339 with zone).")
    until: Moment | None = Field(None, description="Before this moment (RFC 3339 with zone).")
    owner: str = Field("", max_length=128, description="Who answers for the rule.")


class BreakerDocument(Document):
    """What the service tightens by itself when a warning sign is critical; people release it."""

    steps: dict[Name, Annotated[float, Field(gt=0)]] = Field(
        default={}, description="How far one step tightens a threshold, by its name, in its unit."
    )
    anomalies: bool = Field(
        default=False, description="True: a surge of volume and a drop of confidence in an intent take a step, too."
    )


class PolicyDocument(Document):
    """A policy file."""

    policy: Name = Field(description="The policy's name; the department of that name is decided by it.")
    version: str = Field("", max_length=64, description="The author's version, in quotes; replies carry it.")
    description: str = Field("", max_length=2000, description="What the policy is for.")
    extends: Name | None = Field(
        None, description="The policy that this one extends. It can only be stricter than that."
    )
    required_signals: list[str] = Field(
        default=[], max_length=64, description="Signals without which no reply goes out unreviewed."
    )
    max_signal_age_s: float | None = Field(
        None, gt=0, le=31_536_000, description="Seconds after which the live signals are too old to act on."
    )
    intents: list[IntentName] | None = Field(
        None, min_length=1, description="What customers may want that this policy knows."
    )
    unknown_intent: Literal["tighten", "allow"] | None = Field(
        None, description="What an intent that is not listed means: a person reviews (tighten), or nothing (allow)."
    )
    unknown_department: Literal["tighten", "allow"] | None = Field(
        None, description="In the default policy: what a department without a policy means."
    )
    supported_languages: list[Annotated[str, Field(pattern=r"^[A-Za-z]{2,8}$")]] | None = Field(
        None, min_length=1, description="Languages the AI may write in, as primary subtags: en, de, fr."
    )
    attributes: dict[Name, Literal["string", "double", "int", "bool"]] = Field(
        default={}, description="Free attributes of requests that rules read as attributes.NAME, with their types."
    )
    tiers: dict[TierName, TermsDocument] = Field(default={}, description="Terms of a review, for each tier.")
    thresholds: dict[Name, ThresholdDocument] = Field(
        default={}, description="Numbers that rules compare with as $NAME."
    )
    constraints: list[str] = Field(
        default=[], max_length=50, description="What must hold between thresholds in every scope, such as: low < high."
    )
    breaker: BreakerDocument | None = Field(
        None, description="What is tightened by itself when a warning sign is critical. Left out: nothing."
    )
    rules: list[RuleDocument] = Field(default=[], description="The rules. All are evaluated; the strictest wins.")
