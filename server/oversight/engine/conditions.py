"""Conditions in normal form: without `not`, and in an order that does not depend on how they were written."""

from __future__ import annotations

import json
from collections.abc import Iterator

from oversight.engine.policy import (
    All,
    Any,
    Check,
    Condition,
    Literal,
    Not,
    Operand,
    ThresholdRef,
)
from oversight.engine.signals import NEGATIONS

__all__ = ["checks", "describe", "normal_form", "parts_of"]


def normal_form(condition: Condition) -> Condition:
    """
    Return *condition* with every `not` pushed down into the checks, and parts and lists in one fixed order.

    De Morgan's laws hold in Kleene's three-valued logic, and a check of an absent signal is unknown on both sides of
    `not`. So in the result a condition is true exactly where its checks, read as "present, and ...", make it true: two
    values are enough to evaluate it.
    """
    return _normal(condition, negated=False)


def _normal(condition: Condition, *, negated: bool) -> Condition:
    if isinstance(condition, Not):
        return _normal(condition.part, negated=not negated)
    if isinstance(condition, Check):
        return _negate(condition) if negated else _ordered(condition)
    parts = tuple(sorted((_normal(part, negated=negated) for part in condition.parts), key=_sort_key))
    return All(parts) if isinstance(condition, All) != negated else Any(parts)


def _negate(check: Check) -> Check:
    if check.operator == "present":
        assert isinstance(check.operand, Literal)  # noqa: S101 - for the type checker: loading admits nothing else
        return Check(check.signal, "present", Literal(not check.operand.value))
    return _ordered(Check(check.signal, NEGATIONS[check.operator], check.operand))


def _ordered(check: Check) -> Check:
    operand = check.operand
    if isinstance(operand, Literal) and isinstance(operand.value, tuple):
        return Check(check.signal, check.operator, Literal(tuple(sorted(set(operand.value), key=repr))))
    return check


def parts_of(condition: Condition) -> tuple[Condition, ...]:
    """Return the parts of a condition in normal form; a check has none."""
    return condition.parts if isinstance(condition, All | Any) else ()


def describe(condition: Condition) -> list[object]:
    """Return *condition* as nested lists of plain values: the same for the same meaning of every part."""
    if isinstance(condition, Check):
        return ["check", condition.signal, condition.operator, _describe_operand(condition.operand)]
    if isinstance(condition, Not):
        return ["not", describe(condition.part)]
    return ["all" if isinstance(condition, All) else "any", [describe(part) for part in condition.parts]]


def _describe_operand(operand: Operand) -> list[object]:
    match operand:
        case Literal(value):
            return ["literal", list(value) if isinstance(value, tuple) else value]
        case ThresholdRef(name, offset):
            return ["threshold", name, offset]
        case _:
            return ["supported_languages"]


def checks(condition: Condition) -> Iterator[Check]:
    """Yield every check in *condition*, in order."""
    match condition:
        case Check():
            yield condition
        case Not(part):
            yield from checks(part)
        case _:
            for part in condition.parts:
                yield from checks(part)


def _sort_key(condition: Condition) -> str:
    return json.dumps(describe(condition))
