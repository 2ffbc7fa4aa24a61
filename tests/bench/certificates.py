"""
The acceptance table of the certified thresholds: `python -m bench.certificates` in tests/.

Simulated centres whose true error rates are known, 400 runs a setting: how often the recommended threshold breaks its
target, and how often two ways do that nobody should use. The real replay set, 200 random splits: learnt on one half,
judged on the other. Repeated looks with and without spending, and the delay of the e-detector. Everything is seeded.
"""

from __future__ import annotations

import argparse
import gzip
import json
from dataclasses import replace
from math import sqrt
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.centre import SETTINGS, Centre, Traffic
from bench.machine import ROOT
from oversight.feedback.candidates import ThresholdLimits, candidates
from oversight.feedback.certificate import certify
from oversight.feedback.e_detector import RUN_LENGTH, bet_on
from oversight.feedback.labels import LabelState
from oversight.feedback.ledger import Ledger
from oversight.feedback.recommendation import Question, recommend
from oversight.feedback.rows import Rows

__all__ = [
    "DELTA",
    "REPLAY",
    "WEEKLY",
    "Delays",
    "Looks",
    "Replayed",
    "Simulated",
    "allowed",
    "delays",
    "looks",
    "read_replay",
    "replayed",
    "simulate",
]

DELTA = 0.05
REPLAY = ROOT.parent / "shared" / "data" / "replay" / "messages.jsonl.gz"
_ANYWHERE = ThresholdLimits(0.0, 1.0)
_CUTS = 100
WEEKLY = Centre("a week", lambda value: np.full_like(value, 0.051), decisions=2_000, audit=0.2)
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
    silence: float


def simulate(centre: Centre, *, runs: int, seed: int) -> Simulated:
    """
    Return how the certificate fares in *centre*, beside two controls that look at the same runs.

    Weighted: the lowest of 100 cuts whose inverse-probability weighted error is at most the target. Silence: the lowest
    whose error is, if every reply nobody checked counts as right unless a customer complained.
    """
    rng = np.random.default_rng(seed)
    error, autonomy = centre.truth()
    reached: list[float] = []
    broken = {"certified": 0, "weighted": 0, "silence": 0}
    for _ in range(runs):
        traffic = centre.traffic(rng)
        found = certify(traffic.rows, _ANYWHERE, max_error=centre.max_error, delta=DELTA).threshold
        cuts = {"certified": found, "weighted": _weighted(traffic, centre), "silence": _silence(traffic, centre)}
        for name, cut in cuts.items():
            broken[name] += cut is not None and error(cut) > centre.max_error
        if found is not None:
            reached.append(autonomy(found))
    shares = {name: count / runs for name, count in broken.items()}
    mean = float(np.mean(reached)) if reached else 0.0
    return Simulated(
        centre, shares["certified"], len(reached) / runs, mean, centre.best(), shares["weighted"], shares["silence"]
    )


def _weighted(traffic: Traffic, centre: Centre) -> float | None:
    rows = traffic.rows.take(traffic.rows.state == LabelState.LABELLED)
    return _lowest(traffic, rows.value, rows.loss == 1, 1 / rows.probability, centre.max_error)


def _silence(traffic: Traffic, centre: Centre) -> float | None:
    seen = np.where(traffic.rows.state == LabelState.LABELLED, traffic.wrong, traffic.complained)
    return _lowest(traffic, traffic.rows.value, seen, np.ones(len(seen)), centre.max_error)


def _lowest(
    traffic: Traffic,
    value: NDArray[np.float64],
    wrong: NDArray[np.bool_],
    weight: NDArray[np.float64],
    max_error: float,
) -> float | None:
    order = np.argsort(value)
    above = np.cumsum(weight[order][::-1])
    errors = np.cumsum((weight * wrong)[order][::-1])
    passing = []
    for cut in candidates(traffic.rows.value, _ANYWHERE, count=_CUTS):
        rows = len(value) - int(np.searchsorted(value[order], cut))
        if rows and errors[rows - 1] <= max_error * above[rows - 1]:
            passing.append(cut)
    return min(passing, default=None)


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


class Replayed(NamedTuple):
    """Random splits of real rows: share over target on the other half, share certified, autonomy there."""

    max_error: float
    over: float
    certified: float
    autonomy: float
    best: float


def read_replay(path: Path = REPLAY) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return confidence (0..1) and whether the AI was wrong, of every message of the replay set."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    confidence = np.array([row["confidence"] for row in rows], dtype=np.float64)
    return confidence, np.array([not row["correct"] for row in rows], dtype=np.bool_)


def replayed(
    confidence: NDArray[np.float64],
    wrong: NDArray[np.bool_],
    *,
    max_error: float,
    splits: int,
    seed: int,
    limits: ThresholdLimits = _ANYWHERE,
) -> Replayed:
    """Learn on a random half, judge on the other; `best` is the largest autonomy that meets the target in hindsight."""
    rng = np.random.default_rng(seed)
    count, over, certified = len(confidence), 0, 0
    reached: list[float] = []
    for _ in range(splits):
        order = rng.permutation(count)
        learnt, judged = order[: count // 2], order[count // 2 :]
        rows = _census(confidence[learnt], wrong[learnt])
        cut = certify(rows, limits, max_error=max_error, delta=DELTA).threshold
        within = confidence[judged] >= (np.inf if cut is None else cut)
        over += bool(within.any()) and float(wrong[judged][within].mean()) > max_error
        certified += cut is not None
        reached.append(float(within.mean()))
    ranked = np.argsort(-confidence, kind="stable")
    rate = np.cumsum(wrong[ranked]) / np.arange(1, count + 1)
    last_of_ties = np.append(np.diff(confidence[ranked]) != 0, [True])
    best = np.flatnonzero((rate <= max_error) & last_of_ties)
    share = (best[-1] + 1) / count if len(best) else 0.0
    return Replayed(max_error, over / splits, certified / splits, float(np.median(reached)), float(share))


def _census(confidence: NDArray[np.float64], wrong: NDArray[np.bool_]) -> Rows:
    count = len(confidence)
    return Rows(
        decision_ids=np.arange(count).astype("S32"),
        draw=np.zeros(count),
        decided_at_us=np.arange(count),
        value=confidence,
        probability=np.ones(count),
        state=np.full(count, LabelState.LABELLED, dtype=np.int8),
        loss=wrong.astype(np.int8),
        labelled_at_us=np.arange(count),
    )


class Delays(NamedTuple):
    """Outcomes until the alarm after a change at the start: quartiles; and the share of calm runs with an alarm."""

    quartiles: tuple[float, float, float]
    false_alarms: float


def delays(*, before: float, after: float, outcomes: int, runs: int, seed: int, bet: float | None = None) -> Delays:
    """Run the e-detector's recursion on many streams at once, against a baseline of *before*."""
    rng = np.random.default_rng(seed)
    limit = before + 0.03
    alarms = [_first_alarms(rng, rate, limit, bet or bet_on(limit), outcomes, runs) for rate in (after, before)]
    low, middle, high = np.percentile(alarms[0], [25, 50, 75])
    return Delays((float(low), float(middle), float(high)), float(np.mean(alarms[1] <= outcomes)))


def _first_alarms(
    rng: np.random.Generator, rate: float, limit: float, bet: float, outcomes: int, runs: int
) -> NDArray[np.int64]:
    statistic, first = np.zeros(runs), np.full(runs, outcomes + 1)
    for number in range(1, outcomes + 1):
        statistic = (statistic + 1) * (1 + bet * ((rng.random(runs) < rate) - limit))
        first = np.where((first > outcomes) & (statistic >= RUN_LENGTH), number, first)
    return first


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
    print("| setting | target | certificate | certified | autonomy | best | weighted cut | silence is success |")
    print("|---|---|---|---|---|---|---|---|")
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
                split = replayed(confidence, wrong, max_error=target, splits=asked.splits, seed=seed, limits=limits)
                shares = "".join(f" {share:.3f} |" for share in split[1:])
                print(f"| {target:g} | {limits.minimum:g}..{limits.maximum:g} |{shares}", flush=True)
    else:
        print(f"No replay set at {asked.replay}.")
    for rise in (0.15, 0.20, 0.25):
        found_delays = delays(before=0.12, after=rise, outcomes=3_000, runs=4_000, seed=seed)
        low, middle, high = found_delays.quartiles
        print(
            f"\ne-detector, 12 % -> {rise:.0%}: median {middle:.0f} outcomes (quartiles {low:.0f}, {high:.0f}); "
            f"false alarms per 3,000 at 12 %: {found_delays.false_alarms:.4f}"
        )


if __name__ == "__main__":
    main()
