"""Corrections, in the order they are worth learning from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oversight.feedback.corrections import CorrectedContext, context_key, learning_order


def corrected(name: str, margin: float | None, **context: str | float | bool | None) -> CorrectedContext:
    return CorrectedContext(name, margin, context)


def test_the_least_certain_come_first_and_those_without_a_margin_last() -> None:
    """A correction teaches most where the model hesitated."""
    rows = [corrected("c", 0.5, intent="a"), corrected("b", None, intent="b"), corrected("a", 0.1, intent="c")]
    assert ["a", "c", "b"] == [row.decision_id for row in learning_order(rows)]


def test_one_of_each_near_duplicate_is_kept_the_least_certain() -> None:
    """The same case twice teaches little more."""
    rows = [corrected("a", 0.3, intent="x", score=0.61), corrected("b", 0.2, intent="x", score=0.69)]
    assert ["b"] == [row.decision_id for row in learning_order(rows)]


@pytest.mark.parametrize(
    "other", [{"intent": "y"}, {"score": 0.71}, {"amount": 6}, {"held": False}, {"channel": "email"}]
)
def test_contexts_differ_by_any_word_number_or_flag(other: dict[str, str | float | bool]) -> None:
    """Whole numbers are counts and kinds: 5 is not near 6."""
    context: dict[str, str | float | bool | None] = {"intent": "x", "score": 0.65, "amount": 5, "held": True}
    assert context_key(context) != context_key({**context, **other})
    assert context_key(context) == context_key({**dict(reversed(context.items())), "absent": None})


def test_a_value_on_the_edge_of_a_cell_belongs_to_it() -> None:
    """0.3 / 0.1 is a little less than 3: rounding must not move it."""
    assert context_key({"score": 0.3}) == context_key({"score": 0.39})


@pytest.mark.parametrize("cell", [0.0, -1.0, float("nan")])
def test_a_cell_has_a_width(cell: float) -> None:
    """Without one nothing is near anything."""
    with pytest.raises(ValueError, match="expected a width above 0"):
        context_key({}, cell=cell)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.none() | st.floats(0, 1)), max_size=12), st.data())
def test_the_order_of_rows_changes_nothing(rows: list[tuple[str, float | None]], data: st.DataObject) -> None:
    """Two exports of the same records are the same."""
    made = [corrected(f"{place}", margin, intent=intent) for place, (intent, margin) in enumerate(rows)]
    assert learning_order(made) == learning_order(data.draw(st.permutations(made)))
