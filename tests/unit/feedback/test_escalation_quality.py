"""Escalation quality, rule by rule."""

from itertools import permutations

import numpy as np
import pytest

from oversight.feedback.escalation_quality import JudgedDecision, RuleQuality, escalation_quality
from oversight.feedback.intervals import exact_interval


def judged(needed: bool, asked: str = "", matched: str = "") -> JudgedDecision:
    return JudgedDecision(needed, frozenset(asked.split()), frozenset(f"{asked} {matched}".split()))


DECISIONS = [
    judged(True, asked="angry"),
    judged(False, asked="angry"),
    judged(False, asked="angry"),
    judged(True, matched="low_confidence"),
    judged(False, matched="low_confidence"),
    judged(True, asked="angry", matched="low_confidence"),
    judged(False, asked="angry", matched="low_confidence"),
    judged(True),
    judged(False),
    judged(False),
]


def test_every_rule_has_its_confusion_matrix() -> None:
    """It tells a policy owner which rule to change; what no rule saw counts for routine."""
    expected = (
        RuleQuality("angry", needed=2, unneeded=3, missed=0, rightly_left=0, covered=0, overruled=0),
        RuleQuality("low_confidence", needed=0, unneeded=0, missed=1, rightly_left=1, covered=1, overruled=1),
        RuleQuality("routine", needed=0, unneeded=0, missed=1, rightly_left=2, covered=0, overruled=0),
    )
    assert expected == escalation_quality(DECISIONS)


def test_shares_come_with_their_interval_or_not_at_all() -> None:
    """A rule that never asked has no share of needed escalations."""
    angry, low_confidence, routine = escalation_quality(DECISIONS)
    assert (2 / 5, *exact_interval(2, 5)) == angry.needed_share
    assert angry.missed_share is None
    assert low_confidence.needed_share is None
    assert (1 / 3, *exact_interval(1, 3)) == routine.missed_share


def test_the_order_of_decisions_changes_nothing() -> None:
    """Rows come in any order."""
    assert 1 == len({escalation_quality(order) for order in permutations(DECISIONS[:5])})


def test_an_audit_rate_elsewhere_takes_nothing_from_a_rule_of_which_all_was_judged() -> None:
    """In the loop each decision is judged: 128 of them say more than the 6 that a rate of 5 % would leave."""
    reviewed = [JudgedDecision(n % 4 == 0, frozenset({"r"}), frozenset({"r"}), 1.0, n / 128) for n in range(128)]
    audited = [JudgedDecision(False, frozenset(), frozenset(), 0.05, n / 50) for n in range(50)]
    rule, routine = escalation_quality([*reviewed, *audited])
    assert ("r", 32, 96, 50) == (rule.rule_id, rule.needed, rule.unneeded, routine.rightly_left)


def test_a_rule_of_which_nothing_could_be_judged_shows_nothing() -> None:
    """A chance of 0 is no sample."""
    [rule] = escalation_quality([JudgedDecision(True, frozenset(), frozenset({"r"}), 0.0, 0.0)])
    assert (0, 0) == (rule.missed, rule.rightly_left)


def test_shares_are_the_true_ones_however_unequally_decisions_are_judged() -> None:
    """A rule's decisions are reviewed where people are needed, and audited at 10 % where they mostly are not."""
    rng = np.random.default_rng(1)
    missed = asked = right = needed = 0
    raw: list[bool] = []
    for _ in range(40):
        made = []
        for _ in range(2_000):
            inside = rng.random() < 0.3
            needs, chance = bool(rng.random() < (0.5 if inside else 0.02)), 1.0 if inside else 0.1
            if rng.random() < chance:
                made.append(JudgedDecision(needs, frozenset(), frozenset({"mixed"}), chance, float(rng.random())))
        raw += [one.needed for one in made]
        made += [
            JudgedDecision(bool(rng.random() < 0.3), frozenset({"all"}), frozenset({"all"}), 1.0, float(rng.random()))
            for _ in range(100)
        ]
        every, mixed = escalation_quality(made)
        missed, right = missed + mixed.missed, right + mixed.rightly_left
        needed, asked = needed + every.needed, asked + every.needed + every.unneeded
    truth = 0.3 * 0.5 + 0.7 * 0.02
    assert 4_000 == asked
    assert pytest.approx(0.3, abs=0.03) == needed / asked
    assert pytest.approx(truth, abs=0.015) == missed / (missed + right)
    assert sum(raw) / len(raw) > 2 * truth, "unthinned it would be far off"
