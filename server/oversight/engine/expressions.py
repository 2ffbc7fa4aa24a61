"""Conditions as Python expressions, built from checked parts only: every text in them is the `repr` of a value."""

from __future__ import annotations

from oversight.engine.conditions import checks, parts_of
from oversight.engine.limits import Slot
from oversight.engine.policy import All, Check, Condition, Literal, Policy, ThresholdRef
from oversight.engine.request import Request
from oversight.engine.signals import ATTRIBUTE_TYPES, SIGNALS, Signal

__all__ = ["LANGUAGES_SOURCE", "POSITIONS", "ExpressionWriter", "signal_of"]

LANGUAGES_SOURCE = "policy supported_languages"
"""The limit source of a comparison with the policy's supported languages."""

POSITIONS = {name: number for number, name in enumerate(Request._fields)}
"""Where a request, which generated code reads by position, has each field."""

_SYMBOLS = {"below": "<", "at_most": "<=", "above": ">", "at_least": ">="}
_UNEQUAL = ("not_equals", "not_in")


def signal_of(policy: Policy, name: str) -> Signal:
    """Return the signal *name*, also where it is a free attribute that *policy* declares."""
    if name.startswith("attributes."):
        kind = ATTRIBUTE_TYPES[policy.attributes[name.removeprefix("attributes.")]]
        return Signal(name, kind, "free attribute")
    return SIGNALS[name]


class ExpressionWriter:
    """
    Writes one condition in normal form, and keeps account of the signals in `read`.

    Limits are read by their number in *slots*, which grows as they are met. Free attributes stand in variables of the
    rule's own, filled by `attribute_loads`.
    """

    def __init__(self, policy: Policy, condition: Condition, slots: dict[Slot, int]) -> None:
        self._policy = policy
        self._slots = slots
        self._languages = tuple(sorted(policy.supported_languages or ()))
        attributes = sorted({one.signal for one in checks(condition) if one.signal.startswith("attributes.")})
        self._attributes = {signal: f"attribute_{number}" for number, signal in enumerate(attributes)}
        self.read: set[str] = set()

    def attribute_loads(self) -> list[str]:
        """Return the lines that load the free attributes; one of the wrong type raises in them."""
        # Before the rule's condition: a value of the wrong type must fail the rule, not quietly differ from a literal.
        names = [(variable, signal.removeprefix("attributes.")) for signal, variable in self._attributes.items()]
        return [
            f"{variable} = attribute(r[{POSITIONS['attributes']}], {name!r}, {self._policy.attributes[name]!r})"
            for variable, name in names
        ]

    def truth(self, condition: Condition) -> str:
        """Return the expression that is true where *condition* is."""
        if isinstance(condition, Check):
            return self._check(condition)
        parts = [self.truth(part) for part in parts_of(condition)]
        word, empty = (" and ", "True") if isinstance(condition, All) else (" or ", "False")
        return f"({word.join(parts)})" if parts else empty

    def comparisons(self, condition: Condition) -> str:
        """Return the items of a tuple: the comparisons that made *condition* true."""
        if isinstance(condition, Check):
            return self._comparison(condition) + ", "
        if isinstance(condition, All):
            return "".join(self.comparisons(part) for part in condition.parts)
        return "".join(f"*(({self.comparisons(part)}) if {self.truth(part)} else ()), " for part in parts_of(condition))

    def _variable(self, signal: str) -> str:
        if signal in self._attributes:
            return self._attributes[signal]
        self.read.add(signal)
        return signal

    def _slot(self, check: Check, reference: ThresholdRef) -> int:
        signal = signal_of(self._policy, check.signal)
        slot = Slot(reference.name, reference.offset, signal.low, signal.high, whole=signal.kind == "count")
        return self._slots.setdefault(slot, len(self._slots))

    def _comparison(self, check: Check) -> str:
        signal = signal_of(self._policy, check.signal)
        seen = self._variable(check.signal)
        if signal.choices is not None:
            seen = f"choice_names[{check.signal!r}].get({seen}, {seen})"
        if check.operator == "present" and check.operand == Literal(value=False):
            seen = "None"  # also where the value is a NaN: that is no value
        match check.operand:
            case ThresholdRef() as reference:
                slot = self._slot(check, reference)
                limit, source = f"limits[{slot}]", f"sources[{slot}]"
            case Literal(value):
                limit, source = repr(value), "'literal'"
            case _:
                limit, source = repr(self._languages), repr(LANGUAGES_SOURCE)
        return f"Comparison({check.signal!r}, {seen}, {check.operator!r}, {limit}, {source})"

    def _check(self, check: Check) -> str:
        signal = signal_of(self._policy, check.signal)
        x = self._variable(check.signal)
        match check.operand:
            case ThresholdRef() as reference:
                return f"({x} is not None and {x} {_SYMBOLS[check.operator]} limits[{self._slot(check, reference)}])"
            case Literal(value) if check.operator == "present":
                # A number that is NaN is no value, as an absent signal is none.
                present = f"{x} is not None and {x} == {x}" if signal.kind == "number" else f"{x} is not None"
                return f"({present})" if value else f"(not ({present}))"
            case Literal(value):
                values = value if isinstance(value, tuple) else (value,)
                literals = [repr(signal.choices[str(one)] if signal.choices else one) for one in values]
                # Of the comparisons of a number, NaN makes only these true.
                number = f"{x} == {x} and " if signal.kind == "number" and check.operator in _UNEQUAL else ""
                return f"({x} is not None and {number}{_compare(x, check.operator, literals)})"
            case _:
                languages = [repr(language) for language in self._languages]
                return (
                    f"({x} is not None and {_compare(self._variable('primary_language'), check.operator, languages)})"
                )


def _compare(x: str, operator: str, literals: list[str]) -> str:
    """Return the comparison of the present value *x* with *literals* as an expression."""
    match operator:
        case "equals":
            return f"{x} == {literals[0]}"
        case "not_equals":
            return f"{x} != {literals[0]}"
        case "in":
            return f"{x} in {{{', '.join(literals)}}}" if literals else "False"
        case "not_in":
            return f"{x} not in {{{', '.join(literals)}}}" if literals else "True"
        case "starts_with":
            return f"{x}.startswith({literals[0]})"
        case "not_starts_with":
            return f"not {x}.startswith({literals[0]})"
        case "contains" | "contains_any":
            return f"({' or '.join(f'{literal} in {x}' for literal in literals) or 'False'})"
        case "not_contains" | "not_contains_any":
            return f"not ({' or '.join(f'{literal} in {x}' for literal in literals) or 'False'})"
        case _:
            return f"{x} {_SYMBOLS[operator]} {literals[0]}"
