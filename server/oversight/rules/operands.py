"""What a signal may be compared with: literals of its type and range, thresholds, the supported languages."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from oversight.engine.decision import Scalar
from oversight.engine.policy import Literal, Operand, SupportedLanguages, ThresholdRef
from oversight.engine.signals import ATTRIBUTE_TYPES, SIGNALS, Signal
from oversight.rules.report import Place, Report
from oversight.rules.scalars import INT64
from oversight.rules.suggest import suggest
from oversight.rules.wording import show_number, show_value

__all__ = ["LANGUAGES", "OperandReader", "Vocabulary", "find_signal", "phrase_range"]

LANGUAGES = "$supported_languages"
"""How a rule names the policy's supported languages."""

_REFERENCE = re.compile(r"\$([a-z][a-z0-9_]*)(?:\s*([+-])\s*(\d+(?:\.\d+)?))?")
_CURRENCY = re.compile(r"[A-Z]{3}")

_WRITTEN = {
    "number": "a number",
    "count": "a whole number",
    "text": "text",
    "choice": "one of its names",
    "flag": "true or false",
    "flags": "the name of a flag",
}


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """
    What the rules of one policy may name beside the signals.

    `attributes` maps names to types (None where the declaration is wrong); `intents` is None where any may be named.
    """

    attributes: Mapping[str, str | None]
    thresholds: frozenset[str]
    intents: frozenset[str] | None
    has_languages: bool


def find_signal(name: str, vocabulary: Vocabulary) -> tuple[Signal | None, str]:
    """Return the signal *name*; or None, and what is wrong with the name ("" where that is told elsewhere)."""
    attribute = name.removeprefix("attributes.")
    if attribute == name:
        return (SIGNALS[name], "") if name in SIGNALS else (None, f"unknown signal '{name}'")
    if attribute not in vocabulary.attributes:
        types = ", ".join(ATTRIBUTE_TYPES)
        return None, f"the attribute '{attribute}' is not declared; add it under 'attributes' with its type ({types})"
    kind = vocabulary.attributes[attribute]
    return (Signal(name, ATTRIBUTE_TYPES[kind], "free attribute"), "") if kind is not None else (None, "")


def phrase_range(signal: Signal) -> str:
    """Return the range of a number in words, or "" where it has none."""
    if signal.low is not None and signal.high is not None:
        return f" from {show_number(signal.low)} to {show_number(signal.high)}"
    return f" of at least {show_number(signal.low)}" if signal.low is not None else ""


class OperandReader:
    """Reads what signals are compared with in one policy; what is wrong goes to the report, and None comes back."""

    def __init__(self, vocabulary: Vocabulary, file: str, report: Report) -> None:
        self._vocabulary = vocabulary
        self._file = file
        self._report = report

    def limit(self, signal: Signal, value: object, place: Place) -> Operand | None:
        """Return the limit of an ordering operator: a number or `$threshold`, with an offset or without."""
        if not isinstance(value, str):
            number = self.scalar(signal, value, place)
            return None if number is None else Literal(number)
        found = _REFERENCE.fullmatch(value.strip())
        if found is None:
            hint = ", or a threshold such as $name or $name + 0.05" if value.startswith("$") else ""
            self._error(place, f"{signal.name} is compared with {_WRITTEN[signal.kind]}{hint}, not with {value!r}")
            return None
        name, sign, offset = found.groups()
        if name not in self._vocabulary.thresholds:
            nearest = suggest(name, self._vocabulary.thresholds)
            self._error(place, f"unknown threshold '${name}'", f"${nearest}" if nearest else "")
            return None
        added = 0.0 if offset is None else float(f"{sign}{offset}")
        if abs(added) > INT64[-1]:
            self._error(place, f"the offset from ${name} is beyond 64 bits: it must be at most {INT64[-1]}")
            return None
        return ThresholdRef(name, added)

    def one(self, signal: Signal, value: object, place: Place) -> Operand | None:
        """Return the one value of `equals`, `not_equals`, `starts_with` or `contains`."""
        if isinstance(value, list):
            self._error(
                place, f"one value is expected here, not a list; for one of several write {signal.name}: [a, b]"
            )
            return None
        scalar = self.scalar(signal, value, place)
        return None if scalar is None else Literal(scalar)

    def several(self, signal: Signal, value: object, place: Place) -> Operand | None:
        """Return the values of `in`, `not_in` or `contains_any`."""
        if value == LANGUAGES and signal.name == "language":
            if self._vocabulary.has_languages:
                return SupportedLanguages()
            self._error(place, f"{LANGUAGES} is used, but neither this policy nor those it extends list any")
            return None
        if not isinstance(value, list) or not value:
            self._error(place, f"a list of values is expected here, such as [a, b], not {show_value(value)}")
            return None
        places = getattr(value, "places", [place] * len(value))
        scalars = [self.scalar(signal, one, where) for one, where in zip(value, places, strict=True)]
        found = tuple(scalar for scalar in scalars if scalar is not None)
        return Literal(found) if len(found) == len(scalars) else None

    def scalar(self, signal: Signal, value: object, place: Place) -> Scalar | None:
        """Return one literal of the signal's type and range."""
        if isinstance(value, str) and value.startswith("$") and signal.kind != "flags":
            self._refuse_reference(signal, value, place)
            return None
        match signal.kind:
            case "number" | "count":
                return self._number(signal, value, place)
            case "flag":
                if isinstance(value, bool):
                    return value
                self._mismatch(signal, value, place)
                return None
            case "choice":
                return self._choice(signal, value, place)
            case _:
                return self._text(signal, value, place)

    def _refuse_reference(self, signal: Signal, value: str, place: Place) -> None:
        if value == LANGUAGES and signal.name == "language":
            self._error(place, f"{LANGUAGES} is a list; write language: {{in: {LANGUAGES}}} or not_in")
        elif signal.kind in ("number", "count"):
            self._error(
                place, f"{value} is a threshold: compare it with below, at_most, above or at_least, never equal"
            )
        else:
            self._error(place, f"{value} is a threshold, which is a number; {signal.name} is {_WRITTEN[signal.kind]}")

    def _number(self, signal: Signal, value: object, place: Place) -> Scalar | None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._mismatch(signal, value, place)
            return None
        if signal.kind == "count" and not isinstance(value, int):
            self._mismatch(signal, value, place)
            return None
        outside = (signal.low is not None and value < signal.low) or (signal.high is not None and value > signal.high)
        if outside or not math.isfinite(value):
            self._error(
                place,
                f"{signal.name} is {_WRITTEN[signal.kind]}{phrase_range(signal)}; it can never be {show_number(value)}",
            )
            return None
        return float(value) if signal.kind == "number" else value

    def _choice(self, signal: Signal, value: object, place: Place) -> Scalar | None:
        choices = signal.choices or {}
        if isinstance(value, str) and value in choices:
            return value
        nearest = suggest(value, choices) if isinstance(value, str) else ""
        self._error(place, f"{signal.name} is {', '.join(choices)}, not {show_value(value)}", nearest)
        return None

    def _text(self, signal: Signal, value: object, place: Place) -> Scalar | None:
        if not isinstance(value, str):
            self._mismatch(signal, value, place)
            return None
        if not value or len(value) > (signal.max_length or len(value)):
            self._error(
                place, f"{signal.name} has 1 to {signal.max_length or 'any number of'} characters; this can never match"
            )
            return None
        if signal.name == "currency" and not _CURRENCY.fullmatch(value):
            nearest = value.upper() if _CURRENCY.fullmatch(value.upper()) else ""
            self._error(place, f"currency is three capital letters (ISO 4217), not {value!r}", nearest)
            return None
        return value

    def check_intents(self, operand: Operand, place: Place) -> None:
        """Report every intent in *operand* that no policy here lists."""
        known = self._vocabulary.intents
        if known is None or not isinstance(operand, Literal):
            return
        values = operand.value if isinstance(operand.value, tuple) else (operand.value,)
        for value in values:
            if value not in known:
                message = (
                    f"the intent '{value}' is not listed under 'intents', here or in a policy that this one extends"
                )
                self._error(place, message, suggest(str(value), known))

    def _mismatch(self, signal: Signal, value: object, place: Place) -> None:
        quotes = " (put text in quotes)" if signal.kind in ("text", "flags") and isinstance(value, int | float) else ""
        wanted = _WRITTEN[signal.kind] + (phrase_range(signal) if signal.kind in ("number", "count") else "")
        self._error(place, f"{signal.name} is {wanted}, not {show_value(value)}{quotes}")

    def _error(self, place: Place, message: str, suggestion: str = "") -> None:
        self._report.error(self._file, place, message, suggestion)
