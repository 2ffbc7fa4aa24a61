"""What the controller does for the check of callers: publishes tokens, roles and keys, and follows them itself."""

from __future__ import annotations

from oversight.app.access import CurrentAccess
from oversight.app.handover import run_folder
from oversight.app.key_watch import KeyWatch
from oversight.app.repetition import Repetition
from oversight.app.role_watch import RoleWatch
from oversight.app.store import open_tokens
from oversight.app.token_watch import TokenWatch
from oversight.settings import Settings

__all__ = ["AccessDesk"]

_LOOK_S = 0.2


class AccessDesk:
    """
    Publishes whose credentials are taken, in `loops`; `access` is for the admin port.

    The loops are urgent: build the desk before the process gives its priority up.
    """

    def __init__(self, settings: Settings) -> None:
        run = run_folder(settings.data_dir)
        self.access = CurrentAccess(settings)
        self._tokens = TokenWatch(open_tokens(settings), run)
        self._roles = RoleWatch(settings)
        self._keys = KeyWatch(settings, run) if settings.jwt_jwks else None
        self.loops = (
            Repetition("the look at tokens and roles", _LOOK_S, self._look_at_callers, urgent=True),
            # Apart: an issuer that does not answer must not delay a revocation.
            Repetition("the look at the issuer's keys", _LOOK_S, self._look_at_keys, urgent=True),
        )

    @property
    def problem(self) -> str:
        """Why what is published may be out of date, or empty."""
        keys = "" if self._keys is None else self._keys.problem
        return "; ".join(filter(None, (self._tokens.problem, self._roles.problem, keys, self.access.problem)))

    def publish(self) -> None:
        """Publish once, before workers ask."""
        self._look_at_callers()
        self._look_at_keys()

    def stop(self) -> None:
        """End the loops."""
        for loop in self.loops:
            loop.stop(0.0)

    def _look_at_callers(self) -> None:
        self._tokens.step()
        self._roles.step()
        self.access.refresh()

    def _look_at_keys(self) -> None:
        if self._keys is not None:
            self._keys.step()
