"""
The breaker: what is critical takes a step towards more people, on record like any change.

What it did it reads from the events themselves: they are the one place that every replica sees, and no crash can come
between a step and the memory of it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from oversight.engine.control import SYSTEM, ControlEvent, ControlState, EventKind, Setting
from oversight.feedback.signs import Finding, State
from oversight.insight.steps import Steps
from oversight.rules.scopes import Scope
from oversight.storage.warning_store import StoredWarning
from oversight.thresholds.effects import EffectKind, overall, to_evidence
from oversight.thresholds.log import ControlLog
from oversight.thresholds.values import RulesInForce, Values, is_looser

__all__ = ["Breaking", "Cause", "causes_of"]

_log = logging.getLogger(__name__)


class Cause(NamedTuple):
    """
    What calls for a step.

    `key` and `since_us` tell one warning from another, also from an earlier one in the same place; `evidence` is kept
    with the change. `finding` is the sign's, None for an anomaly, which takes a step only where a policy says so. With
    `released_days` a released step of the same `key` holds for so many days from that step, whatever its `since_us`.
    """

    key: str
    since_us: int
    department: str
    intent: str | None
    text: str
    evidence: Mapping[str, Any]
    finding: Finding | None = None
    released_days: int = 0


class _Taken(NamedTuple):
    day: int
    causes: frozenset[tuple[str, int]]
    settings: tuple[Setting, ...]


def causes_of(warnings: Iterable[StoredWarning]) -> list[Cause]:
    """Return the causes among *warnings*: those that the last test itself found critical."""
    return [_cause(one) for one in warnings if one.finding.state is State.CRITICAL]


def _cause(one: StoredWarning) -> Cause:
    key, finding = one.key, one.finding
    figures = {name: value for name, value in finding._asdict().items() if value is not None}
    evidence = {**key._asdict(), **figures, "details": dict(finding.details), "message": one.message}
    since_us = one.standing.raised_at_us or 0
    return Cause(json.dumps(key), since_us, key.department, key.intent, str(key.sign), evidence, finding)


class Breaking:
    """
    Takes the steps that policies ask for (`breaker:`), by the *rules* in force.

    Tightens only, within bounds and constraints, one step a threshold, cause and day; a cause whose step a person has
    released takes none again. Several causes in one place take one step together.
    """

    def __init__(self, log: ControlLog, *, rules: Callable[[], RulesInForce]) -> None:
        self._log = log
        self._rules = rules
        self._taken: list[_Taken] = []
        self._read = 0

    def take(self, causes: Sequence[Cause], day: int) -> list[int]:
        """
        Take the steps of *day* (counted from 1970, UTC) and return the revisions of their events.

        Doing it again changes nothing. What cannot be done is logged and left out. Raises `StoreUnavailableError`, and
        `StaleRevisionError` where others come first again and again.
        """
        rules = self._rules()
        places: dict[tuple[str, Scope], list[Cause]] = {}
        for cause in causes:
            policy = cause.department if cause.department in rules.policies else rules.default_policy
            breaker = rules.policies[policy].breaker
            if breaker.steps and (cause.finding is not None or breaker.anomalies):
                places.setdefault((policy, Scope(cause.intent or None, cause.department or None)), []).append(cause)
        revisions = []
        for (policy, scope), found in sorted(places.items(), key=repr):
            steps = Steps(rules, policy, scope)
            attempt = partial(self._attempt, steps=steps, causes=found, day=day)
            revision = self._log.repeat(attempt, None)
            if revision is not None:
                revisions.append(revision)
        return revisions

    def _attempt(self, state: ControlState, *, steps: Steps, causes: Sequence[Cause], day: int) -> int | None:
        self._follow(state)
        now_us = self._log.now_us()
        values = Values(steps.rules, state.values)
        due = [one for one in causes if not self._is_done(one, day, values, steps.rules, now_us)]
        if not due:
            return None
        checked = steps.find(values, [one.finding for one in due if one.finding is not None], now_us)
        if not checked.settings or overall(checked.effects) is not EffectKind.TIGHTENS:
            return None
        evidence = {
            **json.loads(to_evidence(checked.effects)),
            "breaker": {
                "day": day,
                "causes": [{"key": one.key, "since_us": one.since_us, **one.evidence} for one in due],
            },
        }
        revision = self._log.append(
            *(state, EventKind.THRESHOLDS_SET, SYSTEM, _justification(due, steps)),
            settings=checked.settings,
            evidence=json.dumps(evidence),
        )
        _log.warning("the breaker tightened thresholds of policy %s (revision %d)", steps.policy, revision)
        return revision

    def _follow(self, state: ControlState) -> None:
        """Read the steps among the events that are new in *state*."""
        for event in self._log.events_after(self._read):
            if event.revision <= state.revision:
                self._taken += _steps_of(event)
                self._read = event.revision

    def _is_done(self, cause: Cause, day: int, values: Values, rules: RulesInForce, now_us: int) -> bool:
        mine = [one for one in self._taken if _is_about(one, cause, day)]
        if any(one.day == day for one in mine):
            return True
        return any(_is_released(one, values, rules, now_us) for step in mine for one in step.settings)


def _is_about(step: _Taken, cause: Cause, day: int) -> bool:
    if (cause.key, cause.since_us) in step.causes:
        return True
    return abs(day - step.day) < cause.released_days and any(key == cause.key for key, _ in step.causes)


def _is_released(one: Setting, values: Values, rules: RulesInForce, now_us: int) -> bool:
    """Tell whether somebody has loosened since what a step had tightened."""
    policy = rules.policies.get(one.policy)
    if policy is None or one.name not in policy.thresholds or one.value is None:
        return False
    scope = Scope(one.intent, one.department, one.currency)
    entry = values.lookup(one.policy, now_us)(one.name, scope)
    return is_looser(policy.thresholds[one.name].tightens, entry.value, one.value)


def _steps_of(event: ControlEvent) -> Iterator[_Taken]:
    if event.author != SYSTEM or not event.evidence:
        return
    try:
        said = json.loads(event.evidence)["breaker"]
        causes = frozenset((str(one["key"]), int(one["since_us"])) for one in said["causes"])
        yield _Taken(int(said["day"]), causes, event.settings)
    except (ValueError, KeyError, TypeError):
        return  # some other change that the service made


def _justification(causes: Sequence[Cause], steps: Steps) -> str:
    what = ", ".join(sorted({one.text for one in causes}))
    where = f" for {steps.scope}" if str(steps.scope) else ""
    return (
        f"The breaker of policy {steps.policy!r}: {what}{where}. One step stricter; set the values anew, or roll back, "
        "to release it."
    )
