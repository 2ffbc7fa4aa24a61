"""Fields that hold bytes, put together by hand where the bytes are there already (protobuf's encoding guide)."""

from __future__ import annotations

__all__ = ["delimited", "tag"]


def tag(number: int) -> bytes:
    """Return the tag of the length-delimited field *number* (1 to 15), one byte."""
    return bytes((number << 3 | 2,))


def delimited(tagged: bytes, data: bytes) -> bytes:
    """Return a field of a message: its tag, its length as a varint (seven bits a byte, lowest first), and *data*."""
    length = len(data)
    if length < 0x80:
        return b"%b%c%b" % (tagged, length, data)
    if length < 0x4000:
        return b"%b%c%c%b" % (tagged, length & 0x7F | 0x80, length >> 7, data)
    return b"%b%b%b" % (tagged, _varint(length), data)


def _varint(number: int) -> bytes:
    if number < 0x80:
        return bytes((number,))
    return bytes((number & 0x7F | 0x80,)) + _varint(number >> 7)
