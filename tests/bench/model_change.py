"""
What a change of the model does to a certified threshold: `python -m bench.model_change` in tests/.

The replay set was scored by two models. A threshold is certified by the labels of model A, and kept when model B takes
its place; then the labels of B are asked for, as they come in. Everything is seeded.
"""

from __future__ import annotations

import argparse
import gzip
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.replay_splits import REPLAY, census, read_replay
from oversight.feedback.candidates import ThresholdLimits
from oversight.feedback.certificate import Certificate
from oversight.feedback.ledger import Ledger
from oversight.feedback.recommendation import Question, recommend

__all__ = ["Kept", "Look", "kept", "looks_at_successor", "read_successor"]

_ANYWHERE = ThresholdLimits(0.0, 1.0)
_LOOKS = (0, 100, 300, 1_000, 3_000, 11_680)


class Kept(NamedTuple):
    """What one threshold lets through: share of messages, and error rate among them."""

    autonomy: float
    error: float


class Look(NamedTuple):
    """What is said of model B after so many of its labels; `error` is the true rate at the answer, None without one."""

    labels: int
    certificate: Certificate
    error: float | None


def read_successor(replay: Path = REPLAY) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return confidence (0..1) and whether it was wrong, of model B for every message of the replay set."""
    with gzip.open(replay.with_name("model_b.jsonl.gz"), "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    confidence = np.array([row["confidence"] for row in rows], dtype=np.float64)
    return confidence, np.array([not row["correct"] for row in rows], dtype=np.bool_)


def kept(confidence: NDArray[np.float64], wrong: NDArray[np.bool_], threshold: float) -> Kept:
    """Return what *threshold* lets through of these messages."""
    within = confidence >= threshold
    return Kept(float(within.mean()), float(wrong[within].mean()) if within.any() else 0.0)


def looks_at_successor(
    confidence: NDArray[np.float64], wrong: NDArray[np.bool_], question: Question, ledger: Ledger, *, seed: int
) -> list[Look]:
    """Return the answers for model B after more and more of its labels, in a random order, with the *ledger* of A."""
    order = np.random.default_rng(seed).permutation(len(confidence))
    found = []
    for labels in _LOOKS:
        seen = order[: min(labels, len(order))]
        answer, ledger = recommend(census(confidence[seen], wrong[seen]), question, ledger, model_version="b")
        cut = answer.certificate.threshold
        found.append(Look(len(seen), answer.certificate, None if cut is None else kept(confidence, wrong, cut).error))
    return found


def main() -> None:
    """Print the tables."""
    options = argparse.ArgumentParser(description="Print what a change of the model does to a certified threshold.")
    options.add_argument("--seed", type=int, default=20261129)
    options.add_argument("--replay", type=Path, default=REPLAY)
    asked = options.parse_args()
    if not asked.replay.exists():
        print(f"No replay set at {asked.replay}.")
        return
    before, after = read_replay(asked.replay), read_successor(asked.replay)
    for target in (0.02, 0.05, 0.10):
        question = Question(_ANYWHERE, target)
        answer, ledger = recommend(census(*before), question, Ledger(), model_version="a")
        cut = answer.certificate.threshold
        if cut is None:
            print(f"target {target:.0%}: model A has no safe threshold")
            continue
        old, new = kept(*before, cut), kept(*after, cut)
        print(
            f"\ntarget {target:.0%}: model A is certified at {cut:.6f} (autonomy {old.autonomy:.3f}, error "
            f"{old.error:.4f}); kept for model B: autonomy {new.autonomy:.3f}, error {new.error:.4f}\n"
        )
        print("| labels of model B | status | threshold | n | errors | upper bound | autonomy | its true error |")
        print("|---|---|---|---|---|---|---|---|")
        for look in looks_at_successor(*after, question, ledger, seed=asked.seed):
            said = look.certificate
            error = "-" if look.error is None else f"{look.error:.4f}"
            threshold = "-" if said.threshold is None else f"{said.threshold:.6f}"
            print(
                f"| {look.labels} | {said.status} | {threshold} | {said.n} | {said.errors} | {said.upper_bound:.4f} "
                f"| {said.autonomy:.3f} | {error} |"
            )


if __name__ == "__main__":
    main()
