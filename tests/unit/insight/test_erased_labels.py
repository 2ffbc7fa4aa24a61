"""What a certificate makes of customers who were erased: their errors stay."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from oversight.errors import NotRecommendableError
from oversight.feedback.certificate import Certificate, CertificateStatus
from oversight.rules.scopes import Scope
from oversight.storage.records import DecisionRecord
from recommending_scene import ASKED, COMPLAINT, Scene, a_message
from threshold_desk import CENTRE, the_rules

LENGTH = """\
  length:
    description: Longest reply without a person.
    default: 100
    min: 1
    max: 1000
    tightens: lower
constraints:"""

LONG = """\
  - id: long
    when: {attributes.length: {above: $length}}
    tier: human_in_the_loop
    reason: LONG
    message: Long.
attributes:
  length: int
"""


def messages(count: int, share: float, erased: int, **fields: Any) -> list[tuple[DecisionRecord, int | None]]:
    """Return a census with a share of wrong replies at any confidence; the first wrong ones are about `gone`."""
    random = Random(5)  # noqa: S311 - no secret
    made: list[tuple[DecisionRecord, int | None]] = []
    for number in range(count):
        confidence, wrong = round(random.uniform(0.86, 1.0), 6), random.random() < share
        erased -= wrong
        subject = "gone" if wrong and erased >= 0 else "somebody"
        made.append((a_message(number, confidence, subject_ref=subject, **fields), int(wrong)))
    return made


def ask(scene: Scene, **changes: Any) -> Certificate:
    return scene.ask(ASKED._replace(**changes)).recommendation.certificate


def test_an_error_stays_when_its_customer_is_erased(scene: Scene) -> None:
    """Who got a wrong reply is who asks for erasure: 7 % would pass for 2 %."""
    scene.add(messages(1_500, 0.07, 75))
    before = ask(scene)
    scene.erase("gone")
    found = scene.ask()
    assert before == found.recommendation.certificate
    assert (True, 0) == (found.stored, found.erased), "an erasure is no new evidence"
    assert CertificateStatus.NO_SAFE_THRESHOLD == before.status


def test_where_rules_read_attributes_erased_ones_count_as_errors_at_every_value(scene: Scene) -> None:
    """What a complaint needs more nobody can tell any more, also of those that were right."""
    scene.rules = the_rules(centre=CENTRE + COMPLAINT)
    scene.add([(a_message(number, 0.9 + number / 10_000), 0) for number in range(400)])
    scene.add([(a_message(number, 0.6, subject_ref="gone"), 0) for number in range(400, 430)])
    whole = ask(scene)
    scene.erase("gone")
    found = scene.ask()
    left = found.recommendation.certificate
    assert (30, 430, 430) == (found.erased, whole.eligible, left.eligible)
    assert [proof.threshold for proof in whole.candidates] == [proof.threshold for proof in left.candidates]
    assert all(proof.errors == 30 for proof in left.candidates)
    assert (CertificateStatus.CERTIFIED, CertificateStatus.NO_SAFE_THRESHOLD) == (whole.status, left.status)


def test_where_lowering_tightens_they_are_errors_at_every_value_too(scene: Scene) -> None:
    """The lenient side is the other one."""
    scene.rules = the_rules(centre=CENTRE + COMPLAINT)
    scene.add([(a_message(number, 0.99, currency="EUR", amount_minor=number), 0) for number in range(1, 60)])
    scene.add([(a_message(99, 0.99, subject_ref="gone", currency="EUR", amount_minor=900), 0)])
    scene.erase("gone")
    found = ask(scene, name="amount", scope=Scope(currency="EUR"))
    assert {1} == {proof.errors for proof in found.candidates}


@pytest.mark.parametrize("fields", [{"amount_minor": 200}, {"intent": "unheard_of"}, {"intent": None}])
def test_what_a_rule_keeps_whatever_the_attributes_say_is_no_evidence(scene: Scene, fields: dict[str, Any]) -> None:
    """Nor does it count as an error: it would not go out unreviewed."""
    scene.rules = the_rules(centre=CENTRE + COMPLAINT)
    scene.add([(a_message(number, 0.9), 0) for number in range(10)])
    scene.add([(a_message(number, 0.9, subject_ref="gone", **fields), 1) for number in range(10, 20)])
    scene.erase("gone")
    found = scene.ask(ASKED._replace(model_version="m1"))
    assert (0, 10) == (found.erased, found.recommendation.certificate.eligible)


def test_a_required_attribute_that_is_erased_was_not_missing(scene: Scene) -> None:
    """Else every erased error of such a policy would be a person's, and no error of the AI."""
    text = CENTRE.replace("[intent, response_confidence]", "[intent, response_confidence, attributes.complaint]")
    scene.rules = the_rules(centre=text + "attributes:\n  complaint: bool\n")
    scene.add([(a_message(number, 0.9, attributes={"complaint": False}), 0) for number in range(10)])
    scene.add([(a_message(10, 0.9, subject_ref="gone", attributes={"complaint": False}), 1)])
    scene.erase("gone")
    found = scene.ask()
    assert (1, 11, 1) == (found.erased, found.recommendation.certificate.n, found.recommendation.certificate.errors)


def test_a_threshold_of_an_attribute_is_not_recommended_once_labels_lost_it(scene: Scene) -> None:
    """The values of the rest are no fair choice of candidates."""
    scene.rules = the_rules(centre=CENTRE.replace("constraints:", LENGTH, 1) + LONG)
    scene.add([(a_message(number, 0.9, attributes={"length": number}), 0) for number in range(1, 400)])
    scene.add([(a_message(400, 0.9, subject_ref="gone", attributes={"length": 400}), 1)])
    assert CertificateStatus.CERTIFIED == ask(scene, name="length").status
    scene.erase("gone")
    with pytest.raises(NotRecommendableError, match=r"attributes.length is erased of 1 decisions.*shorter window"):
        ask(scene, name="length")
