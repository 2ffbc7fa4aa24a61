"""Conditions in words."""

import pytest

from oversight.engine.policy import All, Any, Check, Literal, Not, SupportedLanguages, ThresholdRef
from oversight.rules.phrasing import phrase_condition

ANGRY = Check("sentiment_score", "at_most", ThresholdRef("anger_sentiment"))
REFUND = Check("intent", "in", Literal(("refund", "chargeback")))
ASKED = Check("human_requested", "equals", Literal(True))


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (ANGRY, "sentiment_score at most $anger_sentiment"),
        (REFUND, 'intent in ["refund", "chargeback"]'),
        (ASKED, "human_requested equals true"),
        (Check("language", "not_in", SupportedLanguages()), "language not in the supported languages"),
        (Check("churn_risk", "present", Literal(True)), "churn_risk is present"),
        (Check("churn_risk", "present", Literal(False)), "churn_risk is absent"),
        (Check("x", "below", ThresholdRef("t", 0.05)), "x below $t + 0.05"),
        (Check("x", "below", ThresholdRef("t", -0.05)), "x below $t - 0.05"),
        (Check("attributes.city", "equals", Literal("Zürich")), 'attributes.city equals "Zürich"'),
        (Not(All((ANGRY, ASKED))), "not (sentiment_score at most $anger_sentiment and human_requested equals true)"),
        (
            Any((ASKED, All((ANGRY, REFUND)))),
            (
                "human_requested equals true or "
                '(sentiment_score at most $anger_sentiment and intent in ["refund", "chargeback"])'
            ),
        ),
        (All((Any((ASKED,)), ANGRY)), "human_requested equals true and sentiment_score at most $anger_sentiment"),
    ],
)
def test_a_condition_is_one_line_that_can_be_read_only_one_way(condition, words):
    """Whoever reads it decides whether a rule does what was meant."""
    assert words == phrase_condition(condition)
