"""Values in sentences."""

from __future__ import annotations

import pytest

from oversight.rules.wording import phrase_out_of_bounds, short_commit, show_number, show_value


@pytest.mark.parametrize(
    ("number", "shown"),
    [(10_000_000.0, "10000000"), (10_000_000, "10000000"), (0.85, "0.85"), (0.8500001, "0.8500001"), (-1.0, "-1"),
     (float("nan"), "nan"), (float("inf"), "inf"), (1e300, "1e+300")],
)  # fmt: skip
def test_a_number_stands_as_a_person_writes_it(number, shown):
    """1e+07 in a sentence about money is a riddle; a rounded limit would be a lie."""
    assert shown == show_number(number)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(True, "true"),
     (False, "false"), ({"a": 1}, "keys and values"), ([1], "a list"), ([], "an empty list"), ("a", "'a'"),
     ("x" * 70, "'" + "x" * 56 + "..."), (0.5, "0.5")],
)  # fmt: skip
def test_a_value_stands_as_its_author_would_recognise_it(value, shown):
    """Nobody who writes YAML has ever seen a Python dict."""
    assert shown == show_value(value)


def test_bounds_stand_with_the_value_that_breaks_them():
    """The author must see by how much."""
    expected = "20000000 is out of bounds: 'amount' must be from 0 to 10000000"

    assert expected == phrase_out_of_bounds("amount", 20_000_000.0, 0, 10_000_000.0)


@pytest.mark.parametrize(
    ("commit", "shown"),
    [("c" * 40, "c" * 12), (f"{'c' * 40}-dirty", f"{'c' * 12}-dirty"), ("c0ffee", "c0ffee"), ("", "")],
)
def test_a_commit_is_short_and_says_where_files_differ_from_it(commit, shown):
    """Else a commit would be blamed for what is not in it."""
    assert shown == short_commit(commit)
