"""
The sockets on which this process takes connections.

gRPC keeps them to itself; they are found in the process' own list of open files.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import resource
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

__all__ = ["Listeners"]

_BEYOND_CONNECTIONS = 4096
_SO_ATTACH_REUSEPORT_CBPF = 51
_RETURN_ZERO = struct.pack("HBBI", 0x06, 0, 0, 0)
"""One instruction of classic BPF (BPF_RET | BPF_K): whatever comes, the first socket of the group gets it."""


class Listeners:
    """
    A hold on the listening sockets of *port* in this process; they stay open until `release`, too.

    While it is held, `kill -9` closes them before it closes any connection: the kernel ends the files of a process from
    the highest number down, and these have high numbers. Else a caller whose connection was cut could connect to the
    dying process once more, be cut again, and then wait 100 ms, which is how long gRPC pauses after a connection that
    failed. Raises OSError where they cannot be found or held.
    """

    def __init__(self, port: int) -> None:
        self._held = dict(_hold(port))
        if not self._held:
            raise OSError(f"this process does not listen on port {port}")

    def prefer_oldest(self) -> None:
        """
        Give every new connection to the process that has listened longest, as long as it does, and then to another.

        Said once by any of them, it holds for all that share the port (SO_REUSEPORT). Raises OSError where the kernel
        cannot; connections then go to each of them, by chance.
        """
        program = ctypes.create_string_buffer(_RETURN_ZERO, len(_RETURN_ZERO))
        for one in self._held.values():
            one.setsockopt(
                socket.SOL_SOCKET, _SO_ATTACH_REUSEPORT_CBPF, struct.pack("HP", 1, ctypes.addressof(program))
            )

    def stop(self) -> None:
        """
        Take no more connections.

        To be done before the server is stopped: that asks callers to connect anew while it still listens, and those
        that come back to it too soon are cut. The server keeps a socket that nobody can reach.
        """
        for number, one in self._held.items():
            with socket.socket(one.family) as unreachable:
                os.dup2(unreachable.fileno(), number, inheritable=False)
            one.close()
        self._held.clear()


def _hold(port: int) -> Iterator[tuple[int, socket.socket]]:
    """Yield the number of each socket that listens on *port*, and the socket under another number."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = max(3, min(limit - 64, _BEYOND_CONNECTIONS))
    for entry in Path("/proc/self/fd").iterdir():
        number = int(entry.name)
        try:
            descriptor = fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, lowest)
        except OSError:  # closed meanwhile, as the one by which the entries were read
            continue
        if one := _listening(descriptor, port):
            yield number, one


def _listening(descriptor: int, port: int) -> socket.socket | None:
    """Return the socket that listens on *port*, or close *descriptor* and return None."""
    try:
        one = socket.socket(fileno=descriptor)
    except OSError:  # not a socket
        os.close(descriptor)
        return None
    if (
        one.family in (socket.AF_INET, socket.AF_INET6)
        and one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        and one.getsockname()[1] == port
    ):
        return one
    one.close()
    return None
