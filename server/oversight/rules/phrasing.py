"""Conditions in words, for people who read rules elsewhere than in their files."""

from __future__ import annotations

import json

from oversight.engine.policy import All, Any, Check, Condition, Literal, Not, Operand, ThresholdRef

__all__ = ["phrase_condition"]


def phrase_condition(condition: Condition) -> str:
    """Return *condition* on one line: `intent in ["refund"] and not (amount_minor below $small_amount)`."""
    match condition:
        case Check(signal, "present", Literal(value)):
            return f"{signal} is {'present' if value else 'absent'}"
        case Check(signal, operator, operand):
            return f"{signal} {operator.replace('_', ' ')} {_phrase_operand(operand)}"
        case Not(part):
            return f"not ({phrase_condition(part)})"
        case All(parts):
            return " and ".join(map(_phrase_part, parts))
        case Any(parts):
            return " or ".join(map(_phrase_part, parts))


def _phrase_part(part: Condition) -> str:
    text = phrase_condition(part)
    return f"({text})" if isinstance(part, All | Any) and len(part.parts) > 1 else text


def _phrase_operand(operand: Operand) -> str:
    match operand:
        case Literal(value):
            return json.dumps(value, ensure_ascii=False)
        case ThresholdRef(name, offset):
            return f"${name}" if not offset else f"${name} {'+' if offset > 0 else '-'} {abs(offset):g}"
        case _:
            return "the supported languages"
