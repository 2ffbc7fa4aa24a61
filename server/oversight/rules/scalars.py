"""Plain scalars of YAML 1.2: their types, and which numbers and texts a rule file may hold at all."""

from __future__ import annotations

import re

__all__ = ["INT64", "check_text", "read_scalar"]

INT64 = range(-(2**63), 2**63)
"""The whole numbers that requests, records and every store can hold."""

_MAX_DIGITS = 300

# The core schema of YAML 1.2.2, section 10.3.2.
_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")

_NO_TEXT = re.compile("[\0\ud800-\udfff]")


def read_scalar(text: str) -> str | bool | int | float | None:
    """Return the value that *text* without quotes stands for; ValueError in words for one that no rule may have."""
    if _NULL.fullmatch(text):
        return None
    if _BOOL.fullmatch(text):
        return text.lower() == "true"
    if not _INT.fullmatch(text) and not _FLOAT.fullmatch(text):
        return check_text(text)
    if len(text) > _MAX_DIGITS:
        raise ValueError(f"this number has more than {_MAX_DIGITS} digits")
    if not _INT.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    number = int(text, 0) if text.startswith(("0o", "0x")) else int(text)
    if number not in INT64:
        limits = f"from {INT64[0]} to {INT64[-1]}"
        raise ValueError(f"this whole number is beyond 64 bits: it must be {limits}; put text in quotes")
    return number


def check_text(text: str) -> str:
    """Return *text*; ValueError in words where it holds what is no character, or the NUL that stores cannot hold."""
    if found := _NO_TEXT.search(text):
        code = ord(found[0])
        what = "U+0000 (NUL)" if code == 0 else f"U+{code:04X}, half a character"
        raise ValueError(f"this text holds {what}; write whole characters, or remove it")
    return text
