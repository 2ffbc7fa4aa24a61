"""How much one answer may hold: clients refuse more than they have room for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from google.protobuf.message import Message

__all__ = ["MOST_BYTES", "fitting"]

MOST_BYTES = 3 * 1024 * 1024
"""Of one answer's entries. gRPC's clients take 4 MiB unless told otherwise."""

_Message = TypeVar("_Message", bound=Message)


def fitting(messages: Iterable[_Message], *, most_bytes: int = MOST_BYTES) -> tuple[list[_Message], int]:
    """Return the first *messages* that an answer has room for, and how many there are behind them."""
    kept: list[_Message] = []
    size_bytes = left_out = 0
    for one in messages:
        size_bytes += one.ByteSize()
        if size_bytes > most_bytes:
            left_out += 1
        else:
            kept.append(one)
    return kept, left_out
