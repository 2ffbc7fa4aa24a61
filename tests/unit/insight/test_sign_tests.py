"""The daily test: each sign is raised by what it is about, in the place where it is so, and by nothing else."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oversight.errors import StoreUnavailableError
from oversight.feedback.signs import Sign, State
from oversight.insight.places import Found, Place
from oversight.insight.sign_tests import find_signs
from sign_evidence import DAY_US, TODAY, Days, MemoryEvidence, evidence_of, falling

QUIET = Days()
ORDERS = Place("acme", "orders")
CHANGE = Place("acme", "orders", "order_change")
ESCALATED = Sign.UNEXPECTED_ESCALATIONS


def raised(evidence: MemoryEvidence) -> dict[tuple[Sign, Place], State]:
    """Return the warnings of today."""
    found = find_signs(evidence, TODAY)
    return {(one.finding.sign, one.place): one.finding.state for one in found if one.finding.state.raised}


def the_finding(evidence: MemoryEvidence, sign: Sign, place: Place = CHANGE) -> Found:
    return next(one for one in find_signs(evidence, TODAY) if (one.finding.sign, one.place) == (sign, place))


def test_quiet_days_raise_nothing() -> None:
    """A sign that cries every day is looked at by nobody; and it was tested, not passed over."""
    quiet = evidence_of(QUIET, Days(intent="order_change"))

    assert {} == raised(quiet)
    states = {one.finding.sign: one.finding.state for one in find_signs(quiet, TODAY) if one.place in (CHANGE, ORDERS)}
    assert dict.fromkeys(Sign, State.OK) == states


def test_satisfaction_that_falls_while_volume_rises_is_critical() -> None:
    """In the intent, and in the department with that intent's weight in it."""
    found = raised(evidence_of(QUIET, falling()))

    assert State.CRITICAL == found.pop((Sign.CSAT_FALLS, CHANGE))
    assert {(Sign.CSAT_FALLS, ORDERS): State.WARN} == found


def test_satisfaction_that_falls_without_more_volume_is_no_warning() -> None:
    """Both have to be shown."""
    same_volume = Days(intent="order_change", score=lambda ago: 3.8 if ago <= 14 else 4.3)

    assert {} == raised(evidence_of(QUIET, same_volume))


def test_satisfaction_is_found_to_fall_although_outcomes_come_days_later() -> None:
    """Days of which little is known yet are no days on which little was to do: they would hide every rise in volume."""
    late = Days(
        intent="order_change",
        decisions=lambda ago: 60 if ago <= 9 else 40,
        score=lambda ago: 3.25 if ago <= 9 else 4.25,
    )
    late.rows[:] = [
        row._replace(handled_by=None, csat=None) if row.decided_at_us >= (TODAY - 2) * DAY_US else row
        for row in late.rows
    ]

    assert State.CRITICAL == the_finding(evidence_of(QUIET, late), Sign.CSAT_FALLS).finding.state


def test_satisfaction_of_other_customers_is_biased() -> None:
    """Nobody may take a changed questionnaire for a changed service."""
    fewer = falling(answer=lambda ago: 0.3 if ago <= 14 else 0.6)

    assert State.BIASED == the_finding(evidence_of(fewer), Sign.CSAT_FALLS).finding.state


def test_repeat_contact_that_rises_is_found_among_mature_contacts() -> None:
    """Customers that come back cost twice, and only a week later is it known whether they did."""
    rising = Days(intent="order_change", repeat=lambda ago: 0.35 if ago <= 28 else 0.12)
    too_young = Days(intent="order_change", repeat=lambda ago: 0.9 if ago <= 9 else 0.12)

    assert {(Sign.REPEAT_CONTACT_RISES, CHANGE): State.CRITICAL} == raised(evidence_of(QUIET, rising))
    assert {} == raised(evidence_of(QUIET, too_young))


def test_a_repeat_rate_that_was_always_high_is_no_rise() -> None:
    """Above nine of ten there is no room for one; and a steady rate raises nothing."""
    high = evidence_of(Days(repeat=lambda _: 0.97), Days(intent="order_change", repeat=lambda _: 0.4))
    place = Place("acme", "orders", "order_status")

    assert State.INSUFFICIENT_DATA == the_finding(high, Sign.REPEAT_CONTACT_RISES, place).finding.state
    assert State.OK == the_finding(high, Sign.REPEAT_CONTACT_RISES).finding.state


def test_unexpected_escalations_are_found_by_intent_and_by_rule() -> None:
    """The rule tells a policy owner where to look."""
    rising = Days(intent="order_change", rule_id="low", unexpected=lambda ago: 0.08 if ago <= 14 else 0.02)

    assert {
        (Sign.UNEXPECTED_ESCALATIONS, CHANGE): State.CRITICAL,
        (Sign.UNEXPECTED_ESCALATIONS, Place("acme", "orders", None, "low")): State.CRITICAL,
    } == raised(evidence_of(QUIET, rising))


def late(days: Days, closed: Callable[[Random], float]) -> Days:
    """Return the same days as they are known today: escalations at once, other contacts when they are *closed*."""
    random = Random(7)  # noqa: S311 - to be repeatable
    days.rows = [
        row._replace(unexpected=None)
        if not row.unexpected and row.decided_at_us + closed(random) * DAY_US >= TODAY * DAY_US
        else row
        for row in days.rows
    ]
    return days


@pytest.mark.parametrize("seed", range(6))
def test_escalations_that_are_told_before_the_rest_are_no_rise(seed: int) -> None:
    """Of the newest days only the bad news has come: a constant rate was CRITICAL in busy places."""
    steady = late(Days(decisions=lambda _: 300, days=47, seed=seed), lambda random: random.uniform(2, 7))

    escalated = {place: state for (sign, place), state in raised(evidence_of(steady)).items() if sign is ESCALATED}
    assert {} == escalated


def test_escalations_that_rise_are_found_although_the_rest_is_told_days_later() -> None:
    """Leaving out the newest days costs days, and hides nothing."""
    rising = Days(intent="order_change", unexpected=lambda ago: 0.08 if ago <= 14 else 0.02)

    found = raised(evidence_of(late(rising, lambda random: random.uniform(2, 7))))

    assert found[Sign.UNEXPECTED_ESCALATIONS, CHANGE].raised


def test_a_rule_of_which_nothing_was_heard_for_weeks_is_not_known() -> None:
    """Its warning must not leave because outcomes stopped coming: what is not known clears nothing."""
    silent = Days(rule_id="low")
    silent.rows = [row for row in silent.rows if row.decided_at_us < (TODAY - 45) * DAY_US]
    place = Place("acme", "orders", None, "low")

    found = the_finding(evidence_of(silent), Sign.UNEXPECTED_ESCALATIONS, place)
    assert (State.INSUFFICIENT_DATA, 0) == (found.finding.state, found.finding.n)


def test_reviews_skipped_under_load_are_a_warning_and_with_rubber_stamps_critical() -> None:
    """Skipping what is due is how oversight ends without anybody having decided so."""
    skipped = Days(intent="order_change", done=lambda _, busy: 0.3 if busy else 1.0)
    stamped = Days(
        intent="order_change",
        done=lambda _, busy: 0.3 if busy else 1.0,
        caught=lambda _: 0.3,
        decisions=lambda _: 80,
    )

    assert State.WARN == raised(evidence_of(QUIET, skipped))[Sign.REVIEWS_SKIPPED, CHANGE]
    found = raised(evidence_of(QUIET, stamped))
    assert (State.CRITICAL, State.CRITICAL) == (
        found[Sign.REVIEWS_SKIPPED, CHANGE],
        found[Sign.REVIEWS_SKIPPED, ORDERS],
    ), "the department's reviewers are the same people"


def test_who_takes_over_has_looked() -> None:
    """A takeover says nothing of the draft, but it is no skipped review."""
    taken = Days(intent="order_change")
    taken.rows = [
        row if row.due_at_us is None else row._replace(loss=None, verdict=5, basis=None, labelled_at_us=None)
        for row in taken.rows
    ]

    assert 1.0 == the_finding(evidence_of(taken), Sign.REVIEWS_SKIPPED).finding.value


@pytest.mark.parametrize(
    ("days", "reason"),
    [
        (Days(intent="order_change", labelled=lambda _: False), "few_labels"),
        (Days(intent="order_change", labelled=lambda ago: ago > 15), "old_labels"),
        (Days(intent="order_change", model=lambda ago: "m2" if ago <= 10 else "m1"), "other_model"),
    ],
)
def test_an_error_rate_that_nobody_knows_is_critical(days: Days, reason: str) -> None:
    """For half the department's volume; and it is said which half."""
    found = the_finding(evidence_of(QUIET, days), Sign.ERROR_RATE_UNKNOWN, ORDERS)

    assert (State.WARN if reason == "other_model" else State.CRITICAL) == found.finding.state
    assert found.finding.details[reason] > 0.1
    assert ("order_change",) == found.worst


def test_two_model_versions_side_by_side_are_both_in_use() -> None:
    """A trial of a new version is no reason to know nothing of the old one."""
    both = evidence_of(Days(intent="order_change"), Days(intent="order_change", model=lambda _: "m2", seed=8))

    assert State.OK == the_finding(both, Sign.ERROR_RATE_UNKNOWN, ORDERS).finding.state


def test_human_led_decisions_have_no_error_rate_to_know() -> None:
    """People lead there; the AI's rate is not asked for."""
    led = Days(labelled=lambda _: False)
    led.decided = [one._replace(cell=one.cell._replace(tier=3)) for one in led.decided]
    led.rows = [one._replace(cell=one.cell._replace(tier=3)) for one in led.rows]

    assert State.INSUFFICIENT_DATA == the_finding(evidence_of(led), Sign.ERROR_RATE_UNKNOWN, ORDERS).finding.state


def test_a_place_without_enough_is_not_ok() -> None:
    """Nothing known is the first thing that a leader has to hear."""
    few = evidence_of(Days(decisions=lambda _: 1, days=20, done=lambda _, _busy: 0.0))
    states = {one.finding.sign: one.finding.state for one in find_signs(few, TODAY) if one.place.rule_id is None}

    assert dict.fromkeys(Sign, State.INSUFFICIENT_DATA) | {Sign.ERROR_RATE_UNKNOWN: State.CRITICAL} == states


def test_nothing_decided_is_nothing_found() -> None:
    """On the first day there is no place to test."""
    assert [] == find_signs(MemoryEvidence([], []), TODAY)


def test_today_and_what_is_older_than_thirteen_weeks_are_in_no_test() -> None:
    """The day is tested when it is over."""
    evidence = evidence_of(QUIET)

    assert find_signs(evidence, TODAY - 60) == []
    assert find_signs(evidence, TODAY + 91) == []
    assert find_signs(evidence, TODAY + 90) != []


def test_another_tenant_changes_nothing() -> None:
    """Neither by its numbers nor by how many tests it adds."""
    alone = find_signs(evidence_of(QUIET, falling()), TODAY)
    beside = find_signs(evidence_of(QUIET, falling(), *(falling(f"i{n}", tenant_id="other") for n in range(3))), TODAY)

    assert alone == [one for one in beside if one.place.tenant_id == "acme"]


def counted(intent: str, recent: int, before: int) -> Days:
    """Return an intent with just so many unexpected escalations among 560 decisions, and among 1,120 before."""
    days = Days(intent=intent, unexpected=lambda _: 0.0, days=47)
    newest_first = sorted(days.rows, key=lambda row: -row.decided_at_us)
    left_out = 5 * 40
    chosen = {*range(left_out, left_out + recent), *range(left_out + 560, left_out + 560 + before)}
    days.rows = [row._replace(unexpected=number in chosen) for number, row in enumerate(newest_first)]
    return days


def test_what_many_tests_explain_is_no_warning() -> None:
    """Of a hundred intents one is below .01 by chance; that is what judging them together is for."""
    alone, others = counted("order_change", 28, 29), [counted(f"quiet_{n}", 11, 22) for n in range(12)]

    assert {(Sign.UNEXPECTED_ESCALATIONS, CHANGE): State.WARN} == raised(evidence_of(alone))
    assert {} == raised(evidence_of(alone, *others))


def test_a_store_that_is_down_is_no_finding() -> None:
    """A failed test is never a quiet one."""
    evidence = evidence_of(QUIET)
    evidence.down = True

    with pytest.raises(StoreUnavailableError):
        find_signs(evidence, TODAY)


MIXED = evidence_of(
    Days(decisions=lambda _: 12, repeat=lambda ago: 0.3 if ago < 20 else 0.1), falling(days=45, rule_id="low")
)
EXPECTED = find_signs(MIXED, TODAY)


@settings(deadline=None, max_examples=8)
@given(st.integers(0, 2**32))
def test_the_order_of_rows_changes_nothing(seed: int) -> None:
    """Outcomes come in any order; two replicas must not tell a leader two different things."""
    rows, decided = list(MIXED.kept), list(MIXED.decided)
    chance = Random(seed)  # noqa: S311 - for shuffling
    chance.shuffle(rows)
    chance.shuffle(decided)

    assert EXPECTED == find_signs(MemoryEvidence(rows, decided), TODAY)
