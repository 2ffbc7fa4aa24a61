"""Certificates: a proven threshold or an honest no."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapie.risk_control.fwer_control import FWERFixedSequenceTesting
from numpy.typing import NDArray
from scipy.stats import binom

from oversight.feedback.candidates import ThresholdLimits, candidates
from oversight.feedback.certificate import Certificate, CertificateStatus, certify
from oversight.feedback.intervals import binomial_tail, upper_bound
from oversight.feedback.labels import LabelState
from oversight.feedback.power import labels_to_prove
from oversight.feedback.rows import Population, Rows
from unit.feedback.feedback_rows import some_rows

ANYWHERE = ThresholdLimits(0.0, 1.0)
CERTIFIED, NO_SAFE_THRESHOLD = CertificateStatus.CERTIFIED, CertificateStatus.NO_SAFE_THRESHOLD


def census(wrong: NDArray[np.bool_], values: NDArray[np.float64]) -> Rows:
    return some_rows(wrong.astype(int).tolist(), values=values.tolist())


def drawn(count: int = 3_000, seed: int = 1) -> Rows:
    """A census in which confidence tells a good deal."""
    rng = np.random.default_rng(seed)
    values = rng.random(count)
    return census(rng.random(count) < 0.3 * (1 - values) ** 2, values)


def ask(rows: Rows, limits: ThresholdLimits = ANYWHERE, max_error: float = 0.05, delta: float = 0.05) -> Certificate:
    return certify(rows, limits, max_error=max_error, delta=delta)


def test_the_most_lenient_proven_candidate_is_the_answer() -> None:
    """Step by step, by hand: the last before the first failure, with its own figures."""
    rows = drawn()
    found = ask(rows)
    walked = []
    for threshold in candidates(rows.value, ANYWHERE):
        within = rows.value >= threshold
        n, errors = int(within.sum()), int(rows.loss[within].sum())
        if n < 177:
            continue
        if binomial_tail(errors, n, 0.05) > 0.05:
            break
        walked.append((threshold, n, errors))
    assert CERTIFIED == found.status
    assert found.threshold is not None
    assert walked[-1] == (found.threshold, found.n, found.errors)
    assert upper_bound(found.errors, found.n, confidence=0.95) == found.upper_bound <= 0.05
    assert pytest.approx((rows.value >= found.threshold).mean()) == found.autonomy
    assert (0, 0, 3_000, len(walked) + 1) == (found.missed, found.labels_needed, found.eligible, len(found.tested))


@pytest.mark.parametrize("seed", range(20))
def test_the_sequence_is_mapies(seed: int) -> None:
    """A published implementation of fixed-sequence testing rejects the same hypotheses."""
    rows = drawn(seed=seed)
    tails = []
    for threshold in candidates(rows.value, ANYWHERE):
        within = rows.value >= threshold
        if within.sum() >= 177:
            tails.append(binomial_tail(int(rows.loss[within].sum()), int(within.sum()), 0.05))
    rejected = FWERFixedSequenceTesting().run(np.array(tails), 0.05)
    assert len(rejected) == sum(proof.p_value <= 0.05 for proof in ask(rows).tested)


def test_the_first_failure_ends_the_sequence() -> None:
    """A lucky candidate behind a failed one proves nothing: every look costs."""
    wrong = np.zeros(2_600, dtype=np.bool_)
    wrong[210:390:5] = True
    found = ask(census(wrong, np.linspace(1, 0, 2_600)))
    assert [0, 36] == [proof.errors for proof in found.tested]
    assert found.tested[0][:3] == (found.threshold, found.n, found.errors)
    assert binomial_tail(36, 2_400, 0.05) < 1e-12


def test_the_first_test_waits_for_three_times_the_least_labels() -> None:
    """With 59 labels one error ends it all: better to begin where it can be borne."""
    count = 59 * 13
    found = ask(census(np.zeros(count, dtype=np.bool_), np.linspace(1, 0, count)))
    assert 177 <= found.tested[0].n < 3 * 59 + 59
    assert 10 == len(found.tested)


def test_without_enough_labels_it_says_how_many_are_missing() -> None:
    """An honest no, and what to do about it."""
    found = ask(some_rows([0] * 100))
    assert (NO_SAFE_THRESHOLD, None, 100, 0, 0) == found[:5]
    assert (upper_bound(0, 100), 0.0, 261, 100, ()) == found[5:10]


def test_the_labels_needed_are_those_of_the_next_look() -> None:
    """A later look has less to spend, so it takes more."""
    found = certify(some_rows([0] * 100), ANYWHERE, max_error=0.05, delta=0.03, next_delta=0.01)
    assert 361 - 100 < found.labels_needed


def test_an_ai_that_errs_too_often_needs_no_more_labels() -> None:
    """More of the same would prove nothing else."""
    found = ask(some_rows([1, 0] * 400))
    assert (NO_SAFE_THRESHOLD, 800, 400, 0, 1) == (
        found.status, found.n, found.errors, found.labels_needed, len(found.tested)
    )  # fmt: skip


def test_a_rate_below_the_target_needs_the_labels_that_would_prove_it() -> None:
    """4 % of 700 is no AI that errs too often: with so many more at 4 % it is certified."""
    few = ask(some_rows([1] * 28 + [0] * 672))
    assert (NO_SAFE_THRESHOLD, labels_to_prove(28, 700, 0.04, 0.05, 0.05)) == (few.status, few.labels_needed)
    count = 25 * -(-(700 + few.labels_needed) // 25)
    enough = ask(some_rows([1] * (count // 25) + [0] * (count - count // 25)))
    assert CERTIFIED == enough.status


def test_reviews_that_were_not_done_are_the_labels_that_are_missing() -> None:
    """Nobody has seen an error: to say that the AI errs too often would be a lie."""
    states = [LabelState.LABELLED] * 700 + [LabelState.MISSED] * 100
    found = ask(some_rows([0] * 700 + [None] * 100, states=states))
    assert (NO_SAFE_THRESHOLD, 800, 100, 100, 100) == (*found[:1], *found[2:5], found.labels_needed)


def test_a_rate_above_the_target_is_not_too_high_before_that_is_proven() -> None:
    """46 of 800 is 5.75 %, and 5 % is not excluded."""
    assert 0 < ask(some_rows([1] * 46 + [0] * 754)).labels_needed < 2_000
    assert 0 == ask(some_rows([1] * 60 + [0] * 740)).labels_needed


def test_where_the_surest_replies_have_few_labels_more_of_them_may_help() -> None:
    """The first that was tested errs too often; stricter ones were not tested for want of labels."""
    values = np.linspace(1, 0, 400)
    found = ask(census(np.arange(400) >= 100, values))
    assert (NO_SAFE_THRESHOLD, True) == (found.status, found.candidates[0].n < 177 <= found.tested[0].n)
    assert found.labels_needed > 0


def test_erased_ones_are_no_proof_that_the_ai_errs_too_often() -> None:
    """They count as errors because nobody can tell."""
    rows = census(np.zeros(300, dtype=np.bool_), np.append(np.full(200, 0.9), [np.inf] * 100))
    found = certify(rows, ANYWHERE, max_error=0.05, delta=0.05, population=a_population([0.9]))
    assert (NO_SAFE_THRESHOLD, 100) == (found.status, found.errors)
    assert found.labels_needed > 0


def test_without_decisions_there_is_nothing_to_prove() -> None:
    """A new scope gets the same honest no."""
    assert Certificate(NO_SAFE_THRESHOLD, None, 0, 0, 0, 1.0, 0.0, 361, 0) == ask(some_rows([]))


def test_a_missed_review_counts_as_an_error() -> None:
    """Else who skips the difficult ones would earn autonomy by it."""
    done, skipped = [LabelState.LABELLED] * 940, [LabelState.MISSED] * 60
    found = ask(some_rows([0] * 940 + [None] * 60, states=done + skipped))
    assert (NO_SAFE_THRESHOLD, 60, 60) == (found.status, found.errors, found.missed)
    assert CERTIFIED == ask(some_rows([0] * 940)).status


def test_errors_that_are_told_late_prove_nothing() -> None:
    """
    Approvals at once, errors on the last day: the settled rows end at an error, behind a run of approvals.

    At a true rate of just the target, summed up exactly over the errors among 236 mature rows and the length of the
    run: the chance of a proof stays within delta, and would be 6.8 % if the row at the end were left out.
    """
    mature, late, rate = 236, 120, 0.05
    wrong_proofs = 0.0
    for errors in range(12):
        proven = [run for run in range(late) if CERTIFIED == ask(told_late(mature, errors, run)).status]
        # The longer the run of approvals, the better it looks.
        chance = (1 - rate) ** proven[0] if proven else 0.0
        wrong_proofs += float(binom.pmf(errors, mature, rate)) * chance
    assert 0.02 < wrong_proofs <= 0.05


def told_late(mature: int, errors: int, run: int) -> Rows:
    """Return mature rows with so many errors, a run of approvals, and an error that nobody told yet."""
    done, losses = mature + run, [1] * errors + [0] * (mature - errors + run)
    states = [*[LabelState.LABELLED] * done, LabelState.PENDING]
    return some_rows([*losses, None], states=states)


def test_reviews_count_no_more_than_audits() -> None:
    """They are thinned to the chance of an audit; n says what is left."""
    rows = some_rows([0] * 4_000, values=[0.9] * 1_000 + [0.5] * 3_000, probabilities=[0.1] * 1_000 + [1.0] * 3_000)
    found = ask(rows)
    assert 0.5 == found.threshold
    assert 1_250 < found.n < 1_350


def test_a_row_of_unknown_value_is_an_error_at_every_threshold() -> None:
    """Its customer was erased: what it says for any threshold nobody can tell, and it must not be for one."""
    rows = census(np.zeros(420, dtype=np.bool_), np.append(np.linspace(0.5, 1, 400), [np.inf] * 20))
    found = certify(rows, ANYWHERE, max_error=0.05, delta=0.05, population=a_population([0.5, 0.7, 0.9]))
    assert [(100, 20), (260, 20), (420, 20)] == [(one.n, one.errors) for one in found.candidates if one.n]
    assert (NO_SAFE_THRESHOLD, 0) == (found.status, found.missed)


def test_unknown_values_are_no_labels_to_begin_with() -> None:
    """Else whoever is erased could have a say in where the walk ends."""
    values = np.append(np.full(176, 0.9), [np.inf])
    few = census(np.zeros(177, dtype=np.bool_), values)
    spread = a_population([0.9])
    found = certify(few, ANYWHERE, max_error=0.05, delta=0.05, population=spread)
    assert (NO_SAFE_THRESHOLD, 1) == (found.status, len(found.tested))
    enough = census(np.zeros(178, dtype=np.bool_), np.append(np.full(177, 0.9), [np.inf]))
    assert CERTIFIED == certify(enough, ANYWHERE, max_error=0.05, delta=0.05, population=spread).status


@pytest.mark.parametrize("seed", range(40))
def test_whoever_is_erased_nothing_is_accepted_that_would_not_have_been(seed: int) -> None:
    """The walk that knows all values accepts no less, whichever rows lost theirs, and whatever they were."""
    rng = np.random.default_rng(seed)
    values = rng.random(600)
    wrong = rng.random(600) < 0.12 * (1 - values)
    all_of_them = Population(values, np.ones(600), np.zeros(600, dtype=np.int64), values)
    in_truth = certify(census(wrong, values), ANYWHERE, max_error=0.05, delta=0.05, population=all_of_them)
    lost = wrong & (rng.random(600) < rng.random()) | (rng.random(600) < 0.02 * rng.random())
    left = census(wrong, np.where(lost, np.inf, values))
    found = certify(left, ANYWHERE, max_error=0.05, delta=0.05, population=all_of_them._replace(value=left.value))
    assert (found.threshold or 2.0) >= (in_truth.threshold or 2.0)


def test_where_lowering_tightens_the_highest_proven_value_is_the_answer() -> None:
    """A score of danger: the mirror image of confidence."""
    rows = drawn()
    mirrored = ThresholdLimits(-1.0, 0.0, "lower")
    turned = Rows(**{name: getattr(rows, name) for name in rows.__slots__} | {"value": -rows.value})
    expected, found = ask(rows), ask(turned, mirrored)
    assert (-(expected.threshold or 0), expected.n, expected.errors) == (found.threshold, found.n, found.errors)


def a_population(values: list[float], *, probability: float = 1.0, decided_at_us: int = 0) -> Population:
    count = len(values)
    return Population(np.array(values), np.full(count, probability), np.full(count, decided_at_us, dtype=np.int64))


def test_candidates_and_shares_are_those_of_the_population() -> None:
    """Labels come from reviews, and reviews from low confidences: the traffic is what autonomy is a share of."""
    rows = some_rows([0] * 1_000, values=0.9)
    population = a_population([0.5] * 250 + [0.9] * 750)
    found = certify(rows, ANYWHERE, max_error=0.05, delta=0.05, population=population)
    assert (0.5, 1.0, 1_000) == (found.threshold, found.autonomy, found.eligible)
    assert [(0.9, 0.75), (0.5, 1.0)] == [(one.threshold, one.autonomy) for one in found.candidates]


def test_decisions_that_nobody_could_look_at_leave_nothing_proven() -> None:
    """They are among those the answer is about, and no label can ever speak for them."""
    rows = some_rows([0] * 1_000)
    for probability, n in ((1.0, 1_000), (0.0, 0)):
        population = a_population([0.9], probability=probability)
        assert n == certify(rows, ANYWHERE, max_error=0.05, delta=0.05, population=population).n


def test_the_population_ends_where_labels_are_still_to_come() -> None:
    """One span of time for both: what is newer may be of another kind."""
    rows = some_rows([0] * 999 + [None], states=[LabelState.LABELLED] * 999 + [LabelState.PENDING])
    pending_us = int(rows.decided_at_us[-1])
    older, newer = (a_population([0.9], decided_at_us=at_us) for at_us in (pending_us - 1, pending_us))
    assert 1 == certify(rows, ANYWHERE, max_error=0.05, delta=0.05, population=older).eligible
    assert 0 == certify(rows, ANYWHERE, max_error=0.05, delta=0.05, population=newer).eligible


def test_every_candidate_is_told_also_those_that_were_not_tested() -> None:
    """A chart of risk by share of traffic has them all."""
    found = ask(drawn())
    assert 12 == len(found.candidates)
    assert set(found.tested) < set(found.candidates)


LABELS = st.lists(st.tuples(st.integers(0, 20), st.sampled_from([0, 0, 0, 0, 0, 0, 0, 1])), min_size=1, max_size=300)


@settings(max_examples=50)
@given(LABELS, st.data())
def test_order_changes_nothing_and_an_error_more_never_loosens(
    labels: list[tuple[int, int]], data: st.DataObject
) -> None:
    """Two replicas read rows in two orders; no report of an error may earn autonomy."""
    values, losses = [value / 20 for value, _ in labels], [loss for _, loss in labels]
    rows = some_rows(losses, values=values)
    found = ask(rows, max_error=0.2, delta=0.2)
    order = np.array(data.draw(st.permutations(range(len(rows)))))
    assert found == ask(rows.take(order), max_error=0.2, delta=0.2)
    losses[data.draw(st.integers(0, len(losses) - 1))] = 1
    worse = ask(some_rows(losses, values=values), max_error=0.2, delta=0.2)
    assert worse.threshold is None or (found.threshold is not None and found.threshold <= worse.threshold)


@settings(max_examples=50)
@given(LABELS, st.sampled_from([0.05, 0.1, 0.3]))
def test_what_is_certified_is_proven_and_within_limits(labels: list[tuple[int, int]], max_error: float) -> None:
    """The bound that is shown keeps the target, always."""
    rows = some_rows([loss for _, loss in labels], values=[value / 20 for value, _ in labels])
    found = ask(rows, ThresholdLimits(0.25, 0.75), max_error=max_error, delta=0.3)
    if found.threshold is not None:
        assert found.upper_bound <= max_error + 1e-12
        assert 0.25 <= found.threshold <= 0.75
