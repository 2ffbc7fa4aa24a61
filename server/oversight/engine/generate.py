"""Rules as Python source: functions built from checked parts only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from oversight.engine.conditions import checks
from oversight.engine.decision import Tier
from oversight.engine.expressions import POSITIONS, ExpressionWriter, signal_of
from oversight.engine.limits import Slot
from oversight.engine.policy import Condition, Policy, Rule

__all__ = ["Generator"]

_HEAD = "def rules(r, limits, sources, facts, hits, shadows, failed):"
_CALL = "(r, limits, sources, facts, hits, shadows, failed)"
_DERIVED = {
    "now": f"r[{POSITIONS['decided_at_us']}]",
    "intent_margin": f"margin(r[{POSITIONS['intent_confidence']}], r[{POSITIONS['intent_runner_up_confidence']}])",
    "signal_age_s": f"age_s(r[{POSITIONS['signal_time_us']}], r[{POSITIONS['decided_at_us']}])",
    "labelled_outcomes": "facts.labelled_outcomes",
    "primary_language": f"primary(r[{POSITIONS['language']}])",
}


class _RuleText(NamedTuple):
    """The lines of one rule, and the variables that they read."""

    lines: tuple[str, ...]
    read: frozenset[str]


class Generator:
    """
    Writes functions over the rules of the policies of one blueprint.

    `slots` numbers the limits that they read, for all policies together: so a rule has the same text in every policy
    that has it, and need be compiled only once. *normal* gives the normal form of a rule's condition.

    A function appends the `Reason` of every rule that matches to `hits` or, of a shadow rule, to `shadows`; a rule that
    fails matches, and its id is appended to `failed`. It reads the request by position.
    """

    def __init__(self, normal: Callable[[Rule], Condition]) -> None:
        self.slots: dict[Slot, int] = {}
        self._normal = normal
        self._written: dict[tuple[object, ...], _RuleText] = {}

    def function(self, policy: Policy, rules: Sequence[Rule]) -> str:
        """Return the source of a function that evaluates *rules* and nothing else."""
        texts = [self._rule(policy, rule) for rule in rules]
        read = frozenset[str]().union(*(text.read for text in texts))
        return "\n".join([_HEAD, *_loads(read), *(line for text in texts for line in text.lines), ""])

    def entry(self, policy: Policy, rules: Sequence[Rule], tables: Sequence[tuple[str, ...]], *, typed: bool) -> str:
        """
        Return the source of the function that evaluates a policy: *rules*, then the groups that its *tables* have.

        A table is named by the signals that it is looked up by; *typed*, if groups read free attributes. The function
        returns the required signals that are absent, in alphabetical order.
        """
        texts = [self._rule(policy, rule) for rule in rules]
        required = [_required(policy, signal) for signal in sorted(policy.required_signals)]
        read = frozenset(signal for signals in tables for signal in signals)
        read = read.union(*(text.read for text in (*texts, *required)))
        lines = [_HEAD, *_loads(read), *(line for text in texts for line in text.lines)]
        lines += [*_groups(tables, typed=typed), "    missing = []"]
        return "\n".join([*lines, *(line for text in required for line in text.lines), "    return tuple(missing)", ""])

    def _rule(self, policy: Policy, rule: Rule) -> _RuleText:
        condition = self._normal(rule)
        attributes = {one.signal for one in checks(condition) if one.signal.startswith("attributes.")}
        # By identity: the policies that have a rule share the object, and outlive this generator.
        key = (
            id(rule),
            policy.supported_languages,
            *((name, policy.attributes[name.removeprefix("attributes.")]) for name in sorted(attributes)),
        )
        text = self._written.get(key)
        if text is None:
            text = self._written[key] = _write(ExpressionWriter(policy, condition, self.slots), rule, condition)
        return text


def _write(writer: ExpressionWriter, rule: Rule, condition: Condition) -> _RuleText:
    """Return the lines that evaluate *rule*."""
    target = "shadows" if rule.shadow else "hits"
    said = f"{rule.reason!r}, {rule.id!r}, {rule.message!r}"
    raised, asked = max(rule.tier, Tier.HUMAN_IN_THE_LOOP), int(rule.escalation)
    active = [f"now >= {rule.since_us}"] if rule.since_us is not None else []
    active += [f"now < {rule.until_us}"] if rule.until_us is not None else []
    lines = [
        f"try:  # {rule.id}",
        *(f"    {load}" for load in writer.attribute_loads()),
        f"    if {writer.truth(condition)}:",
        f"        {target}.append(Reason({said}, {rule.tier:d}, {asked}, ({writer.comparisons(condition)})))",
        "except Exception:",
        f"    {target}.append(Reason({said}, {raised:d}, {asked}, ()))",
        f"    failed.append({rule.id!r})",
    ]
    if not active:
        return _RuleText(tuple(f"    {line}" for line in lines), frozenset(writer.read))
    head = f"    if {' and '.join(active)}:"
    return _RuleText((head, *(f"        {line}" for line in lines)), frozenset({*writer.read, "now"}))


def _loads(read: frozenset[str]) -> list[str]:
    return [f"    {name} = {_DERIVED.get(name) or f'r[{POSITIONS[name]}]'}" for name in sorted(read)]


def _required(policy: Policy, signal: str) -> _RuleText:
    """Return the lines that note the absence of a required *signal*; a number that is NaN is absent."""
    name = signal.removeprefix("attributes.")
    is_attribute = name != signal
    value = "attribute" if is_attribute else signal
    loads = [f"    attribute = (r[{POSITIONS['attributes']}] or {{}}).get({name!r})"] if is_attribute else []
    nan = f" or {value} != {value}" if signal_of(policy, signal).kind == "number" else ""
    lines = (*loads, f"    if {value} is None{nan}:", f"        missing.append({signal!r})")
    return _RuleText(lines, frozenset() if is_attribute else frozenset({signal}))


def _groups(tables: Sequence[tuple[str, ...]], *, typed: bool) -> list[str]:
    """Return the lines that evaluate the groups of this request's own values."""
    if not tables:
        return []
    keys = [signals[0] if len(signals) == 1 else f"({', '.join(signals)})" for signals in tables]
    looked_up = [f"table_{number}[{key}]" for number, key in enumerate(keys)]
    several = ", ".join(f"*{one}" for one in looked_up)
    lines = [f"found = {looked_up[0] if len(tables) == 1 else f'({several})'}"]
    if typed:
        attributes = f"r[{POSITIONS['attributes']}]"
        lines += [f"if {attributes}:", f"    found = checked({attributes}, found)"]
    lines += ["for evaluate in found:", f"    evaluate{_CALL}"]
    for reasons in ("hits", "shadows"):
        lines += [f"if found and len({reasons}) > 1:", f"    order({reasons})"]
    return [f"    {line}" for line in lines]
