"""Findings among many, and how long a warning stands."""

import pytest

from oversight.feedback.signs import Finding, Sign, Standing, State, judge, stand

DAY_US = 86_400_000_000
WINDOW_US = 14 * DAY_US


def found(state: State, p_value: float | None = None, e_value: float | None = None) -> Finding:
    return Finding(Sign.CSAT_FALLS, state, 100, p_value=p_value, e_value=e_value)


def test_a_warning_that_many_tests_explain_is_none() -> None:
    """Of a hundred intents one is below .01 by chance every day."""
    calm = [found(State.OK, p_value=0.5)] * 99
    assert State.OK == judge([found(State.WARN, p_value=0.009), *calm])[0].state
    assert State.WARN == judge([found(State.WARN, p_value=0.0009), *calm])[0].state


def test_e_values_are_a_family_of_their_own() -> None:
    """One alarm among twenty intents takes twenty times the evidence."""
    calm = [found(State.OK, e_value=0.1)] * 19
    assert State.OK == judge([found(State.CRITICAL, e_value=100.0), *calm])[0].state
    assert State.CRITICAL == judge([found(State.CRITICAL, e_value=200.0), *calm])[0].state


def test_rules_and_what_is_not_known_stay_as_they_are() -> None:
    """Neither is a test: nothing explains them away."""
    findings = [
        found(State.CRITICAL),
        found(State.INSUFFICIENT_DATA),
        found(State.BIASED),
        found(State.OK, p_value=0.0),
    ]
    assert tuple(findings) == judge(findings)


def test_a_state_is_raised_only_if_it_is_a_warning() -> None:
    """What is not known is neither OK nor a warning."""
    assert [State.WARN, State.CRITICAL] == [state for state in State if state.raised]


def run(*tests: tuple[int, State]) -> Standing:
    standing = Standing()
    for day, state in tests:
        standing = stand(standing, state, now_us=day * DAY_US, window_us=WINDOW_US)
    return standing


def test_without_a_warning_the_state_is_what_was_found() -> None:
    """Not known stays not known."""
    assert Standing(State.INSUFFICIENT_DATA) == Standing() == run((1, State.OK), (2, State.INSUFFICIENT_DATA))
    assert Standing(State.OK) == run((1, State.OK))


def test_a_warning_clears_after_two_quiet_windows() -> None:
    """A day without an alarm is no all-clear."""
    quiet = [(day, State.OK) for day in range(2, 31)]
    assert State.WARN == run((1, State.WARN), *quiet[:-1]).state
    assert Standing(State.OK) == run((1, State.WARN), *quiet)


@pytest.mark.parametrize("between", [State.WARN, State.INSUFFICIENT_DATA, State.BIASED])
def test_what_is_not_quiet_starts_the_windows_again(between: State) -> None:
    """Days of which nothing is known are not quiet."""
    quiet = [(day, State.OK) for day in range(2, 41) if day != 20]
    tests = sorted([(1, State.WARN), (20, between), *quiet])
    assert (State.WARN, 21 * DAY_US) == run(*tests)[::2]


def test_a_warning_only_gets_worse_until_it_clears() -> None:
    """It began when it began."""
    assert Standing(State.CRITICAL, 1 * DAY_US) == run((1, State.WARN), (2, State.CRITICAL), (3, State.WARN))
    assert Standing(State.WARN, 1 * DAY_US) == run((1, State.WARN), (2, State.WARN))
