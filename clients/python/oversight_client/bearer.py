"""The token by which a client proves who it is, sent with each call."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from oversight_client.errors import TokenFileError

__all__ = ["Bearer", "authorized", "read_bearer"]

_LOOK_S = 1.0
_MAX_BYTES = 16 * 1024

Channel = TypeVar("Channel")


class Bearer:
    """
    A token, or the file that has it: a file is looked at once a second, and read again when it is another.

    One that cannot be read any more leaves the last token in use. Raises TokenFileError where there is none at first.
    """

    def __init__(
        self,
        token: str = "",
        token_file: str | os.PathLike[str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._file = None if token_file is None else Path(token_file)
        self._clock = clock
        self._looked_s = clock()
        self._stamp: tuple[int, int, int] | None = None
        if self._file is None:
            self._metadata = _metadata(token)
        else:
            self._stamp = _stamp(self._file)
            self._metadata = _metadata(_read(self._file))

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """Return what goes ahead of a call."""
        if self._file is not None and self._clock() - self._looked_s >= _LOOK_S:
            self._looked_s = self._clock()
            try:
                stamp = _stamp(self._file)
                if stamp != self._stamp:
                    self._metadata = _metadata(_read(self._file))
                    self._stamp = stamp
            except TokenFileError:
                pass  # it may be in the moment of being replaced
        return self._metadata


def read_bearer(token: str, token_file: str | os.PathLike[str] | None) -> Bearer | None:
    """Return the token that was given one way or the other, None where none was; ValueError for both."""
    if token and token_file is not None:
        raise ValueError("token and token_file: expected one of them")
    return Bearer(token, token_file) if token or token_file is not None else None


def authorized(channel: Channel, bearer: Bearer | None) -> Channel:
    """Return what stubs may take for *channel*, whose calls have the token; *channel* itself without one."""
    # An interceptor of gRPC's would do the same for 30 µs a call.
    return channel if bearer is None else cast("Channel", _AuthorizedChannel(channel, bearer))


class _AuthorizedChannel:
    """The one method of a channel that stubs of unary calls use; grpc's and grpc.aio's."""

    def __init__(self, channel: Any, bearer: Bearer) -> None:
        self._channel = channel
        self._bearer = bearer

    def unary_unary(self, *arguments: Any, **options: Any) -> Callable[..., Any]:
        """Return the method, whose calls have the token."""
        method = self._channel.unary_unary(*arguments, **options)
        bearer = self._bearer

        def call(request: Any, *, timeout: float | None = None) -> Any:
            return method(request, timeout=timeout, metadata=bearer.metadata())

        return call


def _metadata(token: str) -> tuple[tuple[str, str], ...]:
    if not token.isascii() or not token.isprintable() or " " in token or not token:
        raise ValueError("token: expected printable ASCII characters without spaces")
    return (("authorization", f"Bearer {token}"),)


def _stamp(file: Path) -> tuple[int, int, int]:
    try:
        status = file.stat()
    except OSError as error:
        raise TokenFileError(f"{file}: {error.strerror}") from error
    return status.st_ino, status.st_mtime_ns, status.st_size


def _read(file: Path) -> str:
    try:
        token = file.read_bytes()[:_MAX_BYTES].decode("ascii").strip()
    except OSError as error:
        raise TokenFileError(f"{file}: {error.strerror}") from error
    except ValueError:
        token = ""
    if not token or not token.isprintable() or " " in token:
        raise TokenFileError(f"{file}: expected the token in one line, and nothing else")
    return token
