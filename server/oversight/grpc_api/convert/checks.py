"""What a field of a message may hold; every refusal names the field, what was expected and what came."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from oversight.engine.signals import Signal
from oversight.errors import InvalidRequestError

__all__ = [
    "FieldCheck",
    "check_choice",
    "check_hex_id",
    "check_range",
    "check_sha256",
    "check_signal",
    "check_text",
    "check_time",
]

FieldCheck = Callable[[Any], Any]
"""Takes a present field's value and returns what the engine holds for it; raises `InvalidRequestError`."""

_MAX_SECONDS = 253_402_300_799  # 9999-12-31T23:59:59Z, the end of google.protobuf.Timestamp
_MIN_SECONDS = -62_135_596_800  # 0001-01-01T00:00:00Z, its beginning
_HEX = frozenset("0123456789abcdef")


def check_range(field: str, low: float | None, high: float | None) -> FieldCheck:
    """Return a check for a number in low..high, both ends in; NaN and the infinities are out of every range."""
    bottom = float("-1.7976931348623157e308") if low is None else low
    top = float("1.7976931348623157e308") if high is None else high
    if high is None:
        wanted = f"a finite number from {low:g}" if low is not None else "a finite number"
    else:
        wanted = f"a number in {low:g}..{high:g}"

    def check(value: float) -> float:
        if bottom <= value <= top:
            # -0.0 becomes 0.0: databases make it so, and the same request must have the same canonical form after.
            return value or abs(value)
        raise InvalidRequestError(field, f"expected {wanted}, got {value}")

    return check


def check_text(field: str, max_length: int) -> FieldCheck:
    """Return a check for text of at most *max_length* characters and without NUL, which databases cannot store."""

    def check(value: str) -> str:
        if len(value) <= max_length:
            if "\0" in value:
                raise InvalidRequestError(field, "expected text without NUL characters")
            return value
        raise InvalidRequestError(field, f"expected at most {max_length} characters, got {len(value)}")

    return check


def check_choice(field: str, numbers: Collection[int]) -> FieldCheck:
    """Return a check for an enum's number; one that this version does not know is refused."""
    known = frozenset(numbers)

    def check(value: int) -> int:
        if value in known:
            return value
        raise InvalidRequestError(field, f"expected one of the enum's values (1..{max(known)}), got {value}")

    return check


def check_sha256(field: str) -> FieldCheck:
    """Return a check for a SHA-256: 32 bytes, kept in hex."""

    def check(value: bytes) -> str:
        if len(value) == 32:
            return value.hex()
        raise InvalidRequestError(field, f"expected the 32 bytes of a SHA-256, got {len(value)} bytes")

    return check


def check_time(field: str) -> FieldCheck:
    """Return a check for a time in the years 1 to 9999, kept in microseconds since 1970."""

    def check(value: Timestamp) -> int:
        if _MIN_SECONDS <= value.seconds <= _MAX_SECONDS and 0 <= value.nanos < 1_000_000_000:
            return value.seconds * 1_000_000 + value.nanos // 1000
        raise InvalidRequestError(
            field, f"expected a time in the years 1 to 9999, got {value.seconds} s and {value.nanos} ns since 1970"
        )

    return check


def check_hex_id(field: str, value: str) -> str:
    """Return a decision id as it is; raise `InvalidRequestError` where it is not 32 lower-case hex digits."""
    if len(value) == 32 and _HEX.issuperset(value):
        return value
    shown = value if len(value) <= 64 else f"{value[:64]}…"
    raise InvalidRequestError(field, f"expected a decision id of 32 lower-case hex digits, got {shown!r}")


def check_signal(signal: Signal) -> FieldCheck:
    """Return the check that the list of signals implies for a field of a request."""
    if signal.choices is not None:
        return check_choice(signal.name, signal.choices.values())
    if signal.kind in ("number", "count"):
        return check_range(signal.name, signal.low, signal.high)
    if signal.max_length is not None:
        return check_text(signal.name, signal.max_length)
    return lambda value: value
