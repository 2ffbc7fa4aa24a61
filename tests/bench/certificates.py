"""
The acceptance table of the certified thresholds: `python -m bench.certificates` in tests/.

Simulated centres whose true error rates are known, 400 runs a setting: how often the recommended threshold breaks its
target, and how often two ways do that nobody should use. The real replay set, 200 random splits: learnt on one half,
judged on the other. Repeated looks with and without spending, and the delay of the e-detector. Everything is seeded.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from math import sqrt
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.centre import SETTINGS, Centre, Traffic
from bench.detection_delay import delays
from bench.replay_splits import REPLAY, read_replay, replayed
from oversight.feedback.candidates import ThresholdLimits
from oversight.feedback.certificate import certify
from oversight.feedback.labels import LabelState
from oversight.feedback.ledger import Ledger
from oversight.feedback.recommendation import Question, recommend

__all__ = ["DELTA", "WEEKLY", "Looks", "Simulated", "allowed", "looks", "simulate"]

DELTA = 0.05
_ANYWHERE = ThresholdLimits(0.0, 1.0)
_CUTS, _COARSE_CUTS = 100, 12
WEEKLY = Centre("a week", lambda value: np.full_like(value, 0.051), decisions=500, audit=0.8)
"""One week of a centre that errs a little more often than it may, whatever its confidence."""


def allowed(runs: int, delta: float = DELTA) -> float:
    """Return the share of *runs* that may go wrong: delta and three standard deviations of it."""
    return delta + 3 * sqrt(delta * (1 - delta) / runs)


class Simulated(NamedTuple):
    """One setting: shares of runs that break the target, of runs with a certificate, and their mean autonomy."""

    centre: Centre
    violated: float
    certified: float
    autonomy: float
    best: float
    weighted: float
    weighted_coarse: float
    silence: float


def simulate(centre: Centre, *, runs: int, seed: int) -> Simulated:
    """
    Return how the certificate fares in *centre*, beside two controls that look at the same runs.

    Weighted: the lowest of 100 cuts whose inverse-probability weighted error is at most the target (coarse: of the 12
    that the certificate tries). Silence: the lowest of 100 whose error is, if every reply nobody checked counts as
    right unless a customer complained.
    """
    rng = np.random.default_rng(seed)
    error, autonomy = centre.truth()
    reached: list[float] = []
    broken = dict.fromkeys(("certified", "weighted", "coarse", "silence"), 0)
    for _ in range(runs):
        traffic = centre.traffic(rng).by_value()
        found = certify(traffic.rows, _ANYWHERE, max_error=centre.max_error, delta=DELTA).threshold
        cuts = {
            "certified": found,
            "weighted": _weighted(traffic, centre, _CUTS),
            "coarse": _weighted(traffic, centre, _COARSE_CUTS),
            "silence": _silence(traffic, centre),
        }
        for name, cut in cuts.items():
            broken[name] += cut is not None and error(cut) > centre.max_error
        if found is not None:
            reached.append(autonomy(found))
    shares = {name: count / runs for name, count in broken.items()}
    mean = float(np.mean(reached)) if reached else 0.0
    return Simulated(
        centre,
        shares["certified"],
        len(reached) / runs,
        mean,
        centre.best(),
        shares["weighted"],
        shares["coarse"],
        shares["silence"],
    )


def _weighted(traffic: Traffic, centre: Centre, cuts: int) -> float | None:
    rows = traffic.rows
    weight = (rows.state == LabelState.LABELLED) / rows.probability
    return _lowest(rows.value, weight, weight * (rows.loss == 1), centre.max_error, cuts)


def _silence(traffic: Traffic, centre: Centre) -> float | None:
    seen = np.where(traffic.rows.state == LabelState.LABELLED, traffic.wrong, traffic.complained)
    return _lowest(traffic.rows.value, np.ones(len(seen)), seen.astype(np.float64), centre.max_error, _CUTS)


def _lowest(
    value: NDArray[np.float64], weight: NDArray[np.float64], error: NDArray[np.float64], max_error: float, cuts: int
) -> float | None:
    """Return the lowest of so many *cuts* above which errors are at most their share of the weights; rows by value."""
    above, errors = (np.cumsum(column[::-1])[::-1] for column in (weight, error))
    places = np.arange(1, cuts + 1) * len(value) // (cuts + 1)
    passing = places[(above[places] > 0) & (errors[places] <= max_error * above[places])]
    return float(value[passing[0]]) if len(passing) else None


class Looks(NamedTuple):
    """Shares of runs in which any of several looks broke the target: without and with spending."""

    unspent: float
    spent: float


def looks(centre: Centre, *, weeks: int, runs: int, seed: int) -> Looks:
    """Ask every week, of all rows so far, until an answer breaks the target; *centre* is one week's traffic."""
    rng = np.random.default_rng(seed)
    error, _ = centre.truth()
    question = Question(_ANYWHERE, centre.max_error, 1 - DELTA)
    unspent = spent = 0
    for _ in range(runs):
        rows = replace(centre, decisions=weeks * centre.decisions).traffic(rng).rows
        ledger, broken = Ledger(), [False, False]
        for week in range(1, weeks + 1):
            so_far = rows.take(np.arange(week * centre.decisions))
            answer, ledger = recommend(so_far, question, ledger, model_version="a")
            alone = certify(so_far, _ANYWHERE, max_error=centre.max_error, delta=DELTA)
            for place, cut in enumerate((alone.threshold, answer.certificate.threshold)):
                broken[place] |= cut is not None and error(cut) > centre.max_error
        unspent += broken[0]
        spent += broken[1]
    return Looks(unspent / runs, spent / runs)


def main() -> None:
    """Print every table."""
    options = argparse.ArgumentParser(description="Print the acceptance table of the certified thresholds.")
    options.add_argument("--runs", type=int, default=400)
    options.add_argument("--splits", type=int, default=200)
    options.add_argument("--seed", type=int, default=20261128)
    options.add_argument("--replay", type=Path, default=REPLAY)
    asked = options.parse_args()
    runs, seed = asked.runs, asked.seed
    print(f"Share of {runs} runs whose true error exceeds the target; allowed {allowed(runs):.3f}\n")
    controls = "weighted, 100 cuts | weighted, 12 cuts | silence is success |"
    print(f"| setting | target | certificate | certified | autonomy | best | {controls}")
    print("|---|---|---|---|---|---|---|---|---|")
    for centre in SETTINGS:
        found = simulate(centre, runs=runs, seed=seed)
        shares = "".join(f" {share:.3f} |" for share in found[1:])
        print(f"| {centre.name} | {centre.max_error:g} |{shares}", flush=True)
    look = looks(WEEKLY, weeks=12, runs=runs, seed=seed)
    print(f"\n12 weekly looks, flat risk just above target: {look.unspent:.3f} unspent, {look.spent:.3f} spent\n")
    if asked.replay.exists():
        confidence, wrong = read_replay(asked.replay)
        print(f"{asked.splits} random splits of the replay set; allowed over target {allowed(asked.splits):.3f}\n")
        print("| target | bounds | over target | certified | median autonomy | best in hindsight |")
        print("|---|---|---|---|---|---|")
        for limits in (_ANYWHERE, ThresholdLimits(0.6, 0.99)):
            for target in (0.02, 0.05, 0.10):
                split = replayed(
                    confidence, wrong, max_error=target, delta=DELTA, splits=asked.splits, seed=seed, limits=limits
                )
                shares = "".join(f" {share:.3f} |" for share in split[1:])
                print(f"| {target:g} | {limits.minimum:g}..{limits.maximum:g} |{shares}", flush=True)
    else:
        print(f"No replay set at {asked.replay}.")
    for rise in (0.18, 0.20, 0.25):
        found_delays = delays(before=0.12, after=rise, outcomes=3_000, runs=4_000, seed=seed)
        low, middle, high = found_delays.quartiles
        print(
            f"\ne-detector, 12 to {rise * 100:.0f} %: median {middle:.0f} outcomes (quartiles {low:.0f}, {high:.0f}); "
            f"false alarms per 3,000 at 12 %: {found_delays.false_alarms:.4f}"
        )


if __name__ == "__main__":
    main()
