"""Callers as in production: threads with the client as it comes, one message after the other."""

from __future__ import annotations

import itertools
import threading
import time
from typing import Self

from oversight_client import Client

_CALLERS = 4
_PAUSE_S = 0.01


class Callers:
    """Threads that ask for decisions until told to stop; a context manager."""

    def __init__(self, target: str) -> None:
        self.answered = 0
        self.unanswered: list[str] = []
        """What a caller would see: raised errors, and decisions that the client made for the service."""
        self.stalled_s = 0.0
        """By how much a pause took longer than it should at most: then the machine had no time for a call either."""
        self._clients = [Client(target) for _ in range(_CALLERS)]
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._call, args=(client,)) for client in self._clients]

    @property
    def unavailable_count(self) -> int:
        """What the clients count themselves."""
        return sum(client.unavailable_count for client in self._clients)

    def have_answered(self, count: int) -> bool:
        """Tell whether there were so many answers, whoever gave them."""
        return self.answered >= count

    def __enter__(self) -> Self:
        for client in self._clients:
            client.decide(timeout_s=10, intent="order_status")  # connects
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        for client in self._clients:
            client.close()

    def _call(self, client: Client) -> None:
        for number in itertools.count():
            if self._stop.is_set():
                return
            began_s = time.monotonic()
            try:
                decision = client.decide(
                    request_id=str(number), intent="order_status", response_confidence=0.97, sentiment_score=0.3
                )
            except Exception as error:  # noqa: BLE001 - whatever it is, a caller would have seen it
                self.unanswered.append(repr(error))
            else:
                if not decision.recorded:
                    took_ms = (time.monotonic() - began_s) * 1000
                    self.unanswered.append(f"{decision.reasons[0].message} ({took_ms:.0f} ms)")
                self.answered += 1
            paused_s = time.monotonic()
            self._stop.wait(_PAUSE_S)
            self.stalled_s = max(self.stalled_s, time.monotonic() - paused_s - _PAUSE_S)
