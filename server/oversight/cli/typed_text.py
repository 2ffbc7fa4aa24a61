"""Text as it was typed: a shell hands over any bytes, while messages, files and stores hold UTF-8 alone."""

from __future__ import annotations

import functools
from collections.abc import Callable

from oversight.errors import UsageError

__all__ = ["takes_text"]

_FOR_PEOPLE = frozenset({"justification"})
"""What people read and nothing is looked up by: an emergency stop must not fail for a letter in its reason."""


def takes_text(command: Callable[..., None]) -> Callable[..., None]:
    """
    Return *command*, which is given text in UTF-8 alone.

    What is not UTF-8 becomes `?` in a justification; anywhere else, where it could come to name something that was not
    meant, it is a `UsageError`. Paths are left as they are.
    """

    @functools.wraps(command)
    def call(**values: object) -> None:
        command(**{name: _checked(name, value) for name, value in values.items()})

    return call


def _checked(name: str, value: object) -> object:
    if isinstance(value, list):
        return [_checked(name, one) for one in value]
    if not isinstance(value, str):
        return value
    readable = value.encode("utf-8", "replace").decode()
    if readable == value:
        return value
    if name in _FOR_PEOPLE:
        return readable
    raise UsageError(f"{name.replace('_', '-')}: expected text in UTF-8, got other bytes (shown as ?): {readable!r}")
