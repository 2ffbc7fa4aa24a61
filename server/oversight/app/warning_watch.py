"""The keeper's daily test of the warning signs, and the steps that follow from it."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from oversight.durations import DAY_US, HOUR_US
from oversight.errors import OversightError, StoreUnavailableError
from oversight.feedback.signs import State
from oversight.storage.evidence import EvidenceReader
from oversight.storage.warning_store import LastTest, SqlWarningStore, StoredWarning

__all__ = ["WarningWatch", "WarningWatchState"]

_AGAIN_US = 600_000_000
"""After a failure: the store may be back by then."""
_LATE_US = 6 * HOUR_US
"""After midnight; but a process that has just been started gets the time of two tries."""
_BEHIND = "they are not tested yet today: what was recorded until midnight is not in the evidence"
_NAMED = 10
_log = logging.getLogger(__name__)

Attributes = tuple[tuple[str, str], ...]
TakeSteps = Callable[[Sequence[StoredWarning], int], object]
"""Takes the steps of a day that follow from warnings; doing it again changes nothing."""


class WarningWatchState(NamedTuple):
    """
    How the signs stand: how many `places` by sign and state, and the worst of those that are `critical`, in words.

    `problem` says why they could not be tested, or why no steps could be taken, or is empty.
    """

    places: Mapping[Attributes, float] = {}
    critical: tuple[str, ...] = ()
    problem: str = ""


class WarningWatch:
    """
    Tests the signs once a UTC day; `state` is replaced by one assignment, for any thread to read.

    A day is tested by the process that is *elected*, when it is over and the evidence *has_caught_up* with its end
    (microseconds since 1970); also where a later day was tested already: then a clock was ahead. All of a test is
    written in one transaction; then the steps are taken. What fails is told and tried again ten minutes later; a store
    that is away, at the next step.
    """

    def __init__(
        self,
        evidence: EvidenceReader,
        store: SqlWarningStore,
        *,
        take_steps: TakeSteps,
        elected: Callable[[], bool],
        has_caught_up: Callable[[int], bool],
        clock_us: Callable[[], int],
    ) -> None:
        self.state = WarningWatchState()
        self._evidence = evidence
        self._store = store
        self._take_steps = take_steps
        self._elected = elected
        self._has_caught_up = has_caught_up
        self._clock_us = clock_us
        self._done_day = -1
        self._again_us = 0
        self._looking_since_us = 0
        self._said = ""

    def step(self) -> None:
        """Test what is due; what is wrong stands in `state`. Raises what nobody expected, once it is told."""
        if not self._elected():
            # Another one may test meanwhile: what is known here is not what stands.
            self.state, self._done_day, self._again_us, self._looking_since_us = WarningWatchState(), -1, 0, 0
            return
        now_us = self._clock_us()
        if not 0 < self._looking_since_us <= now_us:
            self._looking_since_us = now_us
        day = now_us // DAY_US
        if day == self._done_day or 0 <= self._again_us - now_us <= _AGAIN_US:
            return
        try:
            self._test(day, now_us)
        except StoreUnavailableError as error:
            # A store that is away is told by the drain, and is looked for again at the next step.
            self._note(str(error), now_us, shown=self._is_late(day, now_us))
        except Exception as error:
            self._note(str(error) or repr(error), now_us, shown=True)
            self._again_us = now_us + _AGAIN_US
            if not isinstance(error, OversightError):
                raise

    def _test(self, day: int, now_us: int) -> None:
        last = self._store.tested()
        if last.day != day:
            if not self._has_caught_up(day * DAY_US):
                self._show(self._store.list_warnings(), _BEHIND if self._is_late(day, now_us) else last.problem)
                self._again_us = now_us + _AGAIN_US // 10
                return
            self._find(day, now_us, last)
        warnings = self._store.list_warnings()
        self._show(warnings)
        self._take_steps(warnings, day)
        if self._store.tested().problem:
            self._store.note_problem("", now_us)
        self._done_day, self._said = day, ""

    def _find(self, day: int, now_us: int, last: LastTest) -> None:
        stood = self._stand(day)
        if self._store.put(stood, LastTest(day, now_us), after=last):
            raised = sum(one.standing.state.raised for one in stood)
            _log.info("the warning signs were tested in %d places; %d warnings stand", len(stood), raised)

    def _stand(self, day: int) -> list[StoredWarning]:
        before = self._store.list_warnings()
        if self._evidence.through_us() is None and not before:
            return []
        # numpy and scipy, 60 MB: not before there is something to test.
        from oversight.insight.sign_tests import WINDOWS_US, find_signs
        from oversight.insight.standing import stand_all

        founds = find_signs(self._evidence, day)
        return stand_all(before, founds, now_us=day * DAY_US, windows_us=WINDOWS_US)

    def _show(self, warnings: Sequence[StoredWarning], problem: str = "") -> None:
        places: Counter[Attributes] = Counter(
            (("sign", str(one.key.sign)), ("state", str(one.standing.state))) for one in warnings
        )
        critical = [one for one in warnings if one.standing.state is State.CRITICAL]
        critical.sort(key=lambda one: one.standing.raised_at_us or 0)
        self.state = WarningWatchState(dict(places), tuple(map(_in_words, critical[:_NAMED])), problem)

    def _note(self, problem: str, now_us: int, *, shown: bool) -> None:
        if problem != self._said:
            _log.error("the warning signs: %s", problem)
        self._said = problem
        if shown:
            self.state = self.state._replace(problem=problem)
        # A store that is down cannot be told; its readers notice.
        with suppress(StoreUnavailableError):
            self._store.note_problem(problem, now_us)

    def _is_late(self, day: int, now_us: int) -> bool:
        return now_us - day * DAY_US > _LATE_US and now_us - self._looking_since_us > 2 * _AGAIN_US


def _in_words(one: StoredWarning) -> str:
    key = one.key
    parts = [
        f"tenant {key.tenant_id}" if key.tenant_id else "",
        f"department {key.department}" if key.department else "",
        f"intent {key.intent}" if key.intent else "",
        f"rule {key.rule_id}" if key.rule_id else "",
    ]
    where = ", ".join(filter(None, parts))
    return f"{key.sign}{f' ({where})' if where else ''}: {one.message}"
