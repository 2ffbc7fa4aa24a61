"""Moments with their zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oversight.rules.moments import read_moment


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01t00:00:01z", 1_000_000),
        ("1970-01-01 01:00:00+01:00", 0),
        ("1969-12-31T23:59:59.999999Z", -1),
        ("2026-01-01T00:00:00.123456789Z", 1_767_225_600_123_456),
        ("2026-01-01T00:00:00.5-02:30", 1_767_234_600_500_000),
    ],
)
def test_rfc_3339_is_read_to_the_microsecond(text, expected):
    """Rules that begin an hour late because of a zone would be worse than none."""
    assert expected == read_moment(text)


@given(st.integers(min_value=0, max_value=253_402_300_799_999_999))
def test_every_moment_is_read_back(microseconds):
    """What a person writes and what the engine compares with must be the same moment."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)

    assert microseconds == read_moment(moment.isoformat(timespec="microseconds"))


@pytest.mark.parametrize(
    "text",
    ["", "2026-01-01", "2026-01-01T00:00:00", "2026-01-01T00:00Z", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00Z\n",
     "tomorrow", 20260101, None, True],
)  # fmt: skip
def test_what_is_no_moment_with_a_zone_is_refused(text):
    """A time without a zone means another moment on every machine."""
    with pytest.raises(ValueError, match="with its zone, such as 2026-12-24T08:00:00"):
        read_moment(text)


@pytest.mark.parametrize(
    "text", ["2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-01-01T24:00:00Z", "0000-01-01T00:00:00Z"]
)
def test_a_moment_that_does_not_exist_is_refused(text):
    """The 29th of February of a common year is a slip that a person should hear of."""
    with pytest.raises(ValueError, match="does not exist"):
        read_moment(text)
