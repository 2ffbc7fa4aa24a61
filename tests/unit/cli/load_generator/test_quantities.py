"""Durations and numbers as people type them."""

import pytest

from oversight.cli.load_generator.quantities import parse_duration_s, parse_numbers
from oversight.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30.0), ("500ms", 0.5), ("2m", 120.0), ("1.5h", 5400.0), ("7", 7.0), (" 3s ", 3.0)]
)
def test_durations_are_read_with_their_unit(text, seconds):
    """As k6, vegeta and ghz write them."""
    assert seconds == parse_duration_s("--duration", text, low_s=0.1, high_s=86_400)


@pytest.mark.parametrize("text", ["", "s", "3 days", "-1s", "nan", "10ms", "25h", "1e3s"])
def test_what_is_no_duration_is_refused(text):
    """With the option's name and what was expected."""
    with pytest.raises(UsageError, match=r"--duration .*expected"):
        parse_duration_s("--duration", text, low_s=0.1, high_s=86_400)


def test_numbers_are_read_in_their_order():
    """The order is that of the steps."""
    assert [2000.0, 500.0, 0.5] == parse_numbers("--rates", "2000,500, 0.5", high=1e6)


@pytest.mark.parametrize("text", ["", "a", "1,,2", "0", "-5", "inf", "nan", "2000000", ",".join(["1"] * 21)])
def test_what_are_no_numbers_is_refused(text):
    """A rate of 0 sends nothing, and an infinite one never ends."""
    with pytest.raises(UsageError, match="--rates"):
        parse_numbers("--rates", text, high=1e6)
