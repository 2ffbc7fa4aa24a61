"""Thresholds of a policy: declared or taken over, within their bounds, and never quietly looser than the parent's."""

from __future__ import annotations

from dataclasses import replace

from oversight.engine.compile import AUDIT_RATE
from oversight.engine.policy import Override, Policy, Threshold
from oversight.rules.documents import OverrideDocument, ThresholdDocument
from oversight.rules.policy_source import PolicySource
from oversight.rules.report import Place, Report
from oversight.rules.scopes import EVERYWHERE, FileValues, Scope, scope_of, shared_scopes
from oversight.rules.suggest import suggest
from oversight.rules.wording import phrase_out_of_bounds, show_number

__all__ = ["read_thresholds"]


def read_thresholds(
    source: PolicySource, parent: Policy | None, known_intents: frozenset[str] | None, report: Report
) -> dict[str, Threshold]:
    """Return the thresholds of one policy with those of its *parent*; what is wrong goes to *report*."""
    reader = _ThresholdReader(source, parent, known_intents, report)
    thresholds = dict(parent.thresholds) if parent is not None else {}
    for name, document in source.document.thresholds.items():
        inherited = thresholds.get(name)
        read = reader.declare(name, document) if inherited is None else reader.change(inherited, document)
        if read is not None:
            thresholds[name] = read
    return thresholds


class _ThresholdReader:
    """Reads the thresholds that one policy file has."""

    def __init__(
        self, source: PolicySource, parent: Policy | None, known_intents: frozenset[str] | None, report: Report
    ) -> None:
        self._source = source
        self._parent = parent
        self._intents = known_intents
        self._report = report

    def declare(self, name: str, document: ThresholdDocument) -> Threshold | None:
        """Return a threshold that no parent has; it must be declared in full."""
        default, low, high = document.default, document.min, document.max
        given = {"description": document.description, "default": default, "min": low, "max": high}
        missing = [key for key, value in {**given, "tightens": document.tightens}.items() if value is None]
        if document.value is not None and self._parent is not None:
            message = f"no policy that this one extends has a threshold '{name}'"
            self._error(name, "value", message, suggest(name, self._parent.thresholds))
            return None
        if document.value is not None:
            self._error(name, "value", f"'{name}' is declared here: its value is written 'default', not 'value'")
            return None
        if default is None or low is None or high is None or document.tightens is None or missing:
            self._error(name, "", f"the threshold '{name}' lacks {', '.join(missing)}")
            return None
        if low > high:
            self._error(name, "min", f"'{name}' has min {show_number(low)} above max {show_number(high)}")
            return None
        if document.loosens is not None:
            self._error(
                name, "loosens", f"'{name}' is declared here, so it cannot be looser than a parent's; remove 'loosens'"
            )
        policy = self._source.name
        text = document.description or ""
        threshold = Threshold(name, text, default, low, high, document.tightens, (), policy)
        self._check_bounds(threshold, default, "default")
        if name == AUDIT_RATE:
            self._check_audit_rate(threshold)
        return replace(threshold, overrides=self._overrides(threshold, document))

    def change(self, inherited: Threshold, document: ThresholdDocument) -> Threshold | None:
        """Return the parent's threshold with the values of this policy."""
        name = inherited.name
        fixed: dict[str, str | float] = {
            "min": inherited.minimum,
            "max": inherited.maximum,
            "tightens": inherited.tightens,
        }
        for key, kept in fixed.items():
            own = getattr(document, key)
            if own is not None and own != kept:
                shown = kept if isinstance(kept, str) else show_number(kept)
                message = f"'{key}' of '{name}' is {shown} in '{inherited.policy}' and cannot be changed here"
                self._error(name, key, message)
        if document.value is not None and document.default is not None:
            self._error(name, "default", f"'{name}' has both 'value' and 'default'; keep one")
            return None
        value = document.default if document.value is None else document.value
        changed = inherited
        if value is not None:
            self._check_bounds(inherited, value, "value" if document.default is None else "default")
            changed = replace(inherited, default=value, policy=self._source.name)
        own = self._overrides(inherited, document)
        taken = {scope_of(override) for override in own}
        changed = replace(
            changed,
            description=document.description or inherited.description,
            overrides=(*(one for one in inherited.overrides if scope_of(one) not in taken), *own),
        )
        self._check_direction(inherited, changed, document)
        return changed

    def _overrides(self, threshold: Threshold, document: ThresholdDocument) -> tuple[Override, ...]:
        found: dict[Scope, Override] = {}
        for one in document.overrides:
            scope = scope_of(one)
            if scope == EVERYWHERE:
                self._error_at(one.place(), "an override names an intent, a department or a currency (or several)")
            elif scope in found:
                self._error_at(one.place(), f"there is an override for {scope} already")
            elif not threshold.minimum <= one.value <= threshold.maximum:
                self._error_at(one.place("value"), self._out_of_bounds(threshold, one.value))
            else:
                self._check_intent(one)
                found[scope] = Override(one.value, one.intent, one.department, one.currency, self._source.name)
        return tuple(found.values())

    def _check_audit_rate(self, threshold: Threshold) -> None:
        """Report what the share of audited decisions cannot be: it is a probability, and 0 would end the audits."""
        if threshold.minimum <= 0:
            message = f"'{AUDIT_RATE}' is a probability and never 0: its min is above 0"
            self._error(AUDIT_RATE, "min", f"{message}, not {show_number(threshold.minimum)}")
        if threshold.maximum > 1:
            message = f"'{AUDIT_RATE}' is a probability: its max is at most 1, not {show_number(threshold.maximum)}"
            self._error(AUDIT_RATE, "max", message)
        if threshold.tightens != "raise":
            message = f"more audits are stricter: '{AUDIT_RATE}' has tightens: raise, not {threshold.tightens}"
            self._error(AUDIT_RATE, "tightens", message)

    def _check_intent(self, override: OverrideDocument) -> None:
        intent = override.intent
        if intent is not None and self._intents is not None and intent not in self._intents:
            message = f"the intent '{intent}' is not listed under 'intents', here or in a policy that this one extends"
            self._error_at(override.place("intent"), message, suggest(intent, self._intents))

    def _check_bounds(self, threshold: Threshold, value: float, key: str) -> None:
        if not threshold.minimum <= value <= threshold.maximum:
            self._error(threshold.name, key, self._out_of_bounds(threshold, value))

    @staticmethod
    def _out_of_bounds(threshold: Threshold, value: float) -> str:
        return phrase_out_of_bounds(threshold.name, value, threshold.minimum, threshold.maximum)

    def _check_direction(self, inherited: Threshold, changed: Threshold, document: ThresholdDocument) -> None:
        """Compare with the parent in every scope in which either says something of its own."""
        before, after = FileValues(inherited), FileValues(changed)
        told: set[Scope] = set()
        for scope in shared_scopes(before, after):
            old, new = before.at(scope), after.at(scope)
            sign = 1 if inherited.tightens == "raise" else -1
            if sign * new.value < sign * old.value and scope_of(new) not in told:
                told.add(scope_of(new))
                self._tell_looser(inherited, scope, old.value, new, document)
            elif sign * new.value < sign * changed.default and new.policy != changed.policy == self._source.name:
                self._tell_standing(changed, scope, new)
        if document.loosens is not None and not told:
            message = f"'{inherited.name}' is not looser than in '{inherited.policy}'; remove 'loosens'"
            self._report.warn(self._source.file, self._source.place("thresholds", inherited.name, "loosens"), message)

    def _tell_looser(
        self, inherited: Threshold, scope: Scope, old: float, new: Override, document: ThresholdDocument
    ) -> None:
        own = next((one for one in document.overrides if scope_of(one) == scope_of(new)), None)
        reason = document.loosens if own is None else own.loosens or document.loosens
        place = self._source.place("thresholds", inherited.name, "value") if own is None else own.place("value")
        where = f" for {scope}" if scope != EVERYWHERE else ""
        if reason is not None:
            step = f"{show_number(old)} becomes {show_number(new.value)}"
            message = f"'{inherited.name}'{where} is looser here: {step}, because: {reason}"
            self._report.warn(self._source.file, place, message)
            return
        parent = self._parent.name if self._parent is not None else ""
        than = f"the {show_number(old)} that '{inherited.name}' has{where} in '{parent}'"
        message = f"{show_number(new.value)} is looser than {than}; {inherited.tightens} it, or say why beside it with"
        self._error_at(place, f'{message} loosens: "..."')

    def _tell_standing(self, changed: Threshold, scope: Scope, standing: Override) -> None:
        message = (
            f"'{changed.name}' stays {show_number(standing.value)} for {scope}: '{standing.policy}' has an override "
            f"for that, which beats the {show_number(changed.default)} here; repeat the override here to be as strict"
        )
        self._report.warn(self._source.file, self._source.place("thresholds", changed.name), message)

    def _error(self, name: str, key: str, message: str, suggestion: str = "") -> None:
        self._error_at(self._source.place("thresholds", name, key), message, suggestion)

    def _error_at(self, place: Place, message: str, suggestion: str = "") -> None:
        self._report.error(self._source.file, place, message, suggestion)
