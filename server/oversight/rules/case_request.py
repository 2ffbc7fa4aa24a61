"""The request of a case: signals in the words of rule files, checked as the service checks them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from oversight.engine.request import REQUEST_FIELDS, AttributeScalar, Request
from oversight.engine.signals import SIGNALS
from oversight.rules.moments import read_moment
from oversight.rules.operands import OperandReader, Vocabulary
from oversight.rules.report import Place, Report
from oversight.rules.suggest import suggest
from oversight.rules.wording import show_number
from oversight.rules.yaml_tree import Entries, Items

__all__ = ["read_request"]

_TIME = "signal_time"
_KEYS = (*(name for name in REQUEST_FIELDS if name != "signal_time_us"), _TIME)
_HINTS = {
    "intent_margin": "it is intent_confidence minus intent_runner_up_confidence; give those",
    "signal_age_s": "it is decided_at minus signal_time; give those",
    "labelled_outcomes": "the server adds it; write it under 'server'",
}
_MAX_ATTRIBUTES = 32
_MAX_FLAGS = 16
_SHA256 = re.compile(r"[0-9a-f]{64}")


def read_request(parts: tuple[Entries, ...], decided_at_us: int, file: str, report: Report) -> Request:
    """
    Return the request that *parts* write, later ones over earlier ones; None removes what an earlier part gave.

    What is wrong goes to *report* and is absent from the request.
    """
    reader = _RequestReader(file, report)
    given: dict[str, tuple[object, Place]] = {}
    for part in parts:
        given.update((key, (value, part.places[key])) for key, value in part.items())
    fields = {key: reader.field(key, value, place) for key, (value, place) in given.items()}
    present = {key: value for key, value in fields.items() if value is not None and key in _KEYS}
    if _TIME in present:
        present["signal_time_us"] = present.pop(_TIME)
    request = Request(**present, decided_at_us=decided_at_us)  # type: ignore[arg-type]  # each value fits its field
    first, second = request.intent_confidence, request.intent_runner_up_confidence
    if first is not None and second is not None and second > first:
        place = given["intent_runner_up_confidence"][1]
        report.error(
            file,
            place,
            f"the runner-up's confidence ({show_number(second)}) is above the intent's ({show_number(first)})",
        )
    return request


class _RequestReader:
    def __init__(self, file: str, report: Report) -> None:
        self._file = file
        self._report = report
        nothing = Vocabulary(attributes={}, thresholds=frozenset(), intents=None, has_languages=False)
        self._operands = OperandReader(nothing, file, report)

    def field(self, key: str, value: object, place: Place) -> object:
        """Return the value of one field as the engine takes it; None where it is absent or wrong."""
        if key not in _KEYS:
            self._refuse(key, place)
            return None
        if value is None:
            return None
        if key == "guardrail_flags":
            return self._flags(value, place)
        if key == "attributes":
            return self._attributes(value, place)
        if key == _TIME:
            return self._time(value, place)
        if key in SIGNALS:
            signal = SIGNALS[key]
            scalar = self._operands.scalar(signal, value, place)
            return signal.choices[str(scalar)] if signal.choices is not None and scalar is not None else scalar
        return self._reference(key, value, place)

    def _refuse(self, key: str, place: Place) -> None:
        if key in _HINTS:
            self._error(place, f"'{key}' is not sent with a request: {_HINTS[key]}")
        else:
            self._error(place, f"unknown request field '{key}'", suggest(key, _KEYS))

    def _flags(self, value: object, place: Place) -> tuple[str, ...] | None:
        if not isinstance(value, Items) or len(value) > _MAX_FLAGS:
            self._error(place, f"guardrail_flags is a list of at most {_MAX_FLAGS} flags; [] where a check raised none")
            return None
        signal = SIGNALS["guardrail_flags"]
        flags = (self._operands.scalar(signal, flag, where) for flag, where in zip(value, value.places, strict=True))
        return tuple(str(flag) for flag in flags if flag is not None)

    def _attributes(self, value: object, place: Place) -> Mapping[str, AttributeScalar] | None:
        if not isinstance(value, Entries) or len(value) > _MAX_ATTRIBUTES:
            self._error(place, f"attributes holds at most {_MAX_ATTRIBUTES} names with their values")
            return None
        attributes: dict[str, AttributeScalar] = {}
        for name, one in value.items():
            finite = not isinstance(one, float) or math.isfinite(one)
            if isinstance(one, str | int | float) and finite:
                attributes[name] = one
            else:
                self._error(value.places[name], f"the attribute '{name}' is text, a number, true or false")
        return attributes

    def _time(self, value: object, place: Place) -> int | None:
        try:
            return read_moment(value)
        except ValueError as error:
            self._error(place, f"{_TIME} {error}")
            return None

    def _reference(self, key: str, value: object, place: Place) -> str | None:
        if key == "draft_sha256":
            if isinstance(value, str) and _SHA256.fullmatch(value):
                return value
            self._error(place, "draft_sha256 is 64 hexadecimal digits in small letters, in quotes")
        elif isinstance(value, str) and 0 < len(value) <= 128:
            return value
        else:
            self._error(place, f"{key} is text of 1 to 128 characters")
        return None

    def _error(self, place: Place, message: str, suggestion: str = "") -> None:
        self._report.error(self._file, place, message, suggestion)
