"""Changing thresholds: read, update, roll back, approve, reject, and what waited too long."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from oversight.access.identity import LOCAL_NAME
from oversight.durations import HOUR_US
from oversight.engine.control import SYSTEM, ControlEvent, ControlState, EventKind, PendingChange, Setting
from oversight.errors import (
    CallError,
    InvalidRequestError,
    NotPendingError,
    SecondPersonNeededError,
    StaleRevisionError,
    StaleRulesError,
)
from oversight.storage.protocols import RecordLister
from oversight.thresholds.checks import check_outcome, check_settings, without_field
from oversight.thresholds.effects import (
    Effect,
    EffectKind,
    effects_from_evidence,
    find_effects,
    overall,
    to_evidence,
)
from oversight.thresholds.log import ControlLog, needed_justification
from oversight.thresholds.outcome import ChangeStatus, Checked, Outcome, Terms, outcome_of
from oversight.thresholds.preview import preview_change
from oversight.thresholds.values import RulesInForce, Values, replace_values
from oversight.thresholds.waiting import has_lapsed, lapse_of
from oversight.thresholds.way_back import find_way_back

__all__ = ["Changes"]


class Changes:
    """
    Changes thresholds; safe for any number of threads.

    *rules* returns those in force. With *needs_approval* what loosens waits for a second person, *approval_ttl_h* hours
    at most.
    """

    def __init__(
        self,
        log: ControlLog,
        *,
        rules: Callable[[], RulesInForce],
        records: RecordLister,
        needs_approval: bool,
        approval_ttl_h: float,
    ) -> None:
        self._log = log
        self._rules = rules
        self._records = records
        self._needs_approval = needs_approval
        self._ttl_us = round(approval_ttl_h * HOUR_US)

    def update(self, settings: Sequence[Setting], terms: Terms) -> Outcome:
        """
        Put all of *settings* in force, or propose them where that loosens something and a second person is needed.

        Raises `ThresholdRefusedError` in its kinds, `InvalidRequestError`, `SecondPersonNeededError`,
        `StaleRevisionError`, `StaleRulesError`, `StoreUnavailableError`.
        """
        return self._change(lambda _: tuple(settings), terms)

    def roll_back(self, to_revision: int, terms: Terms) -> Outcome:
        """
        Put the live values of *to_revision* in force again, but for those that have ended since; as `update`.

        A value that the rules do not allow any more is an `InvalidRequestError` of `to_revision`.
        """

        def settings(state: ControlState) -> tuple[Setting, ...]:
            if not 0 <= to_revision <= state.revision:
                text = f"expected a revision from 0 to {state.revision}, the newest, got {to_revision}"
                raise InvalidRequestError("to_revision", text)
            return find_way_back(self._rules(), state, self._log.state_at(to_revision), self._log.now_us())

        return self._change(settings, terms, refers_to=to_revision)

    def approve(self, revision: int, terms: Terms) -> Outcome:
        """
        Put the proposal *revision* in force, all checked again.

        Raises as `update` does, and `NotPendingError` where it does not wait, would do something else by now, or has a
        value that is not allowed any more.
        """
        return self._log.repeat(lambda state: self._approve(state, revision, terms), terms.expected_revision)

    def reject(self, revision: int, caller: str, justification: str) -> int:
        """Return the revision that ends the wait of the proposal *revision*; raise `NotPendingError`."""
        why = needed_justification(justification)

        def attempt(state: ControlState) -> int:
            self._pending(state, revision)
            return self._log.append(state, EventKind.CHANGE_REJECTED, caller, why, refers_to=revision)

        return self._log.repeat(attempt, None)

    def lapse(self) -> int:
        """Record that proposals have waited too long, and return how many; raise `StoreUnavailableError`."""
        now_us = self._log.now_us()
        lapsed = 0
        for one in self._log.state().pending.values():
            if not has_lapsed(one, now_us):
                continue
            why = "nobody approved it in time"
            try:
                self._log.append(self._log.state(), EventKind.CHANGE_LAPSED, SYSTEM, why, refers_to=one.revision)
            except StaleRevisionError:
                return lapsed  # another replica does the same; what is left is seen next time
            lapsed += 1
        return lapsed

    def list_events(self, limit: int, before: int | None) -> tuple[ControlEvent, ...]:
        """Return at most *limit* events older than the revision *before* (None: from the newest), newest first."""
        newest = self._log.state().revision if before is None else before - 1
        events = self._log.events_after(max(0, newest - limit))
        return tuple(reversed([one for one in events if one.revision <= newest]))

    def _change(
        self,
        settings: Callable[[ControlState], tuple[Setting, ...]],
        terms: Terms,
        *,
        refers_to: int = 0,
    ) -> Outcome:
        why = terms.justification.strip() if terms.validate_only else needed_justification(terms.justification)

        def attempt(state: ControlState) -> Outcome:
            checked = self._check(state, settings(state), terms.expected_rules_digest)
            if terms.validate_only:
                return self._validated(state, checked)
            if not checked.needs_approval:
                evidence = to_evidence(checked.effects)
                revision = self._log.append(
                    *(state, EventKind.THRESHOLDS_SET, terms.caller, why),
                    settings=checked.settings,
                    refers_to=refers_to,
                    evidence=evidence,
                )
                return outcome_of(ChangeStatus.IN_FORCE, revision, checked)
            return self._propose(state, checked, terms.caller, why, refers_to)

        return self._log.repeat(attempt, terms.expected_revision)

    def _propose(self, state: ControlState, checked: Checked, caller: str, why: str, refers_to: int) -> Outcome:
        if caller == LOCAL_NAME:
            raise SecondPersonNeededError(
                "this loosens thresholds, which needs a second person here (setting loosening_needs_approval), and "
                f"without authentication every caller is {LOCAL_NAME!r}: configure authentication, or tighten only"
            )
        lapses_at_us = lapse_of(checked.settings, self._log.now_us() + self._ttl_us)
        revision = self._log.append(
            *(state, EventKind.CHANGE_PROPOSED, caller, why),
            settings=checked.settings,
            refers_to=refers_to,
            lapses_at_us=lapses_at_us,
            evidence=to_evidence(checked.effects),
        )
        return outcome_of(ChangeStatus.PENDING, revision, checked, lapses_at_us=lapses_at_us)

    def _approve(self, state: ControlState, revision: int, terms: Terms) -> Outcome:
        proposal = self._pending(state, revision)
        if not terms.validate_only:
            _check_second_person(proposal, terms.caller)
        checked = self._check_again(state, proposal, terms.expected_rules_digest)
        if checked.effects != self._proposed_effects(revision):
            raise NotPendingError(
                revision,
                f"change {revision} would do something else now than when it was proposed, as thresholds or rules "
                "changed since: reject it and propose it anew",
            )
        if terms.validate_only:
            return self._validated(state, checked)
        approved = self._log.append(
            *(state, EventKind.CHANGE_APPROVED, terms.caller, terms.justification.strip()),
            settings=proposal.settings,
            refers_to=revision,
            evidence=to_evidence(checked.effects),
        )
        return outcome_of(ChangeStatus.IN_FORCE, approved, checked)

    def _pending(self, state: ControlState, revision: int) -> PendingChange:
        found = state.pending.get(revision)
        if found is None:
            text = f"no change {revision} waits for approval: it was approved, rejected or lapsed, or never proposed"
            raise NotPendingError(revision, text)
        if has_lapsed(found, self._log.now_us()):
            raise NotPendingError(revision, f"change {revision} was not approved in time; propose it anew")
        return found

    def _proposed_effects(self, revision: int) -> tuple[Effect, ...]:
        event = next(iter(self._log.events_after(revision - 1)))
        return effects_from_evidence(event.evidence)

    def _check_again(self, state: ControlState, proposal: PendingChange, expected_rules_digest: str | None) -> Checked:
        try:
            return self._check(state, proposal.settings, expected_rules_digest)
        except CallError as refused:
            if "field" not in refused.metadata:
                raise
            text = f"change {proposal.revision} cannot come into force by now: {without_field(refused)}"
            raise NotPendingError(proposal.revision, f"{text}; reject it and propose it anew") from refused

    def _check(self, state: ControlState, settings: tuple[Setting, ...], expected_rules_digest: str | None) -> Checked:
        rules = self._rules()
        if expected_rules_digest is not None and expected_rules_digest != rules.digest:
            raise StaleRulesError(expected_rules_digest, rules.digest)
        now_us = self._log.now_us()
        check_settings(rules, settings, state.values)
        _check_times(settings, now_us)
        before = Values(rules, state.values)
        after = Values(rules, replace_values(state.values, settings))
        check_outcome(rules, before, after, settings, now_us)
        effects = find_effects(rules, before, after, settings, now_us)
        needs_approval = self._needs_approval and overall(effects) is EffectKind.LOOSENS
        return Checked(settings, effects, needs_approval, before, after, rules)

    def _validated(self, state: ControlState, checked: Checked) -> Outcome:
        now_us = self._log.now_us()
        preview = preview_change(self._records, checked.rules, checked.before, checked.after, now_us)
        return outcome_of(ChangeStatus.VALIDATED, state.revision, checked, preview=preview)


def _check_second_person(proposal: PendingChange, caller: str) -> None:
    if caller == LOCAL_NAME:
        raise SecondPersonNeededError(
            f"approving needs a second person, and without authentication every caller is {LOCAL_NAME!r}: "
            "configure authentication"
        )
    if caller == proposal.author:
        raise SecondPersonNeededError(
            f"{caller!r} proposed change {proposal.revision} and cannot approve it: that is for another person"
        )


def _check_times(settings: Sequence[Setting], now_us: int) -> None:
    if any(one.expires_at_us is not None and one.expires_at_us <= now_us for one in settings):
        raise InvalidRequestError("expires_at", "expected a time in the future: the values would end at once")
