"""What the statistics are accepted by: simulated centres, real rows, delays; `bench.certificates` prints all."""

import pytest

from bench.centre import SETTINGS, Centre
from bench.certificates import DELTA, WEEKLY, allowed, looks, simulate
from bench.detection_delay import delays
from bench.replay_splits import REPLAY, read_replay, replayed

pytestmark = pytest.mark.slow
RUNS, SPLITS = 400, 200
SEED = 6


@pytest.mark.parametrize("centre", SETTINGS, ids=lambda centre: centre.name)
def test_the_certificate_keeps_its_promise_where_others_break_theirs(centre: Centre) -> None:
    """Violations at most delta and three sigma in every setting; both negative controls above it in every one."""
    found = simulate(centre, runs=RUNS, seed=SEED)
    limit = allowed(RUNS)
    assert found.violated <= limit < min(found.weighted, found.silence)


def test_asking_every_week_does_not_wear_the_promise_out() -> None:
    """Twelve looks with spending keep delta; without, they do not."""
    found = looks(WEEKLY, weeks=12, runs=RUNS, seed=SEED)
    assert found.spent <= allowed(RUNS) < found.unspent


@pytest.mark.skipif(not REPLAY.exists(), reason=f"the replay set is not there: {REPLAY}")
@pytest.mark.parametrize("max_error", [0.02, 0.05, 0.10])
def test_on_real_rows_the_other_half_keeps_the_target(max_error: float) -> None:
    """200 random splits: few over target, and not by letting nothing through."""
    found = replayed(*read_replay(), max_error=max_error, delta=DELTA, splits=SPLITS, seed=SEED)
    assert found.over <= allowed(SPLITS)
    assert 0.75 * found.best < found.autonomy < found.best


def test_a_rise_of_repeat_contact_is_found_in_hundreds_of_outcomes() -> None:
    """12 % to 20 %: near 328 at the median, and at most 2 % false alarms in 3,000 calm outcomes."""
    found = delays(before=0.12, after=0.20, outcomes=3_000, runs=2_000, seed=SEED)
    assert 300 < found.quartiles[1] < 360
    assert found.false_alarms <= 0.02
