"""The sums of a simulation."""

from __future__ import annotations

from oversight.feedback.signs import Sign
from oversight.simulation.conduct import Change, Conduct
from oversight.simulation.tally import SaidRate, Tally, Told
from oversight_client.enums import Tier
from unit.simulation.scenes import a_scenario

ON = Tier.HUMAN_ON_THE_LOOP
SAID = SaidRate(0.05, 0.02, 0.09, 100, "MEASURED")
CHANGE = Change(from_day=15, intents=["order_status"], to=Conduct(repeat_rate=0.2))


def told(sign: Sign = Sign.REPEAT_CONTACT_RISES, intent: str | None = "order_status") -> Told:
    """Return a warning."""
    return Told(sign, intent, None, "WARN", "words")


def test_the_truth_of_the_last_ninety_days_stands_beside_what_is_said() -> None:
    """The service's rate is about those days, too."""
    tally = Tally(a_scenario(days=100))
    for day in (5, 10, 99):
        for wrong in (True, False, False, False):
            tally.add_decision(day, ON, wrong=wrong)

    beside = tally.beside_truth(ON, SAID)

    assert (8, 0.25, False) == (beside.decisions, beside.true_rate, beside.covered)
    assert tally.beside_truth(Tier.HUMAN_IN_THE_LOOP, SAID).covered is None
    assert 12 == tally.messages


def test_a_sign_counts_once_from_the_end_of_the_warm_up() -> None:
    """Before, the service has nothing to compare with."""
    tally = Tally(a_scenario(CHANGE, expected=["repeat_contact_rises"]))
    tally.add_warnings(9, [told()])
    assert (Sign.REPEAT_CONTACT_RISES,) == tally.missed

    tally.add_warnings(20, [told()])
    tally.add_warnings(21, [told()])

    assert [(20, True)] == [(one.day, one.expected) for one in tally.found]
    assert [] == list(tally.missed)
    assert 0 == tally.false_alarms


def test_what_the_scenario_does_not_have_is_a_false_alarm() -> None:
    """Another sign, another intent, or the right one before anything changed."""
    tally = Tally(a_scenario(CHANGE, expected=["repeat_contact_rises"]))
    tally.add_warnings(12, [told()])
    tally.add_warnings(20, [told(intent="refund_request"), told(Sign.CSAT_FALLS), told(intent=None)])
    for number in range(6):
        tally.add_outcome(9 + number, 9, "order_status", {"outcome_id": str(number)})

    assert [False, False, True, False] == [one.expected for one in tally.found]
    assert (3, 5, 6) == (tally.false_alarms, tally.outcomes_after_warm_up, tally.outcomes)
    assert 3 * 3_000 / 5 == tally.false_alarms_per_3000
    assert Tally(a_scenario()).false_alarms_per_3000 is None


def test_outcomes_until_found_are_those_about_the_sign_since_the_change() -> None:
    """Others say nothing of it."""
    tally = Tally(a_scenario(CHANGE, expected=["repeat_contact_rises"]))
    tally.add_outcome(20, 14, "order_status", {"repeat_contact": True})
    tally.add_outcome(20, 15, "refund_request", {"repeat_contact": True})
    tally.add_outcome(20, 15, "order_status", {"csat": 4.0})
    for _ in range(3):
        tally.add_outcome(23, 15, "order_status", {"repeat_contact": False})

    tally.add_warnings(23, [told()])

    assert [3] == [one.outcomes for one in tally.found]
