"""Escalation quality, rule by rule."""

from itertools import permutations

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
