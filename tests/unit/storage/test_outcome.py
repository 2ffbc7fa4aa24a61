"""The text that stands for an outcome."""

from __future__ import annotations

from oversight.storage.outcome import Outcome, canonical_outcome


def test_only_what_was_reported_is_in_the_text() -> None:
    """A retry by a newer client with more optional fields left empty is still the same report."""
    outcome = Outcome("é", "d", verdict=1, escalated=False, csat=4.0, observed_at_us=0)

    assert (
        '{"outcome_id":"\\u00e9","decision_id":"d","verdict":1,"escalated":false,"csat":4.0,"observed_at_us":0}'
        == canonical_outcome(outcome)
    )
