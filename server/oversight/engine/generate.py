"""Rules as Python source: one function per policy, built from checked parts only."""

from __future__ import annotations

from collections.abc import Sequence

from oversight.engine.conditions import checks, normal_form, parts_of
from oversight.engine.decision import Tier
from oversight.engine.limits import Slot
from oversight.engine.policy import All, Check, Condition, Literal, Policy, Rule, ThresholdRef
from oversight.engine.request import Request
from oversight.engine.signals import ATTRIBUTE_TYPES, SIGNALS, Signal

__all__ = ["LANGUAGES_SOURCE", "generate", "signal_of"]

LANGUAGES_SOURCE = "policy supported_languages"
"""The limit source of a comparison with the policy's supported languages."""

_SYMBOLS = {"below": "<", "at_most": "<=", "above": ">", "at_least": ">="}
_UNEQUAL = ("not_equals", "not_in")
_POSITIONS = {name: number for number, name in enumerate(Request._fields)}
_DERIVED = {
    "intent_margin": f"margin(r[{_POSITIONS['intent_confidence']}], r[{_POSITIONS['intent_runner_up_confidence']}])",
    "signal_age_s": f"age_s(r[{_POSITIONS['signal_time_us']}], now)",
    "labelled_outcomes": "facts.labelled_outcomes",
    "primary_language": f"primary(r[{_POSITIONS['language']}])",
}


def signal_of(policy: Policy, name: str) -> Signal:
    """Return the signal *name*, also where it is a free attribute that *policy* declares."""
    if name.startswith("attributes."):
        kind = ATTRIBUTE_TYPES[policy.attributes[name.removeprefix("attributes.")]]
        return Signal(name, kind, "free attribute")
    return SIGNALS[name]


def generate(policy: Policy, rules: Sequence[Rule]) -> tuple[str, tuple[Slot, ...]]:
    """
    Return the source of one function that evaluates *rules*, and the limits that it reads.

    The function appends the `Reason` of every rule that matches to `hits` or, of a shadow rule, to `shadows`; a rule
    that fails matches, and its id is appended to `failed`. It returns the required signals that are absent, in
    alphabetical order. It reads the request by position; every text in it is the `repr` of a checked value.
    """
    writer = _Writer(policy)
    body = [line for rule in rules for line in writer.rule(rule)]
    missing = [line for signal in sorted(policy.required_signals) for line in writer.required(signal)]
    head = [
        "def rules(r, limits, sources, facts, hits, shadows, failed):",
        f"    now = r[{_POSITIONS['decided_at_us']}]",
    ]
    loads = [f"    {name} = {_DERIVED.get(name) or f'r[{_POSITIONS[name]}]'}" for name in sorted(writer.read)]
    lines = [*head, *loads, *body, "    missing = []", *missing, "    return tuple(missing)", ""]
    return "\n".join(lines), tuple(writer.slots)


class _Writer:
    """Writes rules and keeps account of the signals and limits that they read."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._attributes = {f"attributes.{name}": f"attribute_{n}" for n, name in enumerate(sorted(policy.attributes))}
        self._languages = tuple(sorted(policy.supported_languages or ()))
        self.slots: dict[Slot, int] = {}
        self.read: set[str] = set()

    def required(self, signal: str) -> list[str]:
        """Return the lines that note the absence of a required *signal*; a number that is NaN is absent."""
        name = signal.removeprefix("attributes.")
        if name != signal:
            value = self._variable(signal)
            loads = [f"    {value} = (r[{_POSITIONS['attributes']}] or {{}}).get({name!r})"]
        else:
            value, loads = self._variable(signal), []
        nan = f" or {value} != {value}" if signal_of(self._policy, signal).kind == "number" else ""
        return [*loads, f"    if {value} is None{nan}:", f"        missing.append({signal!r})"]

    def rule(self, rule: Rule) -> list[str]:
        """Return the lines that evaluate *rule*."""
        condition = normal_form(rule.when)
        target = "shadows" if rule.shadow else "hits"
        said = f"{rule.reason!r}, {rule.id!r}, {rule.message!r}"
        raised, asked = max(rule.tier, Tier.HUMAN_IN_THE_LOOP), int(rule.escalation)
        active = [f"now >= {rule.since_us}"] if rule.since_us is not None else []
        active += [f"now < {rule.until_us}"] if rule.until_us is not None else []
        lines = [
            f"try:  # {rule.id}",
            *(f"    {load}" for load in self._attribute_loads(condition)),
            f"    if {self._truth(condition)}:",
            f"        {target}.append(Reason({said}, {rule.tier:d}, {asked}, ({self._comparisons(condition)})))",
            "except Exception:",
            f"    {target}.append(Reason({said}, {raised:d}, {asked}, ()))",
            f"    failed.append({rule.id!r})",
        ]
        if not active:
            return [f"    {line}" for line in lines]
        return [f"    if {' and '.join(active)}:", *(f"        {line}" for line in lines)]

    def _attribute_loads(self, condition: Condition) -> list[str]:
        # Before the rule's condition: a value of the wrong type must fail the rule, not quietly differ from a literal.
        signals = sorted({check.signal for check in checks(condition)} & self._attributes.keys())
        names = [signal.removeprefix("attributes.") for signal in signals]
        return [
            f"{self._attributes[signal]} = attribute(r[{_POSITIONS['attributes']}], {name!r}, "
            f"{self._policy.attributes[name]!r})"
            for signal, name in zip(signals, names, strict=True)
        ]

    def _variable(self, signal: str) -> str:
        if signal in self._attributes:
            return self._attributes[signal]
        self.read.add(signal)
        return signal

    def _slot(self, check: Check, reference: ThresholdRef) -> int:
        signal = signal_of(self._policy, check.signal)
        slot = Slot(reference.name, reference.offset, signal.low, signal.high, whole=signal.kind == "count")
        return self.slots.setdefault(slot, len(self.slots))

    def _truth(self, condition: Condition) -> str:
        if isinstance(condition, Check):
            return self._check(condition)
        parts = [self._truth(part) for part in parts_of(condition)]
        word, empty = (" and ", "True") if isinstance(condition, All) else (" or ", "False")
        return f"({word.join(parts)})" if parts else empty

    def _comparisons(self, condition: Condition) -> str:
        if isinstance(condition, Check):
            return self._comparison(condition) + ", "
        if isinstance(condition, All):
            return "".join(self._comparisons(part) for part in condition.parts)
        return "".join(
            f"*(({self._comparisons(part)}) if {self._truth(part)} else ()), " for part in parts_of(condition)
        )

    def _comparison(self, check: Check) -> str:
        signal = signal_of(self._policy, check.signal)
        seen = self._variable(check.signal)
        if signal.choices is not None:
            seen = f"choice_names[{check.signal!r}].get({seen}, {seen})"
        if check.operator == "present" and check.operand == Literal(value=False):
            seen = "None"  # also where the value is a NaN: that is no value
        match check.operand:
            case ThresholdRef() as reference:
                slot = self._slot(check, reference)
                limit, source = f"limits[{slot}]", f"sources[{slot}]"
            case Literal(value):
                limit, source = repr(value), "'literal'"
            case _:
                limit, source = repr(self._languages), repr(LANGUAGES_SOURCE)
        return f"Comparison({check.signal!r}, {seen}, {check.operator!r}, {limit}, {source})"

    def _check(self, check: Check) -> str:
        signal = signal_of(self._policy, check.signal)
        x = self._variable(check.signal)
        match check.operand:
            case ThresholdRef() as reference:
                return f"({x} is not None and {x} {_SYMBOLS[check.operator]} limits[{self._slot(check, reference)}])"
            case Literal(value) if check.operator == "present":
                # A number that is NaN is no value, as an absent signal is none.
                present = f"{x} is not None and {x} == {x}" if signal.kind == "number" else f"{x} is not None"
                return f"({present})" if value else f"(not ({present}))"
            case Literal(value):
                values = value if isinstance(value, tuple) else (value,)
                literals = [repr(signal.choices[str(one)] if signal.choices else one) for one in values]
                # Of the comparisons of a number, NaN makes only these true.
                number = f"{x} == {x} and " if signal.kind == "number" and check.operator in _UNEQUAL else ""
                return f"({x} is not None and {number}{_compare(x, check.operator, literals)})"
            case _:
                languages = [repr(language) for language in self._languages]
                return (
                    f"({x} is not None and {_compare(self._variable('primary_language'), check.operator, languages)})"
                )


def _compare(x: str, operator: str, literals: list[str]) -> str:
    """Return the comparison of the present value *x* with *literals* as an expression."""
    match operator:
        case "equals":
            return f"{x} == {literals[0]}"
        case "not_equals":
            return f"{x} != {literals[0]}"
        case "in":
            return f"{x} in {{{', '.join(literals)}}}" if literals else "False"
        case "not_in":
            return f"{x} not in {{{', '.join(literals)}}}" if literals else "True"
        case "starts_with":
            return f"{x}.startswith({literals[0]})"
        case "not_starts_with":
            return f"not {x}.startswith({literals[0]})"
        case "contains" | "contains_any":
            return f"({' or '.join(f'{literal} in {x}' for literal in literals) or 'False'})"
        case "not_contains" | "not_contains_any":
            return f"not ({' or '.join(f'{literal} in {x}' for literal in literals) or 'False'})"
        case _:
            return f"{x} {_SYMBOLS[operator]} {literals[0]}"
