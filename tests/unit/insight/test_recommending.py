"""Recommendations over a real store: which decisions count, what is proven, and what is spent."""

from __future__ import annotations

from random import Random

import pytest

from contract.samples import an_id, an_outcome_record
from oversight.errors import OverloadedError
from oversight.feedback.certificate import CertificateStatus
from oversight.feedback.draws import equalising_draw
from oversight.insight.governing import Replayer, govern
from oversight.insight.recommending import Bounds
from oversight.rules.scopes import Scope
from oversight.storage.recommendations import RecommendationKey, SqlRecommendations, StoredRecommendation
from recommending_scene import ASKED, Scene, a_census, a_message
from threshold_desk import BANK, CENTRE, HOUR_US, NOW_US, the_rules


def test_the_most_lenient_value_that_is_proven_is_recommended(scene: Scene) -> None:
    """With the evidence behind it, and what the value in force does."""
    scene.add(a_census())

    found = scene.ask()

    certificate = found.recommendation.certificate
    assert CertificateStatus.CERTIFIED == certificate.status
    assert certificate.threshold is not None
    assert 0.75 < certificate.threshold < 0.85
    assert ("centre", "autonomy", "response_confidence", "m1", 0.85) == (
        *(found.policy, found.name, found.signal, found.model_version, found.value_in_force),
    )
    assert 1_500 == certificate.eligible
    assert pytest.approx(1 / 3, abs=0.05) == found.autonomy_in_force
    assert found.autonomy_in_force < certificate.autonomy
    assert (1, False, 0) == (found.recommendation.call, found.stored, found.erased)
    assert pytest.approx(0.05 / 1.645) == found.recommendation.delta
    assert len(certificate.candidates) > len(certificate.tested) > 0
    assert found.through_us is not None


def test_asking_again_gets_the_stored_answer_and_spends_nothing(scene: Scene) -> None:
    """Also when traffic has grown, and some hours later; another question is another look."""
    scene.add(a_census())
    first = scene.ask()
    scene.add([(a_message(number, 0.9), None) for number in range(5_000, 5_100)])
    scene.now_us += 2 * HOUR_US
    again = scene.ask()
    assert (first.recommendation, True) == (again.recommendation, again.stored)
    assert 2 == scene.ask(ASKED._replace(max_error=0.04)).recommendation.call
    assert 2 == len(scene.spent.calls(RecommendationKey("centre", "autonomy", "", "", "", "m1")))


def test_new_labels_are_another_look(scene: Scene) -> None:
    """Each spends less than the one before."""
    scene.add(a_census())
    scene.ask()
    scene.add([(a_message(9_000, 0.9), 0)])
    found = scene.ask()
    assert (2, False) == (found.recommendation.call, found.stored)
    assert pytest.approx(0.05 / (1.645 * 4)) == found.recommendation.delta


def test_what_is_spent_is_on_record_with_who_asked(scene: Scene) -> None:
    """Before it is shown: else a crash would give a look for nothing."""
    scene.add(a_census())
    found = scene.ask(author="bob")
    [row] = scene.spent.calls(RecommendationKey("centre", "autonomy", "", "", "", "m1"))
    assert (1, found.recommendation.digest, found.recommendation.delta, NOW_US, "bob") == (
        *(row.call, row.digest, row.delta, row.at_us, row.author),
    )


class Raced:
    """A record of recommendations at which another replica comes first, so many times."""

    def __init__(self, store: SqlRecommendations, times: int) -> None:
        self._store = store
        self._times = times

    def calls(self, key: RecommendationKey) -> tuple[StoredRecommendation, ...]:
        return self._store.calls(key)

    def add(self, key: RecommendationKey, one: StoredRecommendation) -> bool:
        if self._times:
            self._times -= 1
            assert self._store.add(key, one._replace(digest=f"{self._times:064x}"))
        return self._store.add(key, one)


def test_whoever_comes_second_takes_the_next_number(scene: Scene) -> None:
    """Two replicas that are asked at once must not spend one share twice."""
    scene.add(a_census())
    found = scene.ask(store=Raced(scene.spent, 2))
    assert 3 == found.recommendation.call
    assert pytest.approx(0.05 / (1.645 * 9)) == found.recommendation.delta


def test_a_race_that_does_not_end_is_given_up(scene: Scene) -> None:
    """The caller can try again; nobody waits for ever."""
    scene.add(a_census(50))
    with pytest.raises(OverloadedError, match="at the same time"):
        scene.ask(store=Raced(scene.spent, 100))


def test_without_evidence_nothing_is_spent(scene: Scene) -> None:
    """To ask too early must not cost what is left for later."""
    for _ in range(2):
        found = scene.ask()
        assert (CertificateStatus.NO_SAFE_THRESHOLD, 0, False) == (
            *(found.recommendation.certificate.status, found.recommendation.call, found.stored),
        )
    assert found.recommendation.certificate.labels_needed > 361
    assert () == scene.spent.calls(RecommendationKey("centre", "autonomy", "", "", "", found.model_version))
    assert found.model_version == ""


def test_reviews_and_audits_are_brought_to_equal_chances(scene: Scene) -> None:
    """Reviews see every reply below the threshold, audits one in ten above."""
    reviewed = [(a_message(n, 0.8, tier=2), None) for n in range(300)]
    audited = [(a_message(n, 0.9, audit_probability=0.1, audit_selected=True), None) for n in range(300, 400)]
    rest = [(a_message(n, 0.9, audit_probability=0.1), None) for n in range(400, 1_300)]
    scene.world.add(
        [one for one, _ in (*reviewed, *audited, *rest)],
        [an_outcome_record(number, verdict=1, label_basis=1 if number < 300 else 2) for number in range(400)],
    )
    [strict, lenient] = scene.ask().recommendation.certificate.candidates
    assert (0.9, 100, 1_000 / 1_300) == (strict.threshold, strict.n, strict.autonomy)
    assert 100 + 15 < lenient.n < 100 + 50


def test_a_review_that_was_due_and_not_done_is_an_error(scene: Scene) -> None:
    """Else nobody would have to look at what is difficult."""
    scene.add([(a_message(number, 0.9, audit_selected=True), None) for number in range(5)])
    scene.now_us += 3 * HOUR_US
    certificate = scene.ask().recommendation.certificate
    assert (5, 5, 5) == (certificate.n, certificate.errors, certificate.missed)


def test_what_is_not_in_the_evidence_yet_is_not_in_the_answer(scene: Scene) -> None:
    """Its review may be due: traffic without its labels would look better looked after than it is."""
    scene.add([(a_message(number, 0.9), None) for number in range(10, 20)])
    scene.world.store.add([a_message(0, 0.9)], [])
    found = scene.ask(ASKED._replace(model_version="m1"))
    assert 10 == found.recommendation.certificate.eligible
    assert NOW_US - HOUR_US - 10 == found.through_us


def test_the_newest_model_version_is_meant_where_none_is_named(scene: Scene) -> None:
    """What is running now, not what ran most."""
    scene.add([(a_message(number, 0.9), 0) for number in range(10, 30)])
    scene.add([(a_message(1, 0.9, model_version="m2"), 0)])
    assert ("m2", "m1") == (scene.ask().model_version, scene.ask(ASKED._replace(model_version="m1")).model_version)
    scene.add([(a_message(0, 0.9, model_version="m3", department="bank", currency="EUR"), 0)])
    assert "m3" == scene.ask().model_version
    assert "m3" == scene.ask(ASKED._replace(policy="bank")).model_version
    assert "" == scene.ask(ASKED._replace(scope=Scope(currency="USD"))).model_version


def test_what_is_looked_at_is_bounded(scene: Scene) -> None:
    """The newest labels, and as many decisions as a quantile takes."""
    scene.add([(a_message(number, 0.9), int(number >= 20)) for number in range(60)])
    scene.bounds = Bounds(labels=20, eligible=1_000, sampled=1_000, portion=7)
    certificate = scene.ask().recommendation.certificate
    assert (20, 0, 20) == (certificate.n, certificate.errors, certificate.eligible), "one span of time for both"
    scene.bounds = Bounds(labels=100, eligible=10, sampled=1_000, portion=7)
    assert 10 == scene.ask(ASKED._replace(max_error=0.1)).recommendation.certificate.eligible
    scene.bounds = Bounds(labels=100, eligible=1_000, sampled=14, portion=7)
    assert 14 == scene.ask(ASKED._replace(max_error=0.2)).recommendation.certificate.eligible


@pytest.mark.parametrize("seed", range(12))
def test_what_is_counted_is_what_anybody_would_count(scene: Scene, seed: int) -> None:
    """Reviews, audits, a census, what was missed and what is still to come, of two models: counted by hand."""
    random = Random(seed)  # noqa: S311 - no secret
    records, reports, expected = [], [], []
    for number in range(200):
        tier = random.choice([1, 1, 1, 2, 3])
        chance = random.choice([0.5, 0.8]) if tier == 1 else 0.0
        drawn = random.random() < chance
        model, amount = random.choice(["m1", "m1", "m2"]), random.choice([None, None, 200])
        at_us = NOW_US - random.randrange(5 * HOUR_US)
        confidence = round(random.uniform(0.55, 1.0), 3)
        fields = {"model_version": model, "amount_minor": amount, "decided_at_us": at_us}
        audit = {"audit_probability": chance, "audit_selected": drawn}
        records.append(a_message(number, confidence, tier=tier, **fields, **audit))
        basis = random.choice([None, 3, 4, *[1 if tier == 2 else 2] * 6])
        wrong = random.random() < 0.1
        if basis is not None:
            reports.append(an_outcome_record(number, verdict=4 if wrong else 1, label_basis=basis))
        due = tier == 2 or drawn
        counts = basis == 3 or (basis in (1, 2) and due)
        pending = due and not counts and at_us + 2 * HOUR_US >= NOW_US
        if model == "m1" and amount is None and tier < 3:
            chance = 1.0 if tier == 2 or basis == 3 else chance
            expected.append((at_us, an_id(number), confidence, chance, due or counts, pending, not counts or wrong))
    scene.world.add(records, reports)

    found = scene.ask(ASKED._replace(model_version="m1")).recommendation.certificate

    end_us, border = min(((at_us, key) for at_us, key, *_, pending, _ in expected if pending), default=(NOW_US + 1, ""))
    settled = [one for one in expected if one[0] < end_us]
    least = min(chance for _, _, _, chance, *_ in settled)
    kept = [one for one in settled if one[4] and equalising_draw(one[1]) * one[3] < least]
    kept += [one for one in expected if one[1] == border]
    assert len(settled) == found.eligible > 0
    assert found.candidates
    for proof in found.candidates:
        above = [one[6] for one in kept if one[2] >= proof.threshold]
        assert (len(above), sum(above)) == (proof.n, proof.errors)


def test_a_small_sample_does_not_hide_what_nobody_could_look_at(scene: Scene) -> None:
    """Of ten million decisions 200,000 are looked at: a few hundred in a narrow scope, and no rare kind among them."""
    scene.rules = the_rules(centre=CENTRE, bank=BANK)
    scene.add([(a_message(number, 0.9, audit_probability=1.0, audit_selected=True), None) for number in range(400)])
    scene.world.add([], [an_outcome_record(number, verdict=1, label_basis=2) for number in range(400)])
    scene.bounds = Bounds(sampled=100, portion=50)
    assert 400 == scene.ask().recommendation.certificate.candidates[-1].n
    scene.add([(a_message(500, 0.9, audit_probability=0.0, tier=3), None)])
    scene.add([(a_message(501, 0.9, audit_probability=0.0, model_version="m0"), None)])
    assert 400 == scene.ask(ASKED._replace(model_version="m1")).recommendation.certificate.candidates[-1].n
    scene.add([(a_message(502, 0.9, audit_probability=0.0, department="bank"), None)])
    found = scene.ask(ASKED._replace(model_version="m1", max_error=0.06)).recommendation.certificate
    assert (CertificateStatus.NO_SAFE_THRESHOLD, 0) == (found.status, found.candidates[-1].n)


def test_one_that_cannot_be_decided_again_keeps_nobody_from_an_answer(scene: Scene) -> None:
    """A fault in one record is logged, and the record left out."""
    scene.add([(a_message(number, 0.9), 0) for number in range(3)])
    found = scene.world.replayable.find([an_id(0)])
    governed = govern(scene.rules, {}, "", "autonomy", Scope(), NOW_US)
    replayer = Replayer(scene.rules, {}, governed, now_us=NOW_US)
    broken = found[0]._replace(request=found[0].request._replace(intent=["unhashable"]))  # type: ignore[arg-type]
    assert [0.9, None] == [replayer.value(one) for one in (found[0], broken)]
