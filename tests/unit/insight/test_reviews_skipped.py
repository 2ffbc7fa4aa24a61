"""From what was reported of reviews to the sign: nobody's review is done by what somebody else happened to say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from contract.evidence_world import START_US, make_decision
from contract.samples import an_id
from evidence_store import EvidenceStore
from oversight.durations import DAY_US
from oversight.engine.decision import Tier
from oversight.feedback.facts import LabelBasis, Verdict
from oversight.feedback.signs import Finding, Sign, State
from oversight.insight.sign_tests import find_signs
from oversight.storage.outcome import Outcome
from oversight.storage.records import OutcomeRecord
from places import Place

REVIEWS = 200
SOON_S, SLOW_S = 3.0, 60.0

Reports = Callable[[int], Sequence[dict[str, Any]]]


@pytest.fixture
def world(place: Place) -> Iterator[EvidenceStore]:
    made = EvidenceStore(place.url)
    yield made
    made.close()


def the_finding(world: EvidenceStore, reports: Reports) -> Finding:
    """Return the sign two days after reviews that were due within ten minutes, from what was reported of each."""
    fields = {"tier": int(Tier.HUMAN_IN_THE_LOOP), "review_sla_s": 600, "intent": "refund"}
    world.add(
        [make_decision(number, minute=number, **fields) for number in range(REVIEWS)],
        [
            OutcomeRecord(Outcome(f"{number}-{nth}", an_id(number), **facts), START_US + DAY_US + nth, "desk")
            for number in range(REVIEWS)
            for nth, facts in enumerate(reports(number))
        ],
    )
    found = find_signs(world.evidence, START_US // DAY_US + 2)
    return next(one.finding for one in found if one.finding.sign is Sign.REVIEWS_SKIPPED and one.place.intent)


def test_a_volunteered_verdict_does_no_review_that_was_due(world: EvidenceStore) -> None:
    """Nine of ten were skipped, and all was called well."""

    def one_in_ten(number: int) -> Sequence[dict[str, Any]]:
        basis = LabelBasis.VOLUNTEERED if number % 10 else LabelBasis.REVIEW
        return [{"verdict": Verdict.APPROVED, "label_basis": basis, "review_time_s": SLOW_S}]

    finding = the_finding(world, one_in_ten)

    assert (REVIEWS, 0.1) == (finding.n, finding.value)
    assert State.WARN == finding.state


def test_a_volunteered_verdict_hides_no_rubber_stamp(world: EvidenceStore) -> None:
    """Every review was approved in three seconds, whatever somebody else found later."""

    def stamped(number: int) -> Sequence[dict[str, Any]]:
        review = {"verdict": Verdict.APPROVED, "label_basis": LabelBasis.REVIEW, "review_time_s": SOON_S}
        later = Verdict.EDITED_MINOR if number % 20 else Verdict.EDITED_MAJOR
        volunteered = {"verdict": later, "label_basis": LabelBasis.VOLUNTEERED, "review_time_s": SLOW_S}
        return [review] if number % 2 else [review, volunteered]

    finding = the_finding(world, stamped)

    assert (1.0, 1.0, SOON_S) == (
        finding.value,
        finding.details["stamps_approved_share"],
        finding.details["stamps_median_review_s"],
    )
    assert State.WARN == finding.state
