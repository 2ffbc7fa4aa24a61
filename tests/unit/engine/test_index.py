"""What a condition requires of intent, department and channel, and the groups that follow from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from oversight.engine.conditions import normal_form
from oversight.engine.index import Group, Requirement, partition, read_requirement, required_values
from oversight.engine.policy import All, Check, Condition, Not, Rule, SupportedLanguages
from oversight.engine.policy import Any as AnyOf
from unit.engine.examples import a_rule, check

REFUND = check("intent", "equals", "refund")
CLAIMS = check("intent", "in", ("refund", "chargeback"))
VOICE = check("channel", "equals", "voice")
SHOP = check("department", "equals", "shop")
LATE = check("failed_turns", "at_least", 3)
GOLD = check("attributes.gold", "equals", True)


def required(condition: Condition) -> Mapping[str, set[object]]:
    """Return what a condition requires, as plain sets."""
    return {signal: set(values) for signal, values in required_values(normal_form(condition)).items()}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (REFUND, {"intent": {"refund"}}),
        (CLAIMS, {"intent": {"refund", "chargeback"}}),
        (VOICE, {"channel": {3}}),
        (check("channel", "in", ("chat", "email")), {"channel": {1, 2}}),
        (All((LATE, REFUND)), {"intent": {"refund"}}),
        (All((REFUND, VOICE, SHOP)), {"intent": {"refund"}, "channel": {3}, "department": {"shop"}}),
        (All((CLAIMS, check("intent", "in", ("refund", "thanks")))), {"intent": {"refund"}}),
        (All((REFUND, check("intent", "equals", "thanks"))), {"intent": set()}),
        (AnyOf((REFUND, check("intent", "equals", "thanks"))), {"intent": {"refund", "thanks"}}),
        (AnyOf((All((REFUND, VOICE)), All((REFUND, SHOP)))), {"intent": {"refund"}}),
        (All((LATE, AnyOf((All((REFUND, LATE)), CLAIMS)))), {"intent": {"refund", "chargeback"}}),
        (Not(check("intent", "not_equals", "refund")), {"intent": {"refund"}}),
        (Not(AnyOf((LATE, check("intent", "not_in", ("refund",))))), {"intent": {"refund"}}),
    ],
)
def test_what_a_condition_requires(condition: Condition, expected: Mapping[str, set[object]]) -> None:
    """With any other value, absent ones included, the condition cannot be true."""
    assert expected == required(condition)


@pytest.mark.parametrize(
    "condition",
    [
        LATE,
        Not(REFUND),
        check("intent", "not_in", ("refund",)),
        check("intent", "present", value=True),
        check("intent", "starts_with", "refund"),
        check("language", "equals", "en"),
        Check("language", "in", SupportedLanguages()),
        AnyOf((REFUND, LATE)),
        AnyOf((REFUND, VOICE)),
        All(()),
        AnyOf(()),
    ],
)
def test_a_condition_that_requires_nothing_of_them(condition: Condition) -> None:
    """It may be true anywhere, so it is evaluated everywhere."""
    assert {} == required(condition)


def many(signal: str, count: int) -> Check:
    """Return a check against so many values."""
    return check(signal, "in", tuple(f"v{number:03d}" for number in range(count)))


@pytest.mark.parametrize(
    ("condition", "signals", "keys"),
    [
        (REFUND, ("intent",), ("refund",)),
        (All((VOICE, REFUND)), ("intent", "channel"), (("refund", 3),)),
        (All((CLAIMS, VOICE)), ("intent", "channel"), (("chargeback", 3), ("refund", 3))),
        (All((REFUND, check("intent", "equals", "thanks"))), ("intent",), ()),
        (LATE, (), ((),)),
    ],
)
def test_the_keys_of_a_requirement(condition: Condition, signals: tuple[str, ...], keys: tuple[object, ...]) -> None:
    """The bare value of one signal, tuples of several."""
    expected = Requirement(signals, keys, may_fail=False)  # type: ignore[arg-type]  # keys of every kind
    assert expected == read_requirement(normal_form(condition))


def test_long_lists_do_not_multiply() -> None:
    """Sixty intents in sixty departments are not 3,600 keys: the shorter list decides alone."""
    requirement = read_requirement(normal_form(All((many("intent", 61), many("department", 60), VOICE))))
    assert ("department", "channel") == requirement.signals
    assert 60 == len(requirement.keys)


def test_one_list_may_be_as_long_as_it_is() -> None:
    """It takes as many keys as its author wrote values."""
    assert 1_000 == len(read_requirement(many("intent", 1_000)).keys)


def test_a_rule_that_reads_an_attribute_may_fail() -> None:
    """Of the wrong type, it counts as matched, whatever the intent."""
    assert read_requirement(normal_form(All((REFUND, GOLD)))).may_fail


def split(rules: Sequence[Rule], least_indexed: int = 0) -> tuple[list[str], list[list[str]]]:
    """Return the ids of the rules that are everywhere and of each group."""
    everywhere, groups = partition(
        rules, lambda rule: read_requirement(normal_form(rule.when)), least_indexed=least_indexed
    )
    return [rule.id for rule in everywhere], [[rule.id for rule in group.rules] for group in groups]


RULES = (
    a_rule("a", REFUND),
    a_rule("b", LATE),
    a_rule("c", CLAIMS),
    a_rule("d", REFUND),
    a_rule("e", All((REFUND, GOLD))),
    a_rule("f", REFUND, policy="shop"),
    a_rule("g", All((REFUND, VOICE))),
)


def test_rules_of_one_requirement_and_policy_are_a_group() -> None:
    """In the order in which they came."""
    assert (["b"], [["a", "d"], ["e"], ["f"], ["g"]]) == split([rule for rule in RULES if rule.id != "c"])


def test_a_rule_of_a_short_list_is_in_the_group_of_each_value() -> None:
    """One call for all rules of an intent is faster than one for each list that names it."""
    assert (["b"], [["a", "c", "d"], ["c"], ["e"], ["f"], ["g"]]) == split(RULES)


def test_a_rule_of_a_long_list_is_a_group_of_its_own() -> None:
    """Copies of it for each of a hundred intents would take the memory of a hundred rules."""
    rules = [a_rule("a", many("intent", 4)), a_rule("b", many("intent", 5)), a_rule("c", many("intent", 1))]
    assert ([], [["a", "c"], ["a"], ["a"], ["a"], ["b"]]) == split(rules)


def test_a_rule_that_may_fail_is_in_one_group() -> None:
    """Where it fails, the groups that may are evaluated: it must fail once."""
    assert ([], [["a"]]) == split([a_rule("a", All((CLAIMS, GOLD)))])


def test_few_rules_have_no_index() -> None:
    """Looking up is slower than evaluating a handful."""
    assert (["a", "b", "c", "d", "e", "f", "g"], []) == split(RULES, least_indexed=7)
    assert (["b"], 5) == (split(RULES, least_indexed=6)[0], len(split(RULES, least_indexed=6)[1]))
    assert (["c"], []) == split([a_rule("c", CLAIMS)], least_indexed=2)


def test_no_function_grows_beyond_bounds() -> None:
    """A function of thousands of rules is a pause when it is loaded."""
    everywhere, groups = split([a_rule(f"r{number:03d}", LATE) for number in range(600)])
    assert [256, 256, 88] == [len(everywhere), *map(len, groups)]
    everywhere, groups = split([a_rule(f"r{number:03d}", REFUND) for number in range(300)])
    assert [0, 256, 44] == [len(everywhere), *map(len, groups)]


def test_what_is_too_much_for_one_function_is_evaluated_everywhere() -> None:
    """A group without signals has one key, which every request has."""
    _, groups = partition([a_rule(f"r{number:03d}", LATE) for number in range(257)], lambda _: read_requirement(LATE))
    assert [Group(Requirement((), ((),), may_fail=False), (a_rule("r256", LATE),))] == groups
