"""Inheritance: what adds up, what is replaced, and what may only become stricter."""

from __future__ import annotations

from dataclasses import replace

import pytest

from oversight.engine.decision import OnExpiry, Tier
from oversight.engine.policy import TierTerms

PARENT = (
    "policy: contact_centre\n"
    "version: '1'\n"
    "intents: [order_status, complaint]\n"
    "required_signals: [intent, response_confidence]\n"
    "max_signal_age_s: 60\n"
    "supported_languages: [EN, de]\n"
    "attributes: {region: string}\n"
    "tiers: {human_in_the_loop: {review_sla_s: 120, on_expiry: transfer}}\n"
    "rules:\n"
    "  - {id: a, when: {language: {not_in: $supported_languages}}, tier: human_in_the_loop, reason: A, message: a}\n"
)


def family(written, parent=PARENT):
    return {"contact_centre.yaml": parent, "child.yaml": f"policy: child\nextends: contact_centre\n{written}\n"}


def test_a_child_that_says_nothing_is_its_parent(policies_of):
    """A department without wishes of its own is decided like any other."""
    policies = policies_of(family(""))
    parent, child = policies["contact_centre"], policies["child"]

    assert ("child", "contact_centre") == child.lineage
    assert parent == replace(child, name="contact_centre", version="1", lineage=("contact_centre",))


def test_a_child_adds_rules_and_signals_and_replaces_intents(policies_of):
    """That is all a department needs, and none of it makes the company's rules weaker."""
    child = policies_of(
        family(
            "intents: [card_lost]\nrequired_signals: [sentiment_score, intent]\nsupported_languages: [en]\n"
            "max_signal_age_s: 30\nattributes: {score: double, region: string}\n"
            "tiers: {human_in_the_loop: {review_sla_s: 30}, human_as_the_loop: {on_expiry: hold}}\n"
            "rules:\n"
            "  - {id: b, when: {intent: [card_lost, complaint]}, tier: human_in_the_loop, reason: B, message: b}"
        )
    )["child"]

    assert [("a", "contact_centre"), ("b", "child")] == [(rule.id, rule.policy) for rule in child.rules]
    assert {"card_lost"} == child.intents
    assert ("intent", "response_confidence", "sentiment_score") == child.required_signals
    assert ({"en"}, 30) == (child.supported_languages, child.max_signal_age_s)
    assert {"region": "string", "score": "double"} == child.attributes
    assert {
        Tier.HUMAN_IN_THE_LOOP: TierTerms(30, OnExpiry.TRANSFER),
        Tier.HUMAN_AS_THE_LOOP: TierTerms(None, OnExpiry.HOLD),
    } == child.tiers


LOOSER = {
    "max_signal_age_s: 61": "3:1: 61 is looser than the 60 s of the policy this one extends; lower it",
    "unknown_intent: allow": (
        "3:1: 'contact_centre' tightens unknown intents, and a policy that extends it cannot allow them"
    ),
    "unknown_department: tighten": "3:1: 'unknown_department' is only for a policy that extends no other",
    "supported_languages: [en, fr]": (
        "3:1: 'contact_centre' does not support fr, so a policy that extends it cannot either"
    ),
    "tiers: {human_in_the_loop: {review_sla_s: 121}}": (
        "3:29: 121 is looser than the 120 s of the policy this one extends; lower it"
    ),
    "tiers: {human_in_the_loop: {on_expiry: hold}}": (
        "3:29: 'hold' is looser than the 'transfer' of the policy this one extends; remove it"
    ),
    "attributes: {region: int}": ("3:14: the attribute 'region' is string in the policy this one extends, not int"),
}


@pytest.mark.parametrize(("written", "problem"), list(LOOSER.items()), ids=list(LOOSER))
def test_a_child_cannot_be_looser(problems_of, written, problem):
    """Else extending a policy would be the way round it."""
    assert [f"child.yaml:{problem}"] == problems_of(family(written))


def test_a_child_may_have_stricter_terms_of_a_review(policies_of):
    """Less time for it, and a transfer in place of a hold."""
    parent = PARENT.replace("on_expiry: transfer", "on_expiry: hold")
    written = "tiers: {human_in_the_loop: {review_sla_s: 120, on_expiry: transfer}}"

    terms = policies_of(family(written, parent))["child"].tiers[Tier.HUMAN_IN_THE_LOOP]
    assert TierTerms(120, OnExpiry.TRANSFER) == terms


def test_a_child_may_tighten_what_its_parent_allows(policies_of):
    """Stricter is always open."""
    parent = PARENT + "unknown_intent: allow\nunknown_department: allow\n"
    child = policies_of(family("unknown_intent: tighten", parent))["child"]

    assert (True, False) == (child.tighten_unknown_intent, child.tighten_unknown_department)


def test_fewer_languages_cannot_make_a_parents_rule_match_less(problems_of):
    """A rule for supported languages would lose those that the child takes away."""
    parent = PARENT.replace("not_in: $supported", "in: $supported")

    rule = "the rule 'a' of 'contact_centre' (contact_centre.yaml:10)"

    assert [
        f"child.yaml:3:1: fewer supported languages make {rule} match less; this policy can only be stricter"
    ] == problems_of(family("supported_languages: [en]", parent))


def test_the_same_languages_again_take_nothing_away(policies_of):
    """Repeating the parent is no narrowing."""
    parent = PARENT.replace("not_in: $supported", "in: $supported")

    assert {"en", "de"} == policies_of(family("supported_languages: [de, en]", parent))["child"].supported_languages


def test_a_childs_own_languages_serve_its_parents_rules(policies_of):
    """A parent without languages lets each department name its own."""
    parent = PARENT.replace("supported_languages: [EN, de]\n", "").replace("$supported_languages", "[en]")
    child = policies_of(family("supported_languages: [fr]", parent))["child"]

    assert {"fr"} == child.supported_languages


TOP = {
    "intents: [a, b, a]": "2:17: 'a' is listed twice; remove one",
    "intents: [a, '']": "2:14: 'intents', item 2, must not be empty",
    "intents: a": "2:1: 'intents' must be a list, not 'a'",
    "intents: []": "2:1: 'intents' must not be empty",
    "version: '1'": "1:1: 'intents' is missing: list what customers may want, or say unknown_intent: allow",
    "intents:": "2:1: 'intents' has no value; give it one or remove the line",
    "intents: [a]\nversion: 2026.1": "3:1: 'version' must be text (put it in quotes), not 2026.1",
    "intents: [a]\nintent: [b]": (
        "3:1: unknown key 'intent'; known here are attributes, breaker, constraints, description, extends, intents, "
        "max_signal_age_s, policy, required_signals, rules, supported_languages, thresholds, tiers, "
        "unknown_department, unknown_intent, version (did you mean 'intents'?)"
    ),
    "intents: [a]\nunknown_intent: alow": "3:1: 'unknown_intent' is tighten, allow, not 'alow' (did you mean 'allow'?)",
    "intents: [a]\nrequired_signals: [intnt]": "3:20: unknown signal 'intnt' (did you mean 'intent'?)",
    "intents: [a]\nrequired_signals: [intent, intent]": "3:28: 'intent' is listed twice; remove one",
    "intents: [a]\nrequired_signals: [labelled_outcomes]": (
        "3:20: 'labelled_outcomes' is added by the server and never absent; it need not be required"
    ),
    "intents: [a]\nrequired_signals: [attributes.x]": (
        "3:20: the attribute 'x' is not declared; add it under 'attributes' with its type (string, double, int, bool)"
    ),
    "intents: [a]\nsupported_languages: [en-GB]": (
        "3:23: 'supported_languages', item 1, must be the language alone, such as 'en' for every kind of English; "
        "'en-GB' is not"
    ),
    "intents: [a]\nsupported_languages: [en, EN]": "3:27: 'EN' is listed twice; remove one",
    "intents: [a]\nmax_signal_age_s: 0": "3:1: 'max_signal_age_s' must be more than 0, not 0",
    "intents: [a]\nattributes: {x: text}": "3:14: 'x' is string, double, int, bool, not 'text'",
    "intents: [a]\nattributes: {X: int}": (
        "3:14: 'X' must be small letters, digits and _, and start with a letter; 'X' is not"
    ),
    "intents: [a]\ntiers: {in_the_loop: {review_sla_s: 1}}": (
        "3:9: 'in_the_loop' is human_on_the_loop, human_in_the_loop, human_as_the_loop, not 'in_the_loop' "
        "(did you mean 'human_in_the_loop'?)"
    ),
    "intents: [a]\ntiers: {human_in_the_loop: {review_sla_s: 1.5}}": (
        "3:29: 'review_sla_s' must be a whole number, not 1.5"
    ),
    "intents: [a]\ntiers: {human_in_the_loop: {review_sla_s: 0}}": "3:29: 'review_sla_s' must be at least 1, not 0",
    "intents: [a]\ntiers: {human_in_the_loop: {review_sla_s: 31536001}}": (
        "3:29: 'review_sla_s' must be at most 31536000, not 31536001"
    ),
    "intents: [a]\nrules: {id: a}": "3:1: 'rules' must be a list, not keys and values",
    "intents: [a]\nrules: [a]": "3:9: 'rules', item 1, must hold keys and values, not 'a'",
    "intents: [a]\nversion: '" + "x" * 65 + "'": (
        "3:1: 'version' must have at most 64 characters, not '" + "x" * 56 + "..."
    ),
}  # fmt: skip


@pytest.mark.parametrize(("written", "problem"), list(TOP.items()), ids=[text[:50] for text in TOP])
def test_a_wrong_policy_is_told_where_and_how(problems_of, written, problem):
    """Every key of a policy file is checked; none is passed over."""
    assert [f"contact_centre.yaml:{problem}"] == problems_of(f"policy: contact_centre\n{written}\n")


def test_a_policy_may_list_no_intents_where_it_allows_any(policies_of):
    """A contact centre may start without an intent model."""
    policy = policies_of("policy: contact_centre\nunknown_intent: allow\n")["contact_centre"]

    assert (frozenset(), False) == (policy.intents, policy.tighten_unknown_intent)


def test_what_is_wrong_in_one_part_does_not_hide_what_is_wrong_in_another(problems_of):
    """All problems of a file in one run, also where one of them makes a part unreadable."""
    found = problems_of(
        "policy: contact_centre\nintents: order_status\nrequired_signals: [5, intnt]\nconstraints: [7, a < b]\n"
        "thresholds:\n  low: {default: x}\n"
        "rules:\n"
        "  - {id: a, when: {churn_risk: {below: $low}}, tier: human_in_the_loop, reason: A, message: a, odd: 1}\n"
        "  - {id: b, when: {chrn_risk: 1}, tier: 1, reason: A, message: a}\n"
        "  - {id: c, when: {intent: any_of_them, chrn_risk: 1}, tier: human_in_the_loop, reason: A, message: a}\n"
    )

    assert [
        "2:1", "3:20", "3:23", "4:15", "4:18", "4:18", "6:9", "8:96", "9:20", "9:35", "10:41",
    ] == [":".join(problem.split(":")[1:3]) for problem in found]  # fmt: skip
