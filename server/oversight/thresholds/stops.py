"""Oversight stops: engaged at once by anyone who may, released by somebody with a reason."""

from __future__ import annotations

from oversight.access.identity import LOCAL_NAME
from oversight.engine.control import ControlState, EngagedStop, EventKind
from oversight.engine.snapshot import Stop
from oversight.errors import SecondPersonNeededError, StopNotEngagedError
from oversight.thresholds.log import ControlLog, needed_justification

__all__ = ["Stops", "describe_stop"]


_ON_THE_MACHINE = "local:"


class Stops:
    """
    Engages and releases stops; safe for any number of threads.

    With *needs_other* a stop is released by another caller than those who engaged it.
    """

    def __init__(self, log: ControlLog, *, needs_other: bool) -> None:
        self._log = log
        self._needs_other = needs_other

    def engage(self, stop: Stop, caller: str, justification: str) -> EngagedStop:
        """Engage *stop*, also where it is engaged; raise `JustificationMissingError`, `StoreUnavailableError`."""
        why = needed_justification(justification)

        def attempt(state: ControlState) -> EngagedStop:
            at_us = self._log.now_us()
            revision = self._log.append(state, EventKind.STOP_ENGAGED, caller, why, stop=stop)
            return EngagedStop(stop, caller, at_us, why, revision)

        return self._log.repeat(attempt, None)

    def release(self, stop: Stop, caller: str, justification: str) -> int:
        """
        Release the *stop* of just this scope and return the revision.

        Raises `JustificationMissingError`, `StopNotEngagedError`, `SecondPersonNeededError`, `StoreUnavailableError`.
        """
        why = needed_justification(justification)

        def attempt(state: ControlState) -> int:
            engaged = [one for one in state.stops if one.stop == stop]
            if not engaged:
                others = "; ".join(map(describe_stop, state.stopped)) or "none"
                raise StopNotEngagedError(f"no stop of {describe_stop(stop)} is engaged; engaged: {others}")
            for one in engaged:
                self._check_other(one, caller)
            return self._log.append(state, EventKind.STOP_RELEASED, caller, why, stop=stop)

        return self._log.repeat(attempt, None)

    def list_engaged(self) -> ControlState:
        """Return the state with its stops, oldest first; raise `StoreUnavailableError`."""
        return self._log.state()

    def _check_other(self, engaged: EngagedStop, caller: str) -> None:
        if not self._needs_other:
            return
        if caller == LOCAL_NAME:
            raise SecondPersonNeededError(
                "releasing a stop needs another person than those who engaged it (setting loosening_needs_approval), "
                f"and without authentication every caller is {LOCAL_NAME!r}: configure authentication"
            )
        # Who engaged it on the machine, without a server, is known by the name there.
        if caller in (engaged.author, engaged.author.removeprefix(_ON_THE_MACHINE)):
            raise SecondPersonNeededError(
                f"{caller!r} engaged the stop of {describe_stop(engaged.stop)}; another person has to release it "
                "(setting loosening_needs_approval)"
            )


def describe_stop(stop: Stop) -> str:
    """Return a stop's scope in words."""
    parts = [f"department {stop.department}" if stop.department is not None else ""]
    parts.append(f"intent {stop.intent}" if stop.intent is not None else "")
    return " and ".join(filter(None, parts)) or "everything"
