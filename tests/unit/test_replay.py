"""Replaying a record: equal where nothing changed, and every difference named where something did."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from builders import KEYS
from oversight.engine.decide import decide
from oversight.engine.decision import Tier
from oversight.engine.identity import Keys
from oversight.engine.request import REQUEST_FIELDS, Request, ServerFacts
from oversight.grpc_api.convert.requests import request_to_proto
from oversight.policies import SnapshotSource, assemble_source, compile_source
from oversight.replay import Verdict, replay
from oversight.storage.records import StoredDecision

RULES = """
policy: contact_centre
version: "1"
description: One rule that reads an attribute.
required_signals: [intent, response_confidence]
intents: [order_status]
attributes: {region: string}
thresholds:
  audit_rate: {description: Share., default: 0.5, min: 0.1, max: 1.0, tightens: raise}
rules:
  - {id: abroad, when: {attributes.region: {equals: abroad}}, tier: human_in_the_loop, reason: ABROAD, message: Abroad.}
"""
SOURCE = SnapshotSource(files={"contact_centre.yaml": RULES}, default_policy="contact_centre")
DOCUMENT = SOURCE.to_document()
SNAPSHOT = assemble_source(SOURCE, compile_source(SOURCE)[0])
FACTS = ServerFacts(policy_age_s=3, threshold_age_s=4)


def canonical(request: Request) -> bytes:
    return request_to_proto(zip(REQUEST_FIELDS, request, strict=False)).SerializeToString(deterministic=True)


def a_record(region: str = "here", number: int = 1) -> StoredDecision:
    request = Request(
        request_id=f"r-{number}",
        conversation_id="c-1",
        intent="order_status",
        response_confidence=0.9,
        attributes={"region": region},
        decided_at_us=1_800_000_000_000_000,
    )
    decision = decide(SNAPSHOT, request, FACTS, KEYS, canonical=canonical(request))
    return StoredDecision(request, FACTS, decision, "local", 100, "", "k", erased=False, outcomes=())


def erased(record: StoredDecision) -> StoredDecision:
    """Return the record without its personal part, as the store gives it back."""
    request = record.request._replace(request_id="", conversation_id=None, attributes=None)
    return replace(record, request=request, erased=True)


@pytest.mark.parametrize("region", ["here", "abroad"])
def test_a_record_that_nobody_touched_is_equal(region: str) -> None:
    """The same snapshot, request, time and facts give the same decision, to the id: years later, too."""
    done = replay(a_record(region), DOCUMENT, KEYS, canonical)

    assert (Verdict.EQUAL, True, (), (), "") == (
        *(done.verdict, done.holds, done.differences),
        *(done.not_compared, done.note),
    )


def test_a_tier_that_was_lowered_is_found() -> None:
    """Somebody who alters a record would lower its tier; the replay says from what."""
    record = a_record("abroad")
    altered = replace(record, decision=record.decision._replace(tier=Tier.HUMAN_ON_THE_LOOP))

    done = replay(altered, DOCUMENT, KEYS, canonical)

    assert (Verdict.DIFFERENT, False) == (done.verdict, done.holds)
    assert [("tier", Tier.HUMAN_ON_THE_LOOP, Tier.HUMAN_IN_THE_LOOP)] == [
        (one.field, one.recorded, one.replayed) for one in done.differences
    ]


def test_a_request_that_was_altered_no_longer_has_its_id() -> None:
    """Also where the decision would have been the same."""
    record = a_record()
    altered = replace(record, request=record.request._replace(response_confidence=0.91))

    assert ["decision_id"] == [
        one.field for one in replay(altered, DOCUMENT, KEYS, canonical).differences if one.field != "audit_selected"
    ]


def test_the_same_values_under_another_revision_are_the_same() -> None:
    """A change that was taken back leaves the digest as it was, and the revision two further."""
    record = a_record()
    later = replace(record, decision=record.decision._replace(threshold_revision=7, commit="c" * 40))

    assert Verdict.EQUAL is replay(later, DOCUMENT, KEYS, canonical).verdict


@pytest.mark.parametrize("number", range(8))
def test_of_an_erased_record_all_but_the_id_is_compared(number: int) -> None:
    """The audit sample was drawn by the id on record, which is still there."""
    done = replay(erased(a_record("here", number)), DOCUMENT, KEYS, canonical)

    assert (Verdict.ERASED, True, ("decision_id",)) == (done.verdict, done.holds, done.not_compared)
    assert "rules that read attributes saw them" in done.note


def test_an_erased_attribute_that_a_rule_read_shows_as_a_difference() -> None:
    """Better a difference with its reason than a silent "equal"."""
    done = replay(erased(a_record("abroad")), DOCUMENT, KEYS, canonical)

    assert (Verdict.ERASED, False) == (done.verdict, done.holds)
    assert {"tier", "reasons"} <= {one.field for one in done.differences}


def test_another_audit_key_is_said_and_its_draw_not_compared() -> None:
    """Keys are changed; that makes no record false."""
    other = Keys(id_key=KEYS.id_key, audit_key=b"z" * 32, audit_key_id="newer")

    done = replay(a_record(), DOCUMENT, other, canonical)

    assert (Verdict.EQUAL, ("audit_selected", "audit_key_id")) == (done.verdict, done.not_compared)
    assert "the audit sample was drawn by another key (test)" == done.note


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (None, f"snapshot {SNAPSHOT.digest} is not in the store"),
        (json.dumps({**json.loads(DOCUMENT), "max_policy_age_s": 7}), "its document was altered"),
        ("{}", "cannot be compiled by this version"),
    ],
)
def test_without_its_snapshot_a_record_is_not_replayed_by_another(document: str | None, words: str) -> None:
    """That would prove nothing."""
    done = replay(a_record(), document, KEYS, canonical)

    assert (Verdict.NOT_REPLAYABLE, False) == (done.verdict, done.holds)
    assert words in done.note
