"""Who a decision is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oversight.engine.decide import decide
from oversight.engine.decision import Decision
from oversight.engine.identity import (
    Keys,
    audit_draw,
    canonical_request,
    decision_id,
    request_from_canonical,
    request_key,
)
from oversight.engine.policy import Policy
from oversight.engine.request import REQUEST_FIELDS, Request, ServerFacts
from oversight.engine.snapshot import LiveValue, Stop
from unit.engine.conditions_drawn import TEXTS
from unit.engine.requests_drawn import NOW_US, facts, requests
from unit.engine.strategies import DEFAULT_POLICY, EXAMPLES, World, worlds
from unit.engine.worlds_decided import FACTS, KEYS, decide_in, snapshot_of

FEW = settings(max_examples=max(EXAMPLES // 3, 1))


@FEW
@given(worlds(), requests(), facts())
def test_deciding_again_from_the_record_gives_the_recorded_decision(
    world: World, request: Request, known: ServerFacts
) -> None:
    """The record explains the decision only if it leads to it."""
    snapshot = snapshot_of(world.policies, world.live, world.stops)
    canonical = canonical_request(request)
    read = request_from_canonical(json.loads(canonical), request.decided_at_us)
    assert canonical == canonical_request(read)
    assert decide(snapshot, request, known, KEYS, canonical=canonical.encode()) == decide(snapshot, read, known, KEYS)


OTHERS: dict[str, Any] = {
    "request_id": "request-2",
    "tenant_id": "three",
    "conversation_id": "c",
    "subject_ref": "s",
    "draft_sha256": "ab" * 32,
    "turn_index": 7,
    "attributes": {"undeclared": 1},
}


@FEW
@given(worlds(), requests(), st.sampled_from(sorted(OTHERS)))
def test_another_payload_is_another_id(world: World, request: Request, field: str) -> None:
    """Nothing is ever written over a record of something else."""
    other = request._replace(**{field: OTHERS[field]})
    assert decide_in(world, request).decision_id != decide_in(world, other).decision_id


@FEW
@given(worlds(), requests(), facts(), facts())
def test_the_id_says_what_was_decided(world: World, request: Request, one: ServerFacts, two: ServerFacts) -> None:
    """The same request decided alike is recorded once; decided otherwise it is another decision."""
    snapshot = snapshot_of(world.policies, world.live, world.stops)
    first, second = decide(snapshot, request, one, KEYS), decide(snapshot, request, two, KEYS)

    def outcome(decision: Decision) -> tuple[object, ...]:
        rule_ids = [reason.rule_id for reason in decision.reasons]
        return (decision.tier, decision.escalation, decision.evaluation, rule_ids)

    assert (outcome(first) == outcome(second)) == (first.decision_id == second.decision_id)


@pytest.mark.parametrize("field", ["live", "stops"])
def test_another_snapshot_is_another_id(field: str) -> None:
    """A decision belongs to the rules and values it was made by."""
    policy = Policy(DEFAULT_POLICY, "1", "", (DEFAULT_POLICY,), (), frozenset(TEXTS["intent"]), ())
    others: dict[str, Any] = {"live": (LiveValue(DEFAULT_POLICY, "confidence", 0.5),), "stops": (Stop("nowhere"),)}
    request = Request(request_id="request-1", decided_at_us=NOW_US)
    world = World({DEFAULT_POLICY: policy}, (), ())
    before, after = (
        decide_in(world, request, FACTS),
        decide_in(world._replace(**{field: others[field]}), request, FACTS),
    )
    assert before.digest != after.digest
    assert before.decision_id != after.decision_id


def test_the_canonical_request_is_one_text() -> None:
    """Two replicas must write the same bytes for the same request."""
    request = Request(
        request_id="r-é",
        intent="thanks",
        response_confidence=1.0,
        guardrail_flags=("pii", "fraud"),
        attributes={"b": 1, "a": True},
        decided_at_us=NOW_US,
    )
    expected = (
        '{"request_id":"r-\\u00e9","intent":"thanks","response_confidence":1.0,'
        '"guardrail_flags":["pii","fraud"],"attributes":{"a":true,"b":1}}'
    )
    assert expected == canonical_request(request)


def test_every_field_but_the_time_is_in_the_canonical_request() -> None:
    """A field that is left out could be changed without a new id."""
    values: dict[str, Any] = dict.fromkeys(REQUEST_FIELDS, "x") | {"attributes": {}}
    assert list(REQUEST_FIELDS) == list(json.loads(canonical_request(Request(**values, decided_at_us=NOW_US))))


def test_the_attributes_order_is_no_part_of_the_request() -> None:
    """A map has no order on the wire."""
    one, two = Request(attributes={"a": 1, "b": 2}), Request(attributes={"b": 2, "a": 1})
    assert canonical_request(one) == canonical_request(two)


@pytest.mark.parametrize("part", ["digest", "canonical", "decided", "key"])
def test_each_part_makes_the_decision_id(part: str) -> None:
    """An id that ignored a part would let one record stand for two decisions."""
    parts = {"digest": "d", "canonical": "{}", "decided": "1 1 2 routine", "key": "id-key"}

    def identify(values: dict[str, str]) -> str:
        keys = KEYS._replace(id_key=values["key"].encode())
        return decision_id(keys, values["digest"], values["canonical"].encode(), values["decided"])

    before, after = identify(parts), identify(parts | {part: "other"})
    assert before != after
    assert (32, 32) == (len(before), len(after))


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (("a", "r"), ("b", "r")),
        (("a", "r"), ("a", "s")),
        ((None, "r"), ("a", "r")),
        (("a\nb", "c"), ("a", "b\nc")),
    ],
)
def test_the_request_key_tells_tenants_and_requests_apart(
    one: tuple[str | None, str], two: tuple[str | None, str]
) -> None:
    """One tenant's erasure must not reach another's record."""
    assert request_key(KEYS, *one) != request_key(KEYS, *two)


def test_the_audit_draw_needs_the_audit_key() -> None:
    """Who does not have the key cannot tell which decisions will be checked."""
    other = Keys(KEYS.id_key, b"another", "audit-2")
    assert audit_draw(KEYS, "ab" * 16) != audit_draw(other, "ab" * 16)


def test_the_audit_draw_is_even() -> None:
    """A share of 5 % must select about 5 %."""
    draws = [audit_draw(KEYS, f"{number:032x}") for number in range(4_000)]
    assert all(0 <= draw < 1 for draw in draws)
    # Four standard deviations of a share of 0.05 in 4,000 draws.
    assert 0.05 == pytest.approx(sum(draw < 0.05 for draw in draws) / 4_000, abs=0.014)
