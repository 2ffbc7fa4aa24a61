"""Rows: decisions with their labels, as columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from oversight.feedback.facts import DecisionFacts
from oversight.feedback.labels import Label, LabelState
from oversight.feedback.sampling import equal_probability, equalising_draw

__all__ = ["Population", "Rows", "provable", "rows_of", "settled", "settled_until_us"]


@dataclass(frozen=True, slots=True)
class Rows:
    """
    Decisions of one cell with their labels: columns of one length, in any order.

    `decision_ids` are bytes; `draw` is the ids' `equalising_draw`; `value` is the signal that a threshold compares with
    (NaN where it was absent, infinite where nobody can tell any more: `certificate.certify`); `probability` is the
    chance to be looked at, in 0..1; `state` holds `LabelState`; `loss` is 1, 0, or -1 without a label; `decided_at_us`
    and `labelled_at_us` are microseconds since 1970 (UTC), the latter 0 without a label. Each decision comes once.
    """

    decision_ids: NDArray[np.bytes_]
    draw: NDArray[np.float64]
    decided_at_us: NDArray[np.int64]
    value: NDArray[np.float64]
    probability: NDArray[np.float64]
    state: NDArray[np.int8]
    loss: NDArray[np.int8]
    labelled_at_us: NDArray[np.int64]

    def __post_init__(self) -> None:
        lengths = {name.name: len(getattr(self, name.name)) for name in fields(self)}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"the columns have {lengths} rows; expected one length")

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.decision_ids)

    def take(self, chosen: NDArray[Any]) -> Rows:
        """Return the rows that *chosen* (a mask, or positions) picks."""
        return Rows(*(getattr(self, name.name)[chosen] for name in fields(self)))

    @property
    def least_probability(self) -> float:
        """The smallest chance that any row had to be looked at, 0..1; 0 without rows."""
        return float(self.probability.min()) if len(self) else 0.0

    def looked_at(self, *, least: float = 1.0) -> Rows:
        """
        Return the rows with a label or a missed one, each kept with the same chance (`equal_probability`).

        That chance is the smallest of any row, or *least* where that is smaller: the smallest among decisions that the
        answer is about and that are not among the rows.
        """
        sampled = (self.state == LabelState.LABELLED) | (self.state == LabelState.MISSED)
        kept = equal_probability(self.probability, self.draw, least=min(least, self.least_probability))
        return self.take(sampled & kept)


class Population(NamedTuple):
    """
    A random sample of the decisions that an answer is about, labelled or not: columns as those of `Rows`.

    For who has labels in `Rows`, and the rest of the decisions only as a sample: there are too many of them. `spread`
    is what candidates are drawn from, where not the `value`: see `certificate.certify`.
    """

    value: NDArray[np.float64]
    probability: NDArray[np.float64]
    decided_at_us: NDArray[np.int64]
    spread: NDArray[np.float64] | None = None

    def until(self, until_us: int | None) -> Population:
        """Return what was decided before *until_us*; all of it where that is None."""
        if until_us is None:
            return self
        chosen = self.decided_at_us < until_us
        return Population(self.value[chosen], self.probability[chosen], self.decided_at_us[chosen], self.spread)

    @property
    def least_probability(self) -> float:
        """The smallest chance that any of them had to be looked at, 0..1; 1 without any."""
        return float(self.probability.min()) if len(self.probability) else 1.0


def rows_of(labelled: Iterable[tuple[DecisionFacts, Label, float]]) -> Rows:
    """Return decisions, their labels and the values of their signal (NaN where absent) as columns."""
    made = list(labelled)
    decisions = [decision for decision, _, _ in made]
    labels = [label for _, label, _ in made]
    return Rows(
        decision_ids=np.array([decision.decision_id.encode() for decision in decisions], dtype="S32"),
        draw=np.array([equalising_draw(decision.decision_id) for decision in decisions], dtype=np.float64),
        decided_at_us=np.array([decision.decided_at_us for decision in decisions], dtype=np.int64),
        value=np.array([value for _, _, value in made], dtype=np.float64),
        probability=np.array([label.probability for label in labels], dtype=np.float64),
        state=np.array([label.state for label in labels], dtype=np.int8),
        loss=np.array([-1 if label.loss is None else label.loss for label in labels], dtype=np.int8),
        labelled_at_us=np.array([label.labelled_at_us or 0 for label in labels], dtype=np.int64),
    )


def settled(rows: Rows) -> Rows:
    """
    Return the rows decided before the oldest one whose label is still to come.

    Only mature rows may be counted (labelled, missed, or never due). But to take every mature row would prefer those
    whose label came fast, and errors often take longer than approvals: the newest hours would look too good. Before the
    oldest pending row all rows are mature, fast or slow; at most the last review or audit period is left out.
    """
    until_us = settled_until_us(rows)
    return rows if until_us is None else rows.take(rows.decided_at_us < until_us)


def provable(rows: Rows) -> Rows:
    """
    Return the `settled` rows and the oldest one whose label is still to come, as if that had been missed.

    Where the settled rows end is itself news: if errors take longer than approvals, it is at an error, and a run of
    approvals lies before it. To leave that row out would prefer them (7 % of wrong proofs for 5 % allowed, where errors
    are told on the last day); with it, as the worst that it can be, the count of errors is no smaller than that of a
    walk that was stopped by what it had seen, and whose mean is the true one (Wald 1944, "On cumulative sums of random
    variables", Annals of Mathematical Statistics 15(3), 283-296).

    It stays in whatever sample is drawn, and has no say in the chance with which the others do: it is no draw from them
    but an error in addition. With its own chance one audit still to come would thin a census to that audit's share.
    """
    until_us = settled_until_us(rows)
    if until_us is None:
        return rows
    found = np.flatnonzero((rows.state == LabelState.PENDING) & (rows.decided_at_us == until_us))
    oldest = found[np.argmin(rows.decision_ids[found])]
    chosen = rows.decided_at_us < until_us
    chosen[oldest] = True
    taken = rows.take(chosen)
    last = taken.state == LabelState.PENDING
    taken.state[last], taken.draw[last], taken.probability[last] = LabelState.MISSED, 0.0, 1.0
    return taken


def settled_until_us(rows: Rows) -> int | None:
    """Return when the oldest of the *rows* was decided whose label is still to come; None where all are mature."""
    pending = rows.state == LabelState.PENDING
    return int(rows.decided_at_us[pending].min()) if pending.any() else None
