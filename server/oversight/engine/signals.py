"""
The signals that rules may read: name, type, range and unit.

The request's fields (docs/api.md), those derived from them, and those that the server adds. Everything a rule says is
checked against this list when it is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = [
    "ATTRIBUTE_TYPES",
    "NEGATIONS",
    "OPERATORS",
    "OPERATORS_BY_KIND",
    "SIGNALS",
    "Signal",
]


@dataclass(frozen=True, slots=True)
class Signal:
    """
    One signal.

    `kind` is `number` (float), `count` (int), `text`, `choice` (an enum, named in lower case in rules), `flag` (bool)
    or `flags` (a list of text). `low` and `high` bound numbers and counts, both ends in; None is unbounded. `choices`
    maps an enum's names to the API's numbers. `origin` is `request`, `derived` or `server`.
    """

    name: str
    kind: str
    meaning: str
    low: float | None = None
    high: float | None = None
    unit: str = ""
    choices: Mapping[str, int] | None = None
    max_length: int | None = None
    origin: str = "request"


def _choices(*names: str) -> dict[str, int]:
    return {name: number for number, name in enumerate(names, start=1)}


_LIST = (
    Signal("tenant_id", "text", "whose contact centre this is", max_length=64),
    Signal("department", "text", "the department that serves the customer", max_length=64),
    Signal("turn_index", "count", "number of the turn in the conversation", low=0),
    Signal(
        "held_tier",
        "choice",
        "the tier at which a person already holds the conversation",
        choices=_choices("human_on_the_loop", "human_in_the_loop", "human_as_the_loop"),
    ),
    Signal(
        "channel",
        "choice",
        "where the customer is being served",
        choices=_choices("chat", "email", "voice", "messaging", "social"),
    ),
    Signal("language", "text", "BCP 47 tag of the customer's language", max_length=35),
    Signal("intent", "text", "what the customer wants", max_length=128),
    Signal("intent_confidence", "number", "confidence in the intent", 0, 1),
    Signal("intent_runner_up_confidence", "number", "confidence in the second-best intent", 0, 1),
    Signal("response_confidence", "number", "confidence in the proposed reply", 0, 1),
    Signal("grounding_score", "number", "how far the reply is supported by its sources", 0, 1),
    Signal("sentiment_score", "number", "the customer's sentiment, -1 is worst", -1, 1),
    Signal("sentiment_trend", "number", "change of the customer's sentiment", -1, 1),
    Signal(
        "sentiment_source",
        "choice",
        "what the sentiment was measured on",
        choices=_choices("text", "voice", "survey"),
    ),
    Signal("anomaly_score", "number", "how unusual the message is", 0, 1),
    Signal("churn_risk", "number", "probability that the customer leaves", 0, 1),
    Signal("customer_tier", "choice", "the customer's standing", choices=_choices("standard", "vip", "enterprise")),
    Signal("vulnerable_customer", "flag", "the customer is known or believed to be vulnerable"),
    Signal("human_requested", "flag", "the customer asked for a person and has not yet got one"),
    Signal("tool_failed", "flag", "a tool that the AI needed has failed"),
    Signal("reversible", "flag", "the proposed action can be undone"),
    Signal(
        "proposed_action",
        "choice",
        "what the AI proposes to do",
        choices=_choices("no_action", "reply", "refund", "credit", "account_change", "cancellation", "other"),
    ),
    Signal("amount_minor", "count", "money at stake", low=0, unit="minor units of the currency"),
    Signal("currency", "text", "ISO 4217 code of the currency", max_length=3),
    Signal("failed_turns", "count", "turns in which the AI failed to help", low=0),
    Signal("contacts_7d", "count", "contacts about the same matter in the last 7 days", low=0),
    Signal("guardrail_flags", "flags", "what the guardrail check of the draft raised", max_length=64),
    Signal("model_version", "text", "which model made the draft", max_length=128),
    Signal("intent_margin", "number", "intent confidence minus runner-up's, to 9 decimals", 0, 1, origin="derived"),
    Signal("signal_age_s", "number", "age of the live signals; absent where they are dated more than 5 s ahead",
           low=0, unit="seconds", origin="derived"),
    Signal("labelled_outcomes", "count", "labelled outcomes for this intent and model", low=0, origin="server"),
)  # fmt: skip

SIGNALS: Mapping[str, Signal] = {signal.name: signal for signal in _LIST}
"""Every signal by name; free attributes (`attributes.NAME`) are declared by the policy."""

ATTRIBUTE_TYPES: Mapping[str, str] = {"string": "text", "double": "number", "int": "count", "bool": "flag"}
"""The types a policy may declare for a free attribute, and the kind of signal each is."""

_ORDER = ("below", "at_most", "above", "at_least")
_EQUALITY = ("equals", "not_equals", "in", "not_in")

OPERATORS_BY_KIND: Mapping[str, tuple[str, ...]] = {
    "number": (*_ORDER, "between", *_EQUALITY, "present"),
    "count": (*_ORDER, "between", *_EQUALITY, "present"),
    "text": (*_EQUALITY, "starts_with", "present"),
    "choice": (*_EQUALITY, "present"),
    "flag": ("equals", "not_equals", "present"),
    "flags": ("contains", "contains_any", "present"),
}
"""The operators a rule file may use on each kind of signal."""

NEGATIONS: Mapping[str, str] = {
    "below": "at_least",
    "at_least": "below",
    "above": "at_most",
    "at_most": "above",
    "equals": "not_equals",
    "not_equals": "equals",
    "in": "not_in",
    "not_in": "in",
    "contains": "not_contains",
    "not_contains": "contains",
    "contains_any": "not_contains_any",
    "not_contains_any": "contains_any",
    "starts_with": "not_starts_with",
    "not_starts_with": "starts_with",
}
"""The operator that is true of a present value exactly where the other is false (`present` has its literal turned)."""

OPERATORS: frozenset[str] = frozenset({*NEGATIONS, "present"})
"""Every operator a `Check` may have; those that only negation makes are not written in rule files."""
