"""How signs stand: a warning stays until two windows were quiet, and leaves with the place that it was about."""

from __future__ import annotations

import pytest

from oversight.feedback.signs import Finding, Sign, State
from oversight.insight.places import Found, Place
from oversight.insight.sign_tests import WINDOWS_US, find_signs
from oversight.insight.standing import stand_all
from oversight.storage.warning_store import StoredWarning, WarningKey
from sign_evidence import DAY_US, TODAY, Days, evidence_of, falling

PLACE = Place("acme", "orders", "order_change")
KEY = WarningKey(Sign.CSAT_FALLS, *PLACE)


def stood(before: list[StoredWarning], state: State, day: int) -> list[StoredWarning]:
    found = Found(PLACE, Finding(Sign.CSAT_FALLS, state, 120, value=-0.4, low=-0.5, high=-0.3))
    return stand_all(before, [found], now_us=day * DAY_US, windows_us=WINDOWS_US)


def test_a_warning_stands_until_two_windows_were_quiet() -> None:
    """One good week must not end what a bad month began."""
    first = stood([], State.CRITICAL, 0)
    quiet = stood(first, State.OK, 1)
    last = quiet
    for day in range(2, 29):
        last = stood(last, State.OK, day)
    over = stood(last, State.OK, 29)

    assert [State.CRITICAL] * 3 + [State.OK] == [one[0].standing.state for one in (first, quiet, last, over)]
    assert (0, DAY_US, State.OK, 28 * DAY_US) == (
        *(last[0].standing.raised_at_us, last[0].standing.quiet_since_us, last[0].finding.state),
        last[0].tested_at_us,
    )


def test_too_little_is_not_quiet() -> None:
    """What is not known clears nothing."""
    quiet = stood(stood([], State.WARN, 0), State.OK, 1)
    unknown = stood(quiet, State.INSUFFICIENT_DATA, 20)

    assert (State.WARN, None) == (unknown[0].standing.state, unknown[0].standing.quiet_since_us)
    assert State.WARN == stood(unknown, State.OK, 40)[0].standing.state


@pytest.mark.parametrize("days", [3, 40, -40])
def test_days_that_no_test_saw_are_not_quiet(days: int) -> None:
    """A clock that jumps, or a server that was off, ends no warning."""
    quiet = stood(stood([], State.WARN, 50), State.OK, 51)
    after = stood(quiet, State.OK, 51 + days)

    assert (State.WARN, (51 + days) * DAY_US) == (after[0].standing.state, after[0].standing.quiet_since_us)


def test_a_warning_about_a_place_with_nothing_to_test_stays_and_says_so() -> None:
    """One test that finds no data is no all-clear: the clock may be ahead by months."""
    before = stood(stood([], State.CRITICAL, 0), State.OK, 1)
    (one,) = stand_all(before, [], now_us=400 * DAY_US, windows_us=WINDOWS_US)

    assert (State.CRITICAL, 0, None) == one.standing
    assert (State.INSUFFICIENT_DATA, 0) == one.finding[1:3]
    assert "Not tested" in one.message
    assert "number 1." in one.message


def test_a_place_that_is_no_more_loses_its_warning_after_fourteen_tests() -> None:
    """A department that was closed must not stay on the list for ever."""
    warnings = stood([], State.CRITICAL, 0)
    kept = []
    for day in range(1, 17):
        warnings = stand_all(warnings, [], now_us=day * DAY_US, windows_us=WINDOWS_US)
        kept.append(len(warnings))

    assert [1] * 14 + [0] * 2 == kept


def test_decisions_begin_the_count_of_tests_without_any_anew() -> None:
    """It is about tests in a row."""
    untested = stand_all(stood([], State.CRITICAL, 0), [], now_us=DAY_US, windows_us=WINDOWS_US)
    tested = stood(untested, State.CRITICAL, 2)
    (one,) = stand_all(tested, [], now_us=3 * DAY_US, windows_us=WINDOWS_US)

    assert "number 1." in one.message


@pytest.mark.parametrize("state", [State.OK, State.INSUFFICIENT_DATA, State.BIASED])
def test_what_is_no_warning_leaves_with_its_place(state: State) -> None:
    """There is nothing to end."""
    assert [] == stand_all(stood([], state, 0), [], now_us=DAY_US, windows_us=WINDOWS_US)


def test_what_gets_worse_from_test_to_test_ends_critical() -> None:
    """The message is that of the last test; scores of the last three days are not in it yet."""
    evidence = evidence_of(Days(), falling())
    warnings: list[StoredWarning] = []
    states = []
    for day in range(TODAY - 6, TODAY + 1, 2):
        now_us = day * DAY_US
        warnings = stand_all(warnings, find_signs(evidence, day), now_us=now_us, windows_us=WINDOWS_US)
        states += [one.standing.state for one in warnings if one.key == KEY]

    assert State.CRITICAL == states[-1]
    (one,) = [one for one in warnings if one.key == KEY]
    assert one.message.startswith("Satisfaction with what the AI handled fell by 0.43 points in 14 days")
    assert "while its volume rose" in one.message
