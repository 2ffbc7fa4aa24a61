"""Rows: decisions and labels as columns."""

import numpy as np
import pytest

from oversight.feedback.facts import DecisionFacts, LabelBasis
from oversight.feedback.labels import Label, LabelState
from oversight.feedback.rows import provable, rows_of, settled
from oversight.feedback.sampling import equalising_draw
from unit.feedback.feedback_rows import an_id, some_rows


def test_rows_hold_decisions_labels_and_values() -> None:
    """What is counted is what was decided."""
    labelled = Label(LabelState.LABELLED, 1, 0.05, LabelBasis.AUDIT, 9)
    missed = Label(LabelState.MISSED, None, 1.0)
    rows = rows_of(
        [(DecisionFacts(an_id(1), 5, 1), labelled, 0.9), (DecisionFacts(an_id(2), 6, 2), missed, float("nan"))]
    )
    assert [an_id(1).encode(), an_id(2).encode()] == rows.decision_ids.tolist()
    assert [equalising_draw(an_id(1)), equalising_draw(an_id(2))] == rows.draw.tolist()
    assert [[5, 6], [0.05, 1.0], [3, 2], [1, -1], [9, 0]] == [
        column.tolist() for column in (rows.decided_at_us, rows.probability, rows.state, rows.loss, rows.labelled_at_us)
    ]
    assert rows.value[0] == 0.9
    assert np.isnan(rows.value[1])


def test_no_rows_are_rows_too() -> None:
    """An intent without decisions is asked about as well."""
    assert (0, 0.0) == (len(rows_of([])), rows_of([]).least_probability)


def test_columns_of_unlike_length_are_refused() -> None:
    """Losses must stand beside their own decisions."""
    rows = some_rows([0, 1])
    with pytest.raises(ValueError, match="expected one length"):
        type(rows)(rows.decision_ids[:1], *(getattr(rows, name) for name in rows.__slots__[1:]))


def test_only_rows_before_the_oldest_pending_one_are_settled() -> None:
    """Fast labels are approvals more often than not: the newest hours would look too good."""
    states = [LabelState.LABELLED, LabelState.NOT_DUE, LabelState.PENDING, LabelState.LABELLED]
    rows = some_rows([0, None, None, 0], states=states)
    assert [0, 1] == [int(row, 16) for row in settled(rows).decision_ids.tolist()]
    assert 2 == len(settled(rows.take(np.array([0, 3]))))


def test_the_oldest_pending_row_is_counted_as_missed() -> None:
    """It ends the sample because nothing is said of it yet, and that is no accident where errors take longer."""
    states = [LabelState.LABELLED, LabelState.PENDING, LabelState.PENDING, LabelState.LABELLED]
    rows = some_rows([0, None, None, 0], states=states)
    rows.decided_at_us[2] = rows.decided_at_us[1]
    for order in ([0, 1, 2, 3], [3, 2, 1, 0]):
        found = provable(rows.take(np.array(order)))
        assert {0: LabelState.LABELLED, 1: LabelState.MISSED} == {
            int(row, 16): state for row, state in zip(found.decision_ids.tolist(), found.state, strict=True)
        }
    assert [LabelState.LABELLED, *[LabelState.PENDING] * 2, LabelState.LABELLED] == rows.state.tolist()
    assert 2 == len(provable(rows.take(np.array([0, 3]))))


def test_the_oldest_pending_row_thins_no_others_and_is_never_thinned() -> None:
    """A census is a census, also when the first thing behind it is an audit of one in twenty still to come."""
    states = [LabelState.LABELLED] * 400 + [LabelState.PENDING]
    by_census = some_rows([0] * 400 + [None], states=states, probabilities=[1.0] * 400 + [0.05])
    assert 401 == len(provable(by_census).looked_at())
    by_audit = some_rows([0] * 400 + [None], states=states, probabilities=[0.05] * 400 + [1.0])
    for draw in (0.0, 0.5, 0.999):
        by_audit.draw[-1] = draw
        assert 401 == len(provable(by_audit).looked_at())


def test_what_was_missed_stays_in_the_sample_and_what_was_not_due_does_not() -> None:
    """Certificates count the missed as errors; who was never to be looked at is represented by the others."""
    rows = some_rows([0, None, None], states=[LabelState.LABELLED, LabelState.MISSED, LabelState.NOT_DUE])
    assert [0, -1] == rows.looked_at().loss.tolist()


def test_rows_nobody_looked_at_bound_the_sample() -> None:
    """A period that was audited less counts as much as any other, even if by chance none of it was drawn."""
    rows = some_rows([0] * 400 + [None], probabilities=[1.0] * 400 + [0.05])
    assert 5 < len(rows.looked_at()) < 40
