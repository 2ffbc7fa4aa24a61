"""Random conditions that the loader would accept: operators by kind, thresholds in their tightening direction."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import strategies as st

from oversight.engine.policy import (
    All,
    Any,
    Check,
    Condition,
    Literal,
    Not,
    Operand,
    SupportedLanguages,
    Threshold,
    ThresholdRef,
)
from oversight.engine.signals import ATTRIBUTE_TYPES, OPERATORS_BY_KIND, SIGNALS

__all__ = ["ATTRIBUTES", "NUMBERS", "TEXTS", "conditions"]

ATTRIBUTES: Mapping[str, str] = {"contract_value": "double", "seats": "int", "region": "string", "gold": "bool"}
"""The free attributes of every drawn policy."""

NUMBERS = (-1.0, -0.5, 0.0, 0.25, 0.5, 0.75, 0.85, 0.9, 1.0)
"""Few values, so that a request often lies exactly on a limit."""

COUNTS = (0, 1, 2, 3, 50)
OFFSETS = (0.0, 0.0, 0.05, -0.1, 0.25)
TEXTS: Mapping[str, tuple[str, ...]] = {
    "intent": ("order_status", "refund_request", "complaint", "cancel_service"),
    "department": ("retail_banking", "contact_centre", "private_banking", "nowhere"),
    "language": ("en", "en-GB", "DE", "de_AT", "xx"),
    "currency": ("EUR", "JPY", "XXX"),
    "tenant_id": ("one", "two"),
    "model_version": ("m-1", "m-2"),
    "attributes.region": ("north", "south", ""),
}
"""The values that rules name and that requests carry."""

FLAGS = ("pii", "threat", "fraud")
INDEXED = ("intent", "intent", "department", "channel")
ORDER = ("below", "at_most", "above", "at_least")
MATCHES_MORE_WHEN_RAISED = {"below", "at_most"}


def kind_of(signal: str) -> str:
    """The kind of a signal or attribute."""
    if signal.startswith("attributes."):
        return ATTRIBUTE_TYPES[ATTRIBUTES[signal.removeprefix("attributes.")]]
    return SIGNALS[signal].kind


READABLE = (*SIGNALS, *(f"attributes.{name}" for name in ATTRIBUTES))
NUMERIC = (
    *("response_confidence", "sentiment_score", "amount_minor", "intent_margin", "signal_age_s", "labelled_outcomes"),
    *("attributes.contract_value", "attributes.seats"),
)
"""The signals of every numeric kind and origin that rules compare with thresholds."""


def literals_of(signal: str) -> tuple[str | int | float | bool, ...]:
    """What a rule may compare *signal* with, one at a time."""
    kind = kind_of(signal)
    if kind == "text":
        return TEXTS[signal]
    if kind == "flags":
        return FLAGS
    if kind == "flag":
        return (True, False)
    if kind == "choice":
        return tuple(SIGNALS[signal].choices or ())
    return NUMBERS if kind == "number" else COUNTS


@st.composite
def checks(draw: st.DrawFn, thresholds: Mapping[str, Threshold], *, negated: bool, has_languages: bool) -> Check:
    """One comparison; *negated* where an odd number of `not` stands above it."""
    sort = draw(st.sampled_from(("indexed", "indexed", "threshold", "threshold", "any", "any", "any", "language")))
    if sort == "threshold" and thresholds:
        return draw(threshold_checks(thresholds, negated=negated))
    if sort == "language" and has_languages:
        return Check("language", draw(st.sampled_from(("in", "not_in"))), SupportedLanguages())
    signal = draw(st.sampled_from(INDEXED if sort == "indexed" else READABLE))
    operators = ("equals", "equals", "in", "not_in") if sort == "indexed" else OPERATORS_BY_KIND[kind_of(signal)]
    operator = draw(st.sampled_from([name for name in operators if name != "between"]))
    return Check(signal, operator, draw(operands(signal, operator)))


def operands(signal: str, operator: str) -> st.SearchStrategy[Operand]:
    """Literals that fit."""
    if operator == "present":
        return st.booleans().map(Literal)
    literal = st.sampled_from(literals_of(signal))
    if operator in ("in", "not_in", "contains_any"):
        return st.lists(literal, min_size=1, max_size=3, unique=True).map(lambda values: Literal(tuple(values)))
    return literal.map(Literal)


@st.composite
def threshold_checks(draw: st.DrawFn, thresholds: Mapping[str, Threshold], *, negated: bool) -> Check:
    """A comparison with a threshold that matches more when the threshold is tightened."""
    threshold = thresholds[draw(st.sampled_from(sorted(thresholds)))]
    wants_below = (threshold.tightens == "raise") is not negated
    operator = draw(st.sampled_from([name for name in ORDER if (name in MATCHES_MORE_WHEN_RAISED) is wants_below]))
    return Check(draw(st.sampled_from(NUMERIC)), operator, ThresholdRef(threshold.name, draw(st.sampled_from(OFFSETS))))


@st.composite
def conditions(
    draw: st.DrawFn,
    thresholds: Mapping[str, Threshold],
    *,
    depth: int = 3,
    negated: bool = False,
    has_languages: bool = False,
) -> Condition:
    """A condition at most *depth* levels deep."""
    sort = draw(st.sampled_from(("check", "check", "all", "any", "not"))) if depth else "check"
    if sort == "check":
        return draw(checks(thresholds, negated=negated, has_languages=has_languages))
    turned = negated is not (sort == "not")
    inner = conditions(thresholds, depth=depth - 1, negated=turned, has_languages=has_languages)
    if sort == "not":
        return Not(draw(inner))
    parts = tuple(draw(st.lists(inner, min_size=1, max_size=3)))
    return All(parts) if sort == "all" else Any(parts)
