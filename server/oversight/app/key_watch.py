"""The issuer's keys: read from a file or fetched from a URL by the controller, and published to the processes."""

from __future__ import annotations

import json
import logging
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import Message
from pathlib import Path
from typing import IO

from oversight.access.web_tokens import read_keys
from oversight.app.access import KEYS_NAME, WANTED_NAME
from oversight.app.handover import file_stamp, write_file
from oversight.settings import Settings

__all__ = ["KeyWatch", "fetch"]

_TIMEOUT_S = 5.0
_MAX_BYTES = 1024 * 1024
_PAUSE_S = 10.0
"""Between two fetches, however often somebody asks: a caller could make us ask without end."""
_log = logging.getLogger(__name__)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        """Follow nothing: the URL that is set is the one whose certificate vouches for the keys."""


def fetch(url: str) -> bytes:
    """Return what is at the https *url*, 1 MiB at most. Raises OSError (urllib's errors are) and ValueError."""
    opener = urllib.request.build_opener(_NoRedirects)
    with opener.open(url, timeout=_TIMEOUT_S) as response:
        content: bytes = response.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise ValueError("the document is larger than 1 MiB")
    return content


class KeyWatch:
    """
    Looks at the keys in setting `jwt_jwks` and publishes those that can be used; else the last good ones stay.

    A file is read when it changes. A URL is fetched each `jwt_jwks_refresh_s` seconds, and within ten seconds when a
    process met a key that it does not know. `problem` says what is wrong, or is empty.
    """

    def __init__(
        self,
        settings: Settings,
        run: Path,
        *,
        get: Callable[[str], bytes] = fetch,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.problem = ""
        self._source = settings.jwt_jwks
        self._refresh_s = settings.jwt_jwks_refresh_s
        self._run = run
        self._get = get
        self._clock = clock
        self._seen: tuple[int, int, int] | None = None
        self._wanted = file_stamp(run / WANTED_NAME)
        self._fetched_s: float | None = None

    def step(self) -> None:
        """Look once; raises nothing."""
        if self._source.startswith("https://"):
            self._step_url()
            return
        stamp = file_stamp(Path(self._source))
        if stamp is None or stamp != self._seen:
            self._take(lambda: Path(self._source).read_bytes())
            self._seen = stamp

    def _step_url(self) -> None:
        now_s = self._clock()
        wanted = file_stamp(self._run / WANTED_NAME)
        if self._fetched_s is not None:
            since_s = now_s - self._fetched_s
            if since_s < _PAUSE_S or (wanted == self._wanted and since_s < self._refresh_s and not self.problem):
                return
        self._wanted = wanted
        self._fetched_s = now_s
        self._take(lambda: self._get(self._source))

    def _take(self, read: Callable[[], bytes]) -> None:
        try:
            content = read()
            read_keys(content)
            # With their source: keys of another one, left from an earlier start, must vouch for nobody.
            published = {"source": self._source, "keys": json.loads(content)["keys"]}
            write_file(self._run / KEYS_NAME, json.dumps(published).encode(), durable=True)
        except (OSError, ValueError) as problem:
            text = f"the keys at {self._source} (setting jwt_jwks) cannot be used: {problem}"
            if text != self.problem:
                _log.error("%s; those read before stay in force", text)
            self.problem = text
        else:
            self.problem = ""
