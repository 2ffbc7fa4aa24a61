"""Rows that the tests of the statistics count."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from oversight.feedback.labels import LabelState
from oversight.feedback.rows import Rows
from oversight.feedback.sampling import equalising_draw

HOUR_US = 3_600_000_000


def an_id(number: int) -> str:
    return f"{number:032x}"


def some_rows(
    losses: Sequence[int | None],
    *,
    values: Sequence[float] | float = 0.9,
    probabilities: Sequence[float] | float = 1.0,
    states: Sequence[LabelState] | None = None,
) -> Rows:
    """Return one row a loss (1, 0, None: without a label), an hour apart; each labelled an hour after its decision."""
    count = len(losses)
    if states is None:
        states = [LabelState.NOT_DUE if loss is None else LabelState.LABELLED for loss in losses]
    labelled = np.array([state == LabelState.LABELLED for state in states], dtype=np.bool_)
    times = np.arange(count, dtype=np.int64) * HOUR_US
    return Rows(
        decision_ids=np.array([an_id(number).encode() for number in range(count)], dtype="S32"),
        draw=np.array([equalising_draw(an_id(number)) for number in range(count)], dtype=np.float64),
        decided_at_us=times,
        value=np.broadcast_to(np.asarray(values, dtype=np.float64), count).copy(),
        probability=np.broadcast_to(np.asarray(probabilities, dtype=np.float64), count).copy(),
        state=np.array(states, dtype=np.int8),
        loss=np.array([-1 if loss is None else loss for loss in losses], dtype=np.int8),
        labelled_at_us=np.where(labelled, times + HOUR_US, 0),
    )
