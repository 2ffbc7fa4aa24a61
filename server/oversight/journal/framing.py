"""
The framing of journal segments: TFRecord's, so that other tools can read them.

A frame is the length of the data (uint64, little-endian), the masked CRC32C of these eight bytes (uint32), the data,
and the data's masked CRC32C (uint32). The mask turns the checksum right by 15 bits and adds a constant, so that data
which holds checksums itself does not upset it. Source: https://www.tensorflow.org/tutorials/load_data/tfrecord
("TFRecords format details"); CRC32C (Castagnoli) is that of RFC 3720, appendix B.4.
"""

from __future__ import annotations

import re
import struct
from enum import Enum
from functools import lru_cache

import google_crc32c

__all__ = ["OVERHEAD_BYTES", "BadFrame", "find_frame", "frame", "frame_size", "masked_crc", "read_frame"]

_HEADER = struct.Struct("<QI")
_LENGTH = struct.Struct("<Q")
_CRC = struct.Struct("<I")
_HEADER_BYTES = _HEADER.size

OVERHEAD_BYTES = _HEADER_BYTES + _CRC.size
"""What a frame takes beside its data."""

# What may start a header: a length between 1 and 2^32 - 1. Only candidates; the checksums decide.
_CANDIDATE = re.compile(rb"(?s)(?!\0{4}).{4}\0{4}")

_crc = google_crc32c.value


class BadFrame(Enum):
    """Why there is no frame at a place."""

    PARTIAL = "the bytes end before the frame does"
    TORN = "a checksum is wrong"


def masked_crc(data: bytes) -> int:
    """Return the masked CRC32C of *data*."""
    crc: int = _crc(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def frame(data: bytes) -> bytes:
    """Return *data* (not empty) in its frame."""
    return b"".join((_header(len(data)), data, _CRC.pack(masked_crc(data))))


@lru_cache(maxsize=4096)
def _header(length: int) -> bytes:
    packed = _LENGTH.pack(length)
    return packed + _CRC.pack(masked_crc(packed))


def frame_size(header: bytes, at: int = 0) -> int | BadFrame:
    """Return the size in bytes of the frame whose header is at *at*, told from the header alone."""
    if len(header) - at < _HEADER_BYTES:
        return BadFrame.PARTIAL
    length, crc = _HEADER.unpack_from(header, at)
    # An empty frame is never written; zeros at the end of a file after a power loss must not pass for frames.
    if length == 0 or crc != masked_crc(header[at : at + _LENGTH.size]):
        return BadFrame.TORN
    return OVERHEAD_BYTES + int(length)


def read_frame(buffer: bytes, at: int) -> bytes | BadFrame:
    """Return the data of the frame at *at*, or why there is none."""
    size = frame_size(buffer, at)
    if isinstance(size, BadFrame):
        return size
    end = at + size
    if end > len(buffer):
        return BadFrame.PARTIAL
    data = buffer[at + _HEADER_BYTES : end - _CRC.size]
    (crc,) = _CRC.unpack_from(buffer, end - _CRC.size)
    return data if crc == masked_crc(data) else BadFrame.TORN


def find_frame(buffer: bytes, at: int) -> int | None:
    """Return where the first whole frame at or after *at* begins, None if there is none."""
    found = _CANDIDATE.search(buffer, at)
    while found:
        if not isinstance(read_frame(buffer, found.start()), BadFrame):
            return found.start()
        found = _CANDIDATE.search(buffer, found.start() + 1)
    return None
