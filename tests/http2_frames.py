"""HTTP/2 as bytes (RFC 9113): just enough to say it wrongly, and to see how a peer takes that."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, CONTINUATION = 0, 1, 3, 4, 6, 7, 9
END_STREAM, END_HEADERS = 1, 4


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"", *, length: int | None = None) -> bytes:
    """Return a frame; with *length* one that lies about it."""
    size = len(payload) if length is None else length
    return size.to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def headers(path: str) -> bytes:
    """Return the header block of a gRPC call of *path*, as literals without index (RFC 7541, 6.2.2)."""
    fields = {
        ":method": "POST",
        ":scheme": "http",
        ":path": path,
        ":authority": "localhost",
        "content-type": "application/grpc",
        "te": "trailers",
    }
    return b"".join(b"\0" + _text(name) + _text(value) for name, value in fields.items())


def _text(text: str) -> bytes:
    data = text.encode()
    assert len(data) < 127
    return bytes([len(data)]) + data


def opening(path: str) -> bytes:
    """Return a connection's beginning up to a call's headers."""
    return PREFACE + frame(SETTINGS) + frame(HEADERS, END_HEADERS, 1, headers(path))


def send_and_read(address: str, data: bytes, timeout_s: float) -> bytes:
    """
    Send *data*, say that no more comes, and return all that comes back until the other side closes.

    Raises TimeoutError where it does not within *timeout_s*.
    """
    host, _, port = address.rpartition(":")
    answer = bytearray()
    with socket.create_connection((host, int(port)), timeout=timeout_s) as connection, suppress(ConnectionError):
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        while part := connection.recv(65_536):
            answer += part
    return bytes(answer)


def frame_kinds(answer: bytes) -> Iterator[int]:
    """Yield the kinds of the frames in *answer*, up to one that was cut off."""
    place = 0
    while place + 9 <= len(answer):
        yield answer[place + 3]
        place += 9 + int.from_bytes(answer[place : place + 3], "big")
