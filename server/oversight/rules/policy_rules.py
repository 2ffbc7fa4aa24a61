"""The rules of a policy file: named, typed, and checked against what they may not do."""

from __future__ import annotations

from collections.abc import Mapping

from oversight.engine.built_in import BUILT_IN_RULES
from oversight.engine.conditions import checks, normal_form
from oversight.engine.decision import Escalation, Tier
from oversight.engine.policy import Check, Condition, Policy, Rule, SupportedLanguages, Threshold, ThresholdRef
from oversight.rules.condition_reader import ConditionReader
from oversight.rules.documents import RuleDocument
from oversight.rules.operands import Vocabulary
from oversight.rules.policy_source import PolicySource
from oversight.rules.report import Place, Report

__all__ = ["check_directions", "check_narrowed_languages", "read_rules", "thresholds_read"]

_CLIENT_CODE = "DECISION_UNAVAILABLE"
_RESERVED_CODES = frozenset({*(rule.upper() for rule in BUILT_IN_RULES), _CLIENT_CODE})

# Raising the limit of these makes the rule match more; of the other two, less.
_MATCH_MORE_WHEN_RAISED = ("below", "at_most")


def read_rules(source: PolicySource, parent: Policy | None, vocabulary: Vocabulary, report: Report) -> tuple[Rule, ...]:
    """Return the rules that one policy file has; what is wrong goes to *report*."""
    reader = ConditionReader(vocabulary, source.file, report)
    taken: dict[str, Rule | Place] = {rule.id: rule for rule in parent.rules} if parent is not None else {}
    rules = []
    for document in source.document.rules:
        _check_names(document, taken, source, report)
        taken.setdefault(document.id, document.place("id"))
        when = reader.read(document.when, document.place("when"))
        _check_span(document, source, report)
        if when is not None:
            _check_locked(document, when, source, report)
            rules.append(_rule(document, when, source))
    for entries in source.rules_left_out():
        # For its problems only: what is wrong elsewhere in a rule must not hide what is wrong in its condition.
        reader.read(entries.get("when"), entries.places["when"])
    return tuple(rules)


def _rule(document: RuleDocument, when: Condition, source: PolicySource) -> Rule:
    return Rule(
        id=document.id,
        when=when,
        tier=Tier[document.tier.upper()],
        escalation=Escalation[document.escalation.upper()],
        reason=document.reason,
        message=document.message,
        locked=document.locked,
        shadow=document.shadow,
        since_us=document.since,
        until_us=document.until,
        owner=document.owner,
        policy=source.name,
        place=f"{source.file}:{document.place('id').line}",
    )


def _check_names(
    document: RuleDocument, taken: Mapping[str, Rule | Place], source: PolicySource, report: Report
) -> None:
    if document.id in BUILT_IN_RULES:
        message = f"'{document.id}' is the name of a built-in rule; choose another"
        report.error(source.file, document.place("id"), message)
    elif document.id in taken:
        other = taken[document.id]
        where = f"'{other.policy}' ({other.place})" if isinstance(other, Rule) else f"line {other.line}"
        message = f"there is a rule '{document.id}' already, in {where}; choose another name"
        report.error(source.file, document.place("id"), message)
    if document.reason in _RESERVED_CODES:
        message = f"{document.reason} is the reason code of a built-in rule; choose another"
        report.error(source.file, document.place("reason"), message)


def _check_span(document: RuleDocument, source: PolicySource, report: Report) -> None:
    if document.since is not None and document.until is not None and document.since >= document.until:
        report.error(
            source.file, document.place("until"), "'until' is not after 'since': the rule would never be active"
        )


def _check_locked(document: RuleDocument, when: Condition, source: PolicySource, report: Report) -> None:
    if not document.locked:
        return
    forbidden = {"shadow": document.shadow, "since": document.since is not None, "until": document.until is not None}
    for key, given in forbidden.items():
        if given:
            message = f"the rule '{document.id}' is locked and may not have '{key}'; remove one of the two"
            report.error(source.file, document.place(key), message)
    for name in sorted(thresholds_read(when)):
        message = f"the rule '{document.id}' is locked and may not read the threshold ${name}; write the number itself"
        report.error(source.file, document.place("when"), message)


def thresholds_read(condition: Condition) -> set[str]:
    """Return the names of the thresholds that *condition* compares with."""
    return {check.operand.name for check in checks(condition) if isinstance(check.operand, ThresholdRef)}


def check_directions(
    source: PolicySource, rules: tuple[Rule, ...], thresholds: Mapping[str, Threshold], report: Report
) -> None:
    """Report every use of a threshold where moving it in its tightening direction makes a rule match less."""
    documents = {document.id: document for document in source.document.rules}
    for rule in rules:
        if not thresholds_read(rule.when):
            continue
        for check in checks(normal_form(rule.when)):
            if not isinstance(check.operand, ThresholdRef) or check.operand.name not in thresholds:
                continue
            threshold = thresholds[check.operand.name]
            matches_more = "raise" if check.operator in _MATCH_MORE_WHEN_RAISED else "lower"
            if matches_more != threshold.tightens:
                place = documents[rule.id].place("when")
                report.error(source.file, place, _phrase_direction(rule, check, threshold))


def _phrase_direction(rule: Rule, check: Check, threshold: Threshold) -> str:
    moved, wanted = ("raising", "lower") if threshold.tightens == "raise" else ("lowering", "raise")
    return (
        f"'{threshold.name}' is declared tightens: {threshold.tightens}, but in the rule '{rule.id}' "
        f"({check.signal} {check.operator.replace('_', ' ')} ${threshold.name}) {moved} it makes the rule match less; "
        f"turn the comparison round, or use a threshold with tightens: {wanted}"
    )


def check_narrowed_languages(source: PolicySource, parent: Policy, report: Report) -> None:
    """Report every rule of *parent* that would match less because this policy supports fewer languages."""
    for rule in parent.rules:
        for check in checks(normal_form(rule.when)):
            if isinstance(check.operand, SupportedLanguages) and check.operator == "in":
                rule_of = f"the rule '{rule.id}' of '{rule.policy}' ({rule.place})"
                message = f"fewer supported languages make {rule_of} match less; this policy can only be stricter"
                report.error(source.file, source.document.place("supported_languages"), message)
