"""Recommendations over a real store: which decisions count, what is proven, and what is spent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest

from builders import KEYS
from contract.memory_control_store import MemoryControlStore
from contract.samples import a_decision, a_record, an_id, an_outcome_record
from evidence_store import EvidenceStore
from oversight.engine.control import ControlEvent, EventKind, Setting
from oversight.engine.decision import Tier
from oversight.engine.request import Request
from oversight.errors import NotRecommendableError, OverloadedError, UnknownScopeError, UnknownThresholdError
from oversight.feedback.certificate import CertificateStatus
from oversight.insight.governing import Replayer, govern
from oversight.insight.question import Asked, Recommended
from oversight.insight.recommending import Bounds, Recommending
from oversight.rules.scopes import Scope
from oversight.storage.erasure import Erasure
from oversight.storage.open import open_database, open_engine
from oversight.storage.recommendations import RecommendationKey, SqlRecommendations, StoredRecommendation
from oversight.storage.records import DecisionRecord
from oversight.storage.sqlite import file_url
from oversight.thresholds.log import ControlLog
from threshold_desk import BANK, CARDS, CENTRE, HOUR_US, NOW_US, the_rules

DAY_US = 24 * HOUR_US
SILENT = """\
  - id: silent
    when: {grounding_score: {below: $autonomy}}
    tier: human_in_the_loop
    reason: SILENT
    message: Not in force yet.
    shadow: true
  - id: offered
    when: {sentiment_score: {below: $autonomy}}
    tier: human_on_the_loop
    escalation: offer
    reason: OFFERED
    message: A person is offered.
"""
VIP = """\
  - id: vip
    when: {customer_tier: vip, response_confidence: {below: $autonomy + 0.05}}
    tier: human_in_the_loop
    reason: VIP
    message: A VIP.
"""
ASKED = Asked(name="autonomy", max_error=0.05)


def a_message(number: int, confidence: float | None, **fields: Any) -> DecisionRecord:
    """Return a decision about a routine message an hour or more ago, on the loop unless *fields* say otherwise."""
    tier = Tier(fields.pop("tier", 1))
    decided: dict[str, Any] = {"audit_probability": 0.05, "audit_selected": False}
    decided = {name: fields.pop(name, value) for name, value in decided.items()}
    usual: dict[str, Any] = {
        "intent": "order_status",
        "model_version": "m1",
        "decided_at_us": NOW_US - HOUR_US - number,
        "subject_ref": "somebody",
    }
    request = Request(request_id=f"r{number}", response_confidence=confidence, **(usual | fields))
    return a_record(number, request, a_decision(number, tier=tier, review_sla_s=None, **decided))


class Scene:
    """A store with evidence, rules with thresholds, and what recommends over both."""

    def __init__(self, folder: Path) -> None:
        self.url = file_url(folder / "records.db")
        self.world = EvidenceStore(self.url)
        self.spent = SqlRecommendations(open_database(file_url(folder / "control.db"), read_only=False))
        self.control = MemoryControlStore()
        self.rules = the_rules()
        self.now_us = NOW_US
        self.bounds = Bounds()

    def add(self, messages: Sequence[tuple[DecisionRecord, int | None]]) -> None:
        """Put decisions on record, each with what a census said of it: 1 wrong, 0 right, None nothing."""
        verdicts = [(int(one.decision_id, 16), loss) for one, loss in messages if loss is not None]
        self.world.add(
            [one for one, _ in messages],
            [an_outcome_record(number, verdict=4 if loss else 1, label_basis=3) for number, loss in verdicts],
        )

    def set(self, value: float, **fields: Any) -> None:
        """Put a live value in force."""
        setting = Setting(**{"policy": "centre", "name": "autonomy", "value": value, **fields})
        revision = len(self.control.events)
        event = ControlEvent(revision + 1, NOW_US, EventKind.THRESHOLDS_SET, "ann", "as agreed", settings=(setting,))
        self.control.append(event, expected_revision=revision)

    def ask(self, asked: Asked = ASKED, author: str = "ann", store: Any = None) -> Recommended:
        recommending = Recommending(
            rules=self.rules,
            log=ControlLog(self.control, clock_us=lambda: self.now_us),
            evidence=self.world.evidence,
            records=self.world.listing,
            replayable=self.world.replayable,
            store=store or self.spent,
            bounds=self.bounds,
        )
        return recommending.recommend(asked, author)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path)
    yield scene
    scene.world.close()
    scene.spent.close()


def a_census(count: int = 1_500, seed: int = 1, **fields: Any) -> list[tuple[DecisionRecord, int | None]]:
    """Return messages of which those with little confidence are often answered wrongly."""
    random = Random(seed)  # noqa: S311 - no secret
    made: list[tuple[DecisionRecord, int | None]] = []
    for number in range(count):
        confidence = round(random.uniform(0.55, 1.0), 6)
        wrong = random.random() < (0.01 if confidence > 0.8 else 0.4)
        made.append((a_message(number, confidence, **fields), int(wrong)))
    return made


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


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"amount_minor": 200}, "another rule asks for a person, whatever the confidence"),
        ({"intent": "unheard_of"}, "an unknown intent is a person's"),
        ({"confidence": None}, "a required signal is missing"),
        ({"intent": "order_change"}, "a value of its own is in force for this intent"),
        ({"model_version": "m2"}, "another model made it"),
        ({"decided_at_us": NOW_US - 91 * DAY_US}, "it is too old"),
        ({"tier": 3}, "a person led it"),
    ],
)
def test_only_what_this_value_alone_decides_is_evidence(scene: Scene, fields: dict[str, Any], why: str) -> None:
    """Labels of other decisions would speak for those that the threshold lets through."""
    confidence = fields.pop("confidence", 0.9)
    scene.add([(a_message(number, 0.9), 0) for number in range(10)])
    scene.add([(a_message(number, confidence, **fields), 1) for number in range(10, 20)])
    certificate = scene.ask(ASKED._replace(model_version="m1")).recommendation.certificate
    assert (10, 10, 0) == (certificate.eligible, certificate.n, certificate.errors), why


def test_a_narrower_scope_has_its_own_decisions(scene: Scene) -> None:
    """The value of one intent is proven by that intent's labels."""
    scene.add([(a_message(number, 0.95, intent="order_change"), 0) for number in range(10)])
    scene.add([(a_message(number, 0.9, currency="EUR", amount_minor=5), 0) for number in range(10, 30)])
    for scope, count, in_force in (
        (Scope(intent="order_change"), 10, 0.9),
        (Scope(currency="EUR"), 20, 0.85),
        (Scope(intent="order_status", currency="EUR"), 20, 0.85),
        (Scope(intent="order_status", currency="USD"), 0, 0.85),
        (Scope(), 20, 0.85),
    ):
        found = scene.ask(ASKED._replace(scope=scope, model_version="m1"))
        assert (count, in_force) == (found.recommendation.certificate.eligible, found.value_in_force), scope


def test_a_policy_that_extends_another_has_its_own_decisions(scene: Scene) -> None:
    """A bank's value is proven by the bank's labels; the parent's value binds both."""
    scene.rules = the_rules(centre=CENTRE, bank=BANK, cards=CARDS)
    scene.add([(a_message(number, 0.9, department="bank"), 0) for number in range(10)])
    scene.add([(a_message(number, 0.9), 0) for number in range(10, 30)])
    assert 10 == scene.ask(ASKED._replace(policy="bank")).recommendation.certificate.eligible
    assert 30 == scene.ask().recommendation.certificate.eligible


def test_a_child_is_not_recommended_to_be_looser_than_its_parent(scene: Scene) -> None:
    """Such a value could not be put in force."""
    scene.rules = the_rules(centre=CENTRE, bank=BANK)
    scene.add([(a_message(number, 0.7 + number / 5_000, department="bank"), 0) for number in range(1_000)])
    certificate = scene.ask(ASKED._replace(policy="bank")).recommendation.certificate
    assert 0.85 == certificate.threshold


def test_live_values_bind_what_is_recommended(scene: Scene) -> None:
    """The constraint handover < autonomy, by the value that is in force."""
    scene.add([(a_message(number, 0.9 if number % 2 else 0.7), 0) for number in range(1_000)])
    assert 0.7 == scene.ask().recommendation.certificate.threshold
    scene.set(0.7, name="handover")
    assert 0.700001 == scene.ask().recommendation.certificate.threshold
    scene.set(0.9)
    assert 0.9 == scene.ask().value_in_force


def test_what_vips_need_more_is_taken_off(scene: Scene) -> None:
    """At a threshold of 0.85 a VIP needs 0.9: its label speaks for 0.85."""
    scene.rules = the_rules(centre=CENTRE + VIP)
    scene.add([(a_message(number, 0.9, customer_tier=2), 0) for number in range(200)])
    [*_, last] = scene.ask().recommendation.certificate.candidates
    assert (0.85, 200) == (last.threshold, last.n)


def test_rules_that_keep_nothing_from_the_loop_do_not_count(scene: Scene) -> None:
    """What only offers a person, or is tried in the shadow, decides about no autonomy."""
    scene.rules = the_rules(centre=CENTRE + SILENT)
    scene.add([(a_message(number, 0.9, grounding_score=0.1, sentiment_score=0.1), 0) for number in range(5)])
    found = scene.ask()
    assert ("response_confidence", 5) == (found.signal, found.recommendation.certificate.eligible)


def test_a_threshold_that_tightens_downwards_works_as_well(scene: Scene) -> None:
    """The largest amount that a reply may be about, for one currency."""
    scene.add(
        [
            (a_message(number, 0.95, currency="EUR", amount_minor=number), int(number > 800 and number % 2))
            for number in range(1, 1_500)
        ]
    )
    found = scene.ask(ASKED._replace(name="amount", scope=Scope(currency="EUR")))
    assert ("amount_minor", 500) == (found.signal, found.value_in_force)
    assert 700 < (found.recommendation.certificate.threshold or 0) < 1_000


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


def test_what_is_erased_is_left_out_and_counted(scene: Scene) -> None:
    """Rules may read what is gone: such a decision cannot be decided again."""
    scene.add([(a_message(number, 0.9), 0) for number in range(4)])
    scene.add([(a_message(number, 0.9, subject_ref="customer"), 0) for number in (4, 5)])
    engine = open_engine(scene.url, read_only=False)
    Erasure(engine, id_key=KEYS.id_key, clock_us=lambda: NOW_US).erase_subject("somebody")
    engine.dispose()
    found = scene.ask()
    assert (4, 2) == (found.erased, found.recommendation.certificate.eligible)


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


def test_one_that_cannot_be_decided_again_keeps_nobody_from_an_answer(scene: Scene) -> None:
    """A fault in one record is logged, and the record left out."""
    scene.add([(a_message(number, 0.9), 0) for number in range(3)])
    found = scene.world.replayable.find([an_id(0)])
    governed = govern(scene.rules, {}, "", "autonomy", Scope(), NOW_US)
    replayer = Replayer(scene.rules, {}, governed, now_us=NOW_US)
    broken = found[0]._replace(request=found[0].request._replace(intent=["unhashable"]))  # type: ignore[union-attr, arg-type]
    assert [0.9, None, None] == [replayer.value(one) for one in (found[0], broken, broken._replace(request=None))]


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"policy": "center"}, UnknownScopeError, "there is no policy 'center'.*'centre'"),
        ({"name": "autonomie"}, UnknownThresholdError, "no threshold 'autonomie'.*'autonomy'"),
        ({"scope": Scope(intent="order_stats")}, UnknownScopeError, "does not know the intent"),
        ({"scope": Scope(currency="eur")}, UnknownScopeError, "three capital letters"),
    ],
)
def test_what_the_rules_do_not_know_is_refused(
    scene: Scene, changes: dict[str, Any], error: type[Exception], words: str
) -> None:
    """And nothing is spent on a slip of the pen."""
    with pytest.raises(error, match=words):
        scene.ask(ASKED._replace(**changes))


UNREAD = """\
  unread:
    description: No rule reads it.
    default: 1
    min: 0
    max: 2
    tightens: raise
constraints:"""
TWICE = """\
  - id: again
    when: {grounding_score: {below: $autonomy}}
    tier: human_in_the_loop
    reason: AGAIN
    message: Again.
"""


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        (CENTRE.replace("constraints:", UNREAD, 1), "unread", "no rule of policy 'centre'.*reads 'unread'"),
        (CENTRE + TWICE, "autonomy", "grounding_score below autonomy and response_confidence below autonomy"),
    ],
)
def test_a_threshold_that_labels_cannot_speak_for_is_refused(scene: Scene, text: str, name: str, words: str) -> None:
    """It says which comparison is in the way."""
    scene.rules = the_rules(centre=text)
    with pytest.raises(NotRecommendableError, match=words) as raised:
        scene.ask(ASKED._replace(name=name))
    assert {"threshold": name} == raised.value.metadata


def test_where_no_value_is_allowed_none_is_recommended(scene: Scene) -> None:
    """Another threshold stands in the way, and it says so."""
    scene.rules = the_rules(
        centre=CENTRE.replace("  - handover < autonomy", "  - handover < autonomy\n  - autonomy < 0.95")
    )
    scene.set(0.95, name="handover")
    with pytest.raises(NotRecommendableError, match="no value of 'autonomy' is allowed here: bounds and constraints"):
        scene.ask()
