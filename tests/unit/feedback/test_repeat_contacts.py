"""The second sign: repeat contact rises."""

import numpy as np
import pytest

from oversight.feedback.e_detector import RUN_LENGTH, Detector
from oversight.feedback.repeat_contacts import RecentRepeats, repeat_contact_rises, watch_repeats
from oversight.feedback.signs import State


def test_contacts_move_the_detector_against_baseline_and_slack() -> None:
    """The limit is p0 + .03, the bet .05 / (limit (1 - limit))."""
    found = watch_repeats(Detector(), np.array([True]), baseline=0.12)
    assert pytest.approx(1 + 0.05 / (0.15 * 0.85) * 0.85) == found.statistic
    assert 1 == found.outcomes


@pytest.mark.parametrize(
    ("statistic", "repeats", "state"),
    [
        (RUN_LENGTH - 1, 100, State.OK),
        (RUN_LENGTH, 50, State.WARN),
        (RUN_LENGTH, 100, State.CRITICAL),
    ],
)
def test_an_alarm_warns_and_a_rate_surely_high_is_critical(statistic: float, repeats: int, state: State) -> None:
    """100 of 400: the exact lower end is above 12 + 6 %."""
    finding = repeat_contact_rises(Detector(statistic, 3_000), RecentRepeats(400, repeats), baseline=0.12)
    assert (state, 3_000, repeats / 400, 0.12) == (finding.state, finding.n, finding.value, finding.baseline)
    assert pytest.approx(statistic / 500) == finding.e_value


@pytest.mark.parametrize(("statistic", "state"), [(RUN_LENGTH - 1, State.INSUFFICIENT_DATA), (RUN_LENGTH, State.WARN)])
def test_where_nobody_tells_any_more_nothing_is_known(statistic: float, state: State) -> None:
    """The last that was heard was quiet, and may be weeks old; an alarm stands."""
    finding = repeat_contact_rises(Detector(statistic, 3_000), RecentRepeats(0, 0), baseline=0.12)
    assert (state, None) == (finding.state, finding.value)


def test_below_two_hundred_contacts_nothing_is_known() -> None:
    """Not even with an alarm."""
    finding = repeat_contact_rises(Detector(RUN_LENGTH, 199), RecentRepeats(0, 0), baseline=0.12)
    assert (State.INSUFFICIENT_DATA, None, None) == (finding.state, finding.value, finding.e_value)
