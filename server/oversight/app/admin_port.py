"""The admin port of a controller: opened when it can be, and without harm to the drain while it cannot."""

from __future__ import annotations

import logging

from oversight.errors import AddressError
from oversight.grpc_api.server import Server

__all__ = ["AdminPort"]

_log = logging.getLogger(__name__)


class AdminPort:
    """
    Serves *server*; `problem` says why it does not, or is empty.

    At the start of the whole server a port that is taken is refused before anything runs. Later, when a controller is
    started anew, somebody else may have taken it: then records must reach the store all the same.
    """

    def __init__(self, server: Server) -> None:
        self.problem = ""
        self._server = server
        self._open = self._closed = False

    def open(self) -> None:
        """
        Begin to serve if that is not done yet; a failure is logged once, and the next call tries again.

        Nothing is done after `close`: a server of gRPC that has ended and is started again ends the process.
        """
        if self._open or self._closed:
            return
        try:
            self._server.start()
        except AddressError as error:
            if not self.problem:
                _log.error("nothing is served on the admin port: %s; trying again", error)
            self.problem = str(error)
        else:
            self._open = True
            self.problem = ""

    def close(self, grace_s: float) -> None:
        """Take no more calls, now and later; those under way get *grace_s* seconds."""
        self._closed = True
        self._server.stop(grace_s)
