"""Functions that are made when they are needed, and the tables that find them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from oversight.engine.compile import compile_policies
from oversight.engine.decide import decide
from oversight.engine.decision import Reason, Tier
from oversight.engine.groups import Groups, GroupTable, put_in_order
from oversight.engine.policy import All, Policy, Rule
from oversight.engine.request import ServerFacts
from oversight.engine.snapshot import Snapshot
from unit.engine.examples import a_policy, a_request, a_rule, check
from unit.engine.worlds_decided import KEYS, snapshot_of

INTENTS = ("refund", "thanks", "complaint")


def for_intent(intent: str, **changes: Any) -> Rule:
    """Return a rule that matches one intent."""
    return a_rule(f"for_{intent}", check("intent", "equals", intent), **changes)


def with_gold(intent: str, **changes: Any) -> Rule:
    """Return a rule that matches one intent of customers who are gold."""
    when = All((check("intent", "equals", intent), check("attributes.gold", "equals", True)))
    return a_rule(f"gold_{intent}", when, **changes)


def indexed(*rules: Rule) -> Snapshot:
    """Return the snapshot of a policy whose rules are all indexed."""
    policy = a_policy(*rules, intents=frozenset(INTENTS), attributes={"gold": "bool"})
    return snapshot_of({policy.name: policy}, least_indexed=0)


def ids(snapshot: Snapshot, **request: object) -> list[str]:
    """Return the rules that match."""
    return [one.rule_id for one in decide(snapshot, a_request(**request), ServerFacts(), KEYS).reasons]


def test_functions_are_made_when_they_are_first_needed() -> None:
    """Loading thousands at once would be a pause for every caller."""
    snapshot = indexed(*map(for_intent, INTENTS))
    assert 0 == len(snapshot.groups.made)
    assert ["for_thanks"] == ids(snapshot, intent="thanks")
    made = dict(snapshot.groups.made)
    assert 1 == len(made)
    assert ["for_thanks"] == ids(snapshot, intent="thanks")
    assert made == snapshot.groups.made


@pytest.mark.parametrize("intent", ["unheard_of", None, ""])
def test_requests_cannot_make_a_table_grow(intent: str | None) -> None:
    """Whoever sends a new intent with every call must not fill the memory."""
    snapshot = indexed(*map(for_intent, INTENTS))
    ids(snapshot, intent=intent)
    (table,) = snapshot.policies["contact_centre"].tables
    assert {} == table


def test_a_table_answers_what_no_rule_names_with_nothing() -> None:
    """And makes nothing for it."""
    groups = Groups(b"", ())
    assert () == GroupTable({}, groups)["unheard_of"]
    assert {} == groups.made


def test_reasons_of_groups_stand_in_the_order_of_replies() -> None:
    """Tier, then escalation, then id: never where a rule was found."""
    everywhere = [a_rule("b_everywhere", tier="in"), a_rule("d_everywhere", tier="as"), a_rule("a_shadow", shadow=True)]
    rules = [for_intent("thanks", tier="as"), for_intent("refund"), a_rule("c", check("channel", "equals", "chat"))]
    shadow = for_intent("thanks", shadow=True, tier="as")
    snapshot = indexed(*everywhere, *rules, a_rule("z_shadow", shadow.when, "as", shadow=True))
    decision = decide(snapshot, a_request(intent="thanks", channel=1), ServerFacts(), KEYS)
    expected = ["d_everywhere", "for_thanks", "b_everywhere", "c"]
    assert expected == [one.rule_id for one in decision.reasons]
    assert ["z_shadow", "a_shadow"] == [one.rule_id for one in decision.shadow_reasons]


def test_ordering_is_that_of_replies() -> None:
    """Strongest first; ids only decide between equals."""

    def reason(rule_id: str, tier: int, escalation: int) -> Reason:
        return Reason("", rule_id, "", tier, escalation, ())

    expected = [reason("z", 3, 3), reason("y", 3, 1), reason("a", 2, 2), reason("b", 2, 2), reason("a", 1, 3)]
    mixed = [expected[3], expected[1], expected[4], expected[0], expected[2]]
    put_in_order(mixed)
    assert expected == mixed


def test_an_attribute_of_the_wrong_type_fails_rules_of_every_intent() -> None:
    """As it does without an index: a failure is never lost, it means more human."""
    snapshot = indexed(with_gold("refund", tier="on"), with_gold("thanks", tier="on"), for_intent("thanks"))
    decision = decide(snapshot, a_request(intent="thanks", attributes={"gold": "yes"}), ServerFacts(), KEYS)
    assert ["for_thanks", "gold_refund", "gold_thanks", "policy_error"] == [one.rule_id for one in decision.reasons]
    assert Tier.HUMAN_IN_THE_LOOP == decision.tier


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"gold": True}, ["gold_thanks"]),
        ({"gold": False}, ["routine"]),
        ({"other": "yes"}, ["routine"]),
        ({}, ["routine"]),
    ],
)
def test_attributes_of_the_right_type_are_nothing_special(attributes: dict[str, object], expected: list[str]) -> None:
    """Only rules of the request's own intent are looked at."""
    snapshot = indexed(with_gold("refund"), with_gold("thanks"))
    assert expected == ids(snapshot, intent="thanks", attributes=attributes)
    assert 1 == len(snapshot.groups.made)


def test_a_rule_of_several_intents_fails_once() -> None:
    """One reason, however many intents it names."""
    when = All((check("intent", "in", ("refund", "thanks")), check("attributes.gold", "equals", True)))
    snapshot = indexed(a_rule("both", when), a_rule("other", check("intent", "in", ("refund", "thanks"))))
    assert ["both", "other"] == ids(snapshot, intent="thanks", attributes={"gold": True})
    assert ["both", "other", "policy_error"] == ids(snapshot, intent="thanks", attributes={"gold": "yes"})
    assert ["both", "policy_error", "unknown_intent"] == ids(snapshot, intent="else", attributes={"gold": "yes"})


def test_a_rule_that_can_never_match_can_still_fail() -> None:
    """An author's slip must not hide a caller's."""
    never = All((check("intent", "equals", "refund"), check("intent", "equals", "thanks"), with_gold("refund").when))
    snapshot = indexed(a_rule("never", never))
    assert ["routine"] == ids(snapshot, intent="refund", attributes={"gold": True})
    assert ["never", "policy_error"] == ids(snapshot, intent="thanks", attributes={"gold": 1})


def parent_and_child() -> dict[str, Policy]:
    """A policy of three rules and one that extends it by one more."""
    parent = a_policy(*(for_intent(one, policy="contact_centre") for one in INTENTS), intents=frozenset(INTENTS))
    own = a_rule("own", check("intent", "equals", "thanks"), policy="shop")
    child = a_policy(*parent.rules, own, name="shop", lineage=("shop", "contact_centre"), intents=parent.intents)
    return {parent.name: parent, child.name: child}


def test_policies_share_the_groups_that_one_has_from_the_other() -> None:
    """Twenty departments that extend a policy of 10,000 rules must not make 200,000 of them."""
    blueprint = compile_policies(parent_and_child(), least_indexed=0)
    assert 4 == len(blueprint["groups"]["ends"])
    snapshot = snapshot_of(parent_and_child(), least_indexed=0)
    assert ["for_thanks"] == ids(snapshot, intent="thanks")
    assert ["for_thanks", "own"] == ids(snapshot, intent="thanks", department="shop")
    assert 2 == len(snapshot.groups.made)


def test_an_attribute_more_is_no_other_group() -> None:
    """A department that declares one of its own has its parent's rules all the same."""
    policies = parent_and_child()
    policies["shop"] = replace(policies["shop"], attributes={"gold": "bool"})
    assert 4 == len(compile_policies(policies, least_indexed=0)["groups"]["ends"])


def test_sources_are_there_for_people() -> None:
    """What runs can be read, as long as it is at hand."""
    program = indexed(*map(for_intent, INTENTS)).policies["contact_centre"]
    assert 3 == len(program.group_sources)
    assert "try:  # for_refund" in program.group_sources[0] + program.group_sources[1] + program.group_sources[2]
    assert () == Groups(b"", ()).sources((1, 2))


def test_a_number_too_large_for_its_type_makes_a_rule_fail_and_not_the_decision() -> None:
    """No request may leave a caller without an answer."""
    when = All((check("intent", "equals", "refund"), check("attributes.score", "above", 0.5)))
    policy = a_policy(a_rule("scored", when), intents=frozenset(INTENTS), attributes={"score": "double"})
    request = a_request(intent="thanks", attributes={"score": 10**400})
    plain, found = (
        decide(snapshot_of({policy.name: policy}, least_indexed=least), request, ServerFacts(), KEYS)
        for least in (1000, 0)
    )

    assert ["policy_error", "scored"] == sorted(one.rule_id for one in found.reasons)
    assert plain == found
