"""The third sign: unexpected escalations."""

import numpy as np
import pytest
from scipy.stats import binomtest, fisher_exact

from oversight.feedback.escalations import (
    Baseline,
    counted_baseline,
    escalation_of,
    rise_p_value,
    unexpected_escalations,
)
from oversight.feedback.facts import DecisionFacts, LabelBasis, OutcomeFacts, Verdict
from oversight.feedback.signs import State

ON = DecisionFacts("d", 0, tier=1)
ASKED = DecisionFacts("d", 0, tier=2, escalate=True)
TAKEN = OutcomeFacts(1, verdict=Verdict.TAKEN_OVER, label_basis=LabelBasis.AUDIT)


@pytest.mark.parametrize(
    ("decision", "outcomes", "unexpected"),
    [
        (ON, [OutcomeFacts(1, escalated=True)], True),
        (ON, [TAKEN], True),
        (ON, [OutcomeFacts(1, escalated=False)], False),
        (ON, [OutcomeFacts(1, escalated=True), OutcomeFacts(2, escalated=False)], False),
        (ON._replace(escalate=True), [OutcomeFacts(1, escalated=True)], False),
        (ASKED, [OutcomeFacts(1, escalated=True)], False),
        (ASKED, [OutcomeFacts(1, escalated=True, escalation_expected=False)], True),
        (ASKED, [OutcomeFacts(1, escalation_expected=False)], True),
        (ASKED, [OutcomeFacts(1, escalation_expected=True)], False),
        (ON, [OutcomeFacts(1, escalation_expected=False)], False),
        (ON, [], None),
        (ON, [OutcomeFacts(1, csat=3.0)], None),
        (ON, [TAKEN._replace(planted=True)], None),
    ],
)
def test_unexpected_is_what_nobody_asked_for_or_needed(
    decision: DecisionFacts, outcomes: list[OutcomeFacts], unexpected: bool | None
) -> None:
    """Silence is not "no": what nobody reported is not known."""
    assert unexpected is escalation_of(decision, outcomes)


def test_against_a_fixed_rate_it_is_the_binomial_test() -> None:
    """SciPy's agrees."""
    expected = binomtest(12, 200, 0.03, alternative="greater").pvalue
    assert pytest.approx(expected) == rise_p_value(12, 200, Baseline(0.03))


def test_against_a_counted_baseline_it_is_fishers_test() -> None:
    """A baseline that was counted is no certain number."""
    expected = fisher_exact(np.array([[12, 188], [9, 391]]), alternative="greater").pvalue
    assert pytest.approx(expected) == rise_p_value(12, 200, counted_baseline(9, 400))
    assert rise_p_value(12, 200, counted_baseline(9, 400)) > rise_p_value(12, 200, Baseline(9 / 400))


def test_a_long_baseline_is_as_good_as_a_fixed_rate() -> None:
    """Both tests meet."""
    long = rise_p_value(12, 200, counted_baseline(300_000, 10_000_000))
    assert pytest.approx(rise_p_value(12, 200, Baseline(0.03)), rel=1e-3) == long


@pytest.mark.parametrize(
    ("events", "n", "baseline", "state"),
    [
        (50, 99, 0.03, State.INSUFFICIENT_DATA),
        (4, 100, 0.0, State.OK),
        (5, 100, 0.0, State.CRITICAL),
        (5, 100, 0.04, State.OK),
        (70, 1_000, 0.05, State.WARN),
        (100, 1_000, 0.05, State.CRITICAL),
        (0, 1_000, 0.05, State.OK),
    ],
)
def test_a_rise_warns_and_twice_the_baseline_is_critical(events: int, n: int, baseline: float, state: State) -> None:
    """Fewer than five events are never a warning."""
    finding = unexpected_escalations(events, n, Baseline(baseline))
    assert (state, n, events / n, baseline) == (finding.state, finding.n, finding.value, finding.baseline)
    assert (finding.p_value is None) == (state is State.INSUFFICIENT_DATA)


@pytest.mark.parametrize(
    ("events", "before", "state"),
    [(9, 3, State.INSUFFICIENT_DATA), (9, 99, State.INSUFFICIENT_DATA), (9, 100, State.OK), (60, 50, State.CRITICAL)],
)
def test_beside_a_few_earlier_decisions_silence_is_no_ok(events: int, before: int, state: State) -> None:
    """A new intent has nothing to compare with; what can be shown all the same is a warning."""
    finding = unexpected_escalations(events, 200, counted_baseline(1, before))
    assert state == finding.state
    assert (finding.p_value is None) == (state is State.INSUFFICIENT_DATA)


def test_without_decisions_there_is_no_rate() -> None:
    """Absent is not zero."""
    assert (None, 0.0, 1.0) == unexpected_escalations(0, 0, Baseline(0.1))[3:6]


@pytest.mark.parametrize(
    ("events", "n", "baseline"), [(5, 4, Baseline(0.1)), (1, 4, Baseline(0.5, 5, 4)), (1, 4, Baseline(1.5))]
)
def test_impossible_counts_are_refused(events: int, n: int, baseline: Baseline) -> None:
    """A wrong count must not become a warning, nor hide one."""
    with pytest.raises(ValueError, match="expected a"):
        rise_p_value(events, n, baseline)


def test_a_baseline_was_counted_on_something() -> None:
    """Nothing is no baseline of zero."""
    with pytest.raises(ValueError, match="n is 0"):
        counted_baseline(0, 0)
