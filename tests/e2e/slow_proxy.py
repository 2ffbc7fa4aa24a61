"""A way to a server that takes as long as a test wants: TCP on loopback, each portion of bytes delayed."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

__all__ = ["SlowProxy"]

_PORTION_BYTES = 65_536


class SlowProxy:
    """
    Passes connections to `port` on to *target_port* of 127.0.0.1; a context manager.

    `delay_s` may be changed at any time, and is waited for before each portion in either direction.
    """

    def __init__(self, target_port: int) -> None:
        self.delay_s = 0.0
        self._target = ("127.0.0.1", target_port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._stop = threading.Event()
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        # A thread that waits in accept wakes by a shutdown, not by a close.
        for one in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        for one in (self._listener, *self._open):
            one.close()

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self._target, timeout=10)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            self._open += (near, far)
            for source, sink in ((near, far), (far, near)):
                self._threads.append(threading.Thread(target=self._pass_on, args=(source, sink)))
                self._threads[-1].start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while portion := source.recv(_PORTION_BYTES):
                self._stop.wait(self.delay_s)
                sink.sendall(portion)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
