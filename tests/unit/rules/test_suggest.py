"""Suggestions for names that are not known."""

from __future__ import annotations

import pytest

from oversight.rules.suggest import suggest

KNOWN = ("response_confidence", "sentiment_score", "vip", "Refund_not_showing_up")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("respnse_confidence", "response_confidence"),
        ("Sentiment-Score", "sentiment_score"),
        ("sentiment score", "sentiment_score"),
        ("VIP", "vip"),
        ("refund_not_showing_up", "Refund_not_showing_up"),
    ],
)
def test_a_near_name_is_suggested(word, meant):
    """Most unknown names are slips of the finger, and the right one saves a search."""
    assert meant == suggest(word, KNOWN)


@pytest.mark.parametrize("word", ["", "weather", "x"])
def test_nothing_is_suggested_where_nothing_is_near(word):
    """A wild guess would send people the wrong way."""
    assert "" == suggest(word, KNOWN)


def test_the_order_of_the_known_names_does_not_matter():
    """Two runs over the same files must print the same text."""
    assert suggest("low", ["lov", "loy"]) == suggest("low", ["loy", "lov"])
