"""The certificate on real rows: learnt on a random half of the replay set, judged on the other."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.machine import ROOT
from oversight.feedback.candidates import ThresholdLimits
from oversight.feedback.certificate import certify
from oversight.feedback.labels import LabelState
from oversight.feedback.rows import Rows

__all__ = ["REPLAY", "Replayed", "census", "read_replay", "replayed"]

REPLAY = ROOT.parent / "shared" / "data" / "replay" / "messages.jsonl.gz"
_ANYWHERE = ThresholdLimits(0.0, 1.0)


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
    delta: float,
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
        rows = census(confidence[learnt], wrong[learnt])
        cut = certify(rows, limits, max_error=max_error, delta=delta).threshold
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


def census(confidence: NDArray[np.float64], wrong: NDArray[np.bool_]) -> Rows:
    """Return rows of which every one was looked at."""
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
