"""The look at the rule files, taken by the controller's clock or because somebody asked for it: one at a time."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from oversight.app.policy_watch import PolicyWatch
from oversight.policy_desk import Reloaded

__all__ = ["Reloading"]


class Reloading:
    """
    A `policy_desk.Publishing` over *watch*.

    *digest* says what is in force; *wake* is called whenever a look changes what is the case.
    """

    def __init__(self, watch: PolicyWatch, *, digest: Callable[[], str], wake: Callable[[], None]) -> None:
        self._watch = watch
        self._digest = digest
        self._wake = wake
        self._looking = Lock()

    @property
    def digest(self) -> str:
        """The digest of the snapshot published last."""
        return self._digest()

    def look(self) -> None:
        """Look at the folder once."""
        with self._looking:
            if self._watch.look():
                self._wake()

    def reload(self) -> Reloaded:
        """Look at the folder once; return what that came to."""
        before = self.digest
        self.look()
        state = self._watch.state
        return Reloaded(self.digest, state.commit, self.digest != before, state.found, state.last_good)
