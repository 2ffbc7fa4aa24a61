"""The `when` of a rule: from the mapping that its author wrote to a typed, checked condition."""

from __future__ import annotations

from oversight.engine.policy import All, Any, Check, Condition, Literal, Not, Operand
from oversight.engine.signals import OPERATORS_BY_KIND, SIGNALS, Signal
from oversight.rules.operands import OperandReader, Vocabulary, find_signal
from oversight.rules.report import Place, Report
from oversight.rules.suggest import suggest
from oversight.rules.yaml_tree import Entries, Items

__all__ = ["COMBINATORS", "ConditionReader"]

COMBINATORS = ("all", "any", "not")
"""The words that combine conditions; every other key is a signal."""

_ORDER = ("below", "at_most", "above", "at_least")
_SEVERAL = ("in", "not_in", "contains_any")
_EQUALITY = ("equals", "not_equals", "in", "not_in")
_EVERY_OPERATOR = sorted({operator for operators in OPERATORS_BY_KIND.values() for operator in operators})


class ConditionReader:
    """Reads the conditions of one policy; what is wrong goes to the report, and None comes back."""

    def __init__(self, vocabulary: Vocabulary, file: str, report: Report) -> None:
        self._vocabulary = vocabulary
        self._operands = OperandReader(vocabulary, file, report)
        self._file = file
        self._report = report

    def read(self, value: object, place: Place) -> Condition | None:
        """Return the condition that *value* writes; several keys mean all of them."""
        if not isinstance(value, Entries):
            self._error(place, "a condition is written as signal: value, or all:, any: or not:")
            return None
        if not value:
            if not value.places:
                self._error(place, "the condition is empty; a rule without condition would match every message")
            return None
        return _join([self._part(key, one, value.places[key]) for key, one in value.items()])

    def _part(self, key: str, value: object, place: Place) -> Condition | None:
        if key == "not":
            part = self.read(value, place)
            return None if part is None else Not(part)
        if key in ("all", "any"):
            return self._combine(key, value, place)
        signal, wrong = find_signal(key, self._vocabulary)
        if signal is None:
            if wrong:
                attributes = (f"attributes.{name}" for name in self._vocabulary.attributes)
                self._error(place, wrong, suggest(key, [*SIGNALS, *COMBINATORS, *attributes]))
            return None
        return self._matcher(signal, value, place)

    def _combine(self, key: str, value: object, place: Place) -> Condition | None:
        if not isinstance(value, Items) or not value:
            self._error(place, f"'{key}' holds a list of conditions, each starting with '-'")
            return None
        parts = [self.read(one, where) for one, where in zip(value, value.places, strict=True)]
        if key == "all":
            return _join(parts)
        read = tuple(part for part in parts if part is not None)
        if len(read) < len(parts):
            return None
        return read[0] if len(read) == 1 else Any(read)

    def _matcher(self, signal: Signal, value: object, place: Place) -> Condition | None:
        if isinstance(value, Entries):
            if not value and value.places:
                return None
            if not value:
                self._error(
                    place, f"nothing is said about {signal.name}; write for example {signal.name}: {{present: true}}"
                )
                return None
            return _join([self._operator(signal, name, one, value.places[name]) for name, one in value.items()])
        listed, single = ("contains_any", "contains") if signal.kind == "flags" else ("in", "equals")
        return self._operator(signal, listed if isinstance(value, Items) else single, value, place)

    def _operator(self, signal: Signal, name: str, value: object, place: Place) -> Condition | None:
        allowed = OPERATORS_BY_KIND[signal.kind]
        if name not in allowed:
            self._refuse_operator(signal, name, value, place)
            return None
        operand: Operand | None
        if name == "present":
            if isinstance(value, bool):
                return Check(signal.name, name, Literal(value))
            self._error(place, "'present' is true (the signal is there) or false (it is absent)")
            return None
        if name == "between":
            return self._between(signal, value, place)
        if name in _ORDER:
            operand = self._operands.limit(signal, value, place)
        elif name in _SEVERAL:
            operand = self._operands.several(signal, value, place)
        else:
            operand = self._operands.one(signal, value, place)
        if operand is None:
            return None
        if signal.name == "intent" and name in _EQUALITY:
            self._operands.check_intents(operand, place)
        return Check(signal.name, name, operand)

    def _refuse_operator(self, signal: Signal, name: str, value: object, place: Place) -> None:
        allowed = OPERATORS_BY_KIND[signal.kind]
        fitting = f"{signal.name} can be compared with {', '.join(allowed)}"
        if name in ("equals", "in") and signal.kind in ("flag", "flags"):
            word = "contains_any" if isinstance(value, Items) else "contains"
            hint = f"write {word}" if signal.kind == "flags" else f"write {signal.name}: true, or false"
            self._error(place, f"'{name}' does not fit {signal.name}; {hint}")
        elif name in _EVERY_OPERATOR:
            self._error(place, f"'{name}' does not fit {signal.name}; {fitting}")
        else:
            self._error(place, f"unknown operator '{name}'; {fitting}", suggest(name, allowed))

    def _between(self, signal: Signal, value: object, place: Place) -> Condition | None:
        if not isinstance(value, Items) or len(value) != 2:
            self._error(place, "'between' holds the two ends, both included, such as between: [0.2, 0.4]")
            return None
        low, high = (self._operands.limit(signal, end, where) for end, where in zip(value, value.places, strict=True))
        if low is None or high is None:
            return None
        if isinstance(low, Literal) and isinstance(high, Literal) and _number(low) > _number(high):
            self._error(
                place, f"'between' starts at {low.value} and ends below it, at {high.value}: it can never match"
            )
            return None
        return All((Check(signal.name, "at_least", low), Check(signal.name, "at_most", high)))

    def _error(self, place: Place, message: str, suggestion: str = "") -> None:
        self._report.error(self._file, place, message, suggestion)


def _number(literal: Literal) -> float:
    return literal.value if isinstance(literal.value, int | float) else 0.0


def _join(parts: list[Condition | None]) -> Condition | None:
    read = tuple(part for part in parts if part is not None)
    if len(read) < len(parts):
        return None
    return read[0] if len(read) == 1 else All(read)
