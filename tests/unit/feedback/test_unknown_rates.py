"""The fifth sign: nobody knows how often the AI errs."""

import pytest

from oversight.feedback.error_rates import ErrorRate, RateState
from oversight.feedback.signs import State
from oversight.feedback.unknown_rates import RatedCell, Unknown, error_rate_unknown, why_unknown

DAY_S = 86_400.0


def cell(
    volume: int = 100, n: int = 400, high: float = 0.06, age_s: float | None = 0.0, current: bool = True
) -> RatedCell:
    rate = ErrorRate(RateState.MEASURED, n, 0, 0.03, 0.01, high, volume, 0.1, 0.5, 0.0, age_s, 0)
    return RatedCell(rate, current)


@pytest.mark.parametrize(
    ("rated", "target", "reason"),
    [
        (cell(), 0.05, None),
        (cell(current=False), 0.05, Unknown.OTHER_MODEL),
        (cell(n=58), 0.05, Unknown.FEW_LABELS),
        (cell(n=59), 0.05, None),
        (cell(age_s=14 * DAY_S), 0.05, None),
        (cell(age_s=14 * DAY_S + 1), 0.05, Unknown.OLD_LABELS),
        (cell(age_s=None), 0.05, Unknown.OLD_LABELS),
        (cell(high=0.12), 0.05, Unknown.WIDE_INTERVAL),
        (cell(high=0.10), 0.05, None),
        (cell(high=0.049), 0.01, None),
        (cell(high=0.06), 0.01, Unknown.WIDE_INTERVAL),
    ],
)
def test_a_rate_is_unknown_for_a_reason(rated: RatedCell, target: float, reason: Unknown | None) -> None:
    """Who gets the warning learns what to do about it; an interval is wide only above two points and the target."""
    rated = rated._replace(rate=rated.rate._replace(n=400)) if target == 0.01 else rated
    assert reason == why_unknown(rated, target=target)


@pytest.mark.parametrize(
    ("volume", "state"), [(0, State.OK), (10, State.OK), (11, State.WARN), (30, State.WARN), (31, State.CRITICAL)]
)
def test_the_share_of_unknown_volume_decides(volume: int, state: State) -> None:
    """A large intent without labels weighs more than many small ones with."""
    finding = error_rate_unknown([cell(100 - volume), cell(volume, n=0)])
    assert (state, 100, volume / 100) == (finding.state, finding.n, finding.value)
    assert volume / 100 == finding.details["few_labels"]
    assert 0.0 == finding.details["other_model"]


def test_without_volume_nothing_is_known() -> None:
    """Absent is not zero."""
    assert State.INSUFFICIENT_DATA == error_rate_unknown([]).state
