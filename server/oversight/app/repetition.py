"""A step done again and again in a thread of its own, whatever becomes of it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable

__all__ = ["Repetition", "failing"]

_log = logging.getLogger(__name__)


class Repetition:
    """
    Calls *step* every *interval_s* seconds until it is stopped.

    A step that raises is logged unless it is the same again, and called next time: none of what the controller does may
    end with one bad moment. `problem` says that the last step was such a one, or is empty. *finish* is called at the
    end until it returns True or the grace is over. With *urgent* the thread is there at once, though it waits for
    `start`: it keeps the priority that its maker has now, whatever that one gives up later.
    """

    def __init__(
        self,
        name: str,
        interval_s: float,
        step: Callable[[], object],
        finish: Callable[[], bool] | None = None,
        hurry: Callable[[], bool] = lambda: False,
        *,
        urgent: bool = False,
    ) -> None:
        self.name = name
        self.problem = ""
        self._interval_s = interval_s
        self._step = step
        self._finish = finish
        self._hurry = hurry
        self._stop = threading.Event()
        self._deadline_s = 0.0
        self._said = ""
        # A daemon: a step that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._repeat, name=name, daemon=True)
        self._begun = threading.Event()
        if urgent:
            self._thread.start()

    def start(self) -> None:
        """Begin, with a first step at once."""
        self._begun.set()
        if self._thread.ident is None:
            self._thread.start()

    def stop(self, grace_s: float) -> bool:
        """Finish within *grace_s*; return whether that was done."""
        self._deadline_s = time.monotonic() + grace_s
        self._stop.set()
        self._begun.set()
        if self._thread.ident is None:
            return True
        self._thread.join(grace_s)
        return not self._thread.is_alive()

    def _repeat(self) -> None:
        self._begun.wait()
        self._guard(self._step)
        while not self._stop.wait(0.0 if self._hurry() else self._interval_s):
            self._guard(self._step)
        # Once at least, however short the grace is.
        while self._finish is not None and not self._guard(self._finish) and time.monotonic() < self._deadline_s:
            time.sleep(0.0 if self._hurry() else min(self._interval_s, 0.05))

    def _guard(self, step: Callable[[], object]) -> object:
        try:
            done = step()
        except Exception as error:  # noqa: BLE001 - whatever it is, the next step must come
            # Without the error's own words: they may be of customers, and this is shown.
            self.problem = f"{self.name} fails ({type(error).__name__}); it is tried again, and the log says more"
            if repr(error) != self._said:
                _log.exception("%s failed; it goes on", self.name)
            self._said = repr(error)
            return None
        self.problem = ""
        return done


def failing(repetitions: Iterable[Repetition]) -> tuple[str, ...]:
    """Return what is wrong with those whose last step ended with an unexpected error."""
    return tuple(one.problem for one in repetitions if one.problem)
