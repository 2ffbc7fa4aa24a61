"""Verdicts: what is met, what is missed, and what nobody measured."""

from __future__ import annotations

import pytest

from bench.figures import TARGETS, Figure, NotMeasuredError, Target, judge, ratios

FASTER = Target("rate", "throughput / floor", 0.80, 0.90)
SHORTER = Target("p50", "p50 / floor", 1.25, 1.10, higher=False)


def test_a_figure_is_the_median_of_its_rounds_with_their_spread() -> None:
    """One slow round must not decide, and must not be hidden."""
    figure = Figure((0.7, 0.9, 0.8, 0.1))
    assert (0.75, 0.1, 0.9) == (figure.median, figure.low, figure.high)


def test_a_figure_without_rounds_is_not_measured() -> None:
    """Nothing measured is not zero."""
    with pytest.raises(NotMeasuredError, match="no round"):
        Figure(())


def test_ratios_are_taken_within_each_round() -> None:
    """A machine that was slow for a minute slows both sides of that round."""
    assert (0.5, 2.0) == ratios([100.0, 20.0], [200.0, 10.0]).rounds


def test_a_round_that_only_one_side_has_is_an_error() -> None:
    """Ratios of different rounds would look like figures."""
    with pytest.raises(ValueError, match="argument"):
        ratios([1.0], [1.0, 2.0])


@pytest.mark.parametrize(
    ("target", "value", "verdict"),
    [
        (FASTER, 0.90, "aim met"),
        (FASTER, 0.89, "met"),
        (FASTER, 0.80, "met"),
        (FASTER, 0.79, "missed"),
        (SHORTER, 1.10, "aim met"),
        (SHORTER, 1.11, "met"),
        (SHORTER, 1.25, "met"),
        (SHORTER, 1.26, "missed"),
        (Target("metrics", "on / off", 0.97), 1.5, "met"),
        (Target("gain", "coalesced / alone"), 1.5, "no target"),
    ],
)
def test_the_verdict_is_on_the_median(target: Target, value: float, verdict: str) -> None:
    """The boundary belongs to the better side, in both directions."""
    assert verdict == judge(target, Figure((value, value, 99.0 if target.higher else 0.0)))


def test_what_was_not_measured_says_why() -> None:
    """Silence is not success."""
    reason = NotMeasuredError("h2load is missing: apt-get install nghttp2-client")
    assert "not measured: h2load is missing: apt-get install nghttp2-client" == judge(FASTER, reason)


def test_an_aim_is_never_easier_than_what_must_be() -> None:
    """A slip in the table of targets would turn a miss into a success."""
    pairs = [(t.must, t.aim, t.higher) for t in TARGETS if t.must is not None and t.aim is not None]
    assert len(pairs) > 5
    assert all(aim > must if higher else aim < must for must, aim, higher in pairs)


def test_every_target_has_a_key_of_its_own() -> None:
    """Two with one key would show one figure twice."""
    assert len(TARGETS) == len({target.key for target in TARGETS})
