"""Replies put together from parts are the replies that protobuf would write."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from contract.samples import REASON, a_decision
from oversight.engine.decision import Comparison, Decision, Escalation, Evaluation, OnExpiry, Reason, Tier
from oversight.grpc_api.convert.replies import decision_to_proto, encode_reply
from oversight.v1 import decision_pb2 as values
from oversight.v1 import decision_service_pb2 as pb

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
# Of one type each, and without the two zeros that are equal: in one snapshot a signal has one type.
kinds: list[st.SearchStrategy[Any]] = [
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False).map(lambda number: number + 0.0),
    texts,
    st.lists(texts, max_size=3).map(tuple),
]
signals = st.dictionaries(texts, st.tuples(st.sampled_from(kinds), st.sampled_from(kinds)), min_size=1, max_size=4)
"""What a snapshot's signals hold, and what they are compared with, by name."""


@st.composite
def several_reasons(draw: st.DrawFn) -> tuple[list[Reason], list[Reason]]:
    """Return the reasons and the shadow reasons of one decision: what one signal holds has one type in all of them."""
    held = draw(signals)

    def comparison(name: str) -> st.SearchStrategy[Comparison]:
        observed, limit = held[name]
        return st.builds(Comparison, st.just(name), st.none() | observed, texts, st.none() | limit, texts)

    reason = st.builds(
        Reason,
        texts,
        texts,
        texts,
        st.sampled_from([1, 2, 3]),
        st.sampled_from([1, 2, 3]),
        st.lists(st.sampled_from(sorted(held)).flatmap(comparison), max_size=3).map(tuple),
    )
    return draw(st.lists(reason, min_size=1, max_size=4)), draw(st.lists(reason, max_size=2))


decisions = st.builds(
    lambda reasons, **fields: Decision(reasons=tuple(reasons[0]), shadow_reasons=tuple(reasons[1]), **fields),
    reasons=several_reasons(),
    decision_id=st.just("a" * 32),
    tier=st.sampled_from(Tier),
    escalation=st.sampled_from(Escalation),
    missing_signals=st.lists(texts, max_size=3).map(tuple),
    evaluation=st.sampled_from(Evaluation),
    policy=texts,
    policy_version=texts,
    commit=texts,
    digest=st.just(""),
    threshold_revision=st.integers(0, 2**40),
    audit_selected=st.booleans(),
    audit_probability=st.floats(0, 1),
    audit_key_id=texts,
    review_sla_s=st.none() | st.integers(0, 10_000),
    on_expiry=st.none() | st.sampled_from(OnExpiry),
    recorded=st.booleans(),
    # A snapshot of its own each: in one, every value of a signal has one type.
).map(lambda decision: decision._replace(digest=sha256(repr(decision).encode()).hexdigest()))


def a_reason(reason: Reason) -> values.Reason:
    """Return a reason as a message, field by field."""
    return values.Reason(
        code=reason.code,
        rule_id=reason.rule_id,
        message=reason.message,
        tier=values.Tier.ValueType(reason.tier),
        escalation=values.Escalation.ValueType(reason.escalation),
        comparisons=[
            values.Comparison(
                signal=one.signal,
                observed=json.dumps(one.observed, separators=(",", ":")),
                operator=one.operator,
                limit=json.dumps(one.limit, separators=(",", ":")),
                limit_source=one.limit_source,
            )
            for one in reason.comparisons
        ],
    )


def a_decision_that_compares(*compared: tuple[str, Any]) -> Decision:
    """Return a decision with a reason for each signal and value; the reasons differ in nothing else."""
    reasons = [REASON._replace(comparisons=(Comparison(name, value, "", value, ""),)) for name, value in compared]
    return a_decision(1, reasons=tuple(reasons), digest=sha256(repr(compared).encode()).hexdigest())


@given(decisions, texts)
@example(a_decision_that_compares(("asked", False), ("failed_turns", 0), ("score", 0.0), ("asked", True)), "r")
def test_the_parts_make_the_whole_reply(decision: Decision, request_id: str) -> None:
    """Each field of the reply, built in the plain way, against the way that is fast."""
    plain = pb.DecideResponse(
        decision_id=decision.decision_id,
        request_id=request_id,
        tier=values.Tier.ValueType(decision.tier),
        escalate=decision.escalation is not Escalation.NONE,
        escalation=values.Escalation.ValueType(decision.escalation),
        reason=decision.reasons[0].code,
        reasons=map(a_reason, decision.reasons),
        shadow_reasons=map(a_reason, decision.shadow_reasons),
        missing_signals=decision.missing_signals,
        evaluation=values.Evaluation.ValueType(decision.evaluation),
        recorded=decision.recorded,
        policy=values.PolicyIdentity(
            name=decision.policy, version=decision.policy_version, commit=decision.commit, digest=decision.digest
        ),
        threshold_revision=decision.threshold_revision,
        audit_selected=decision.audit_selected,
        audit_probability=decision.audit_probability,
        review_sla_s=decision.review_sla_s,
        on_expiry=values.OnExpiry.ValueType(decision.on_expiry or 0),
    )

    assert plain == pb.DecideResponse.FromString(encode_reply(decision, request_id))
    assert plain == decision_to_proto(decision, request_id)


def test_every_field_of_a_reply_is_tried() -> None:
    """A field added to the API and forgotten here would be answered empty."""
    full = a_decision(1, recorded=True, audit_selected=True)
    given: set[str] = {field.name for field, _ in decision_to_proto(full, "r").ListFields()}

    assert set(pb.DecideResponse.DESCRIPTOR.fields_by_name) == given


def test_values_that_python_holds_for_equal_read_differently() -> None:
    """What is rendered once must not be shown by another snapshot: 1 is not true, and 1.0 was not written as 1."""
    shown: list[Any] = []
    for digest, value in {"a": 1, "b": True, "c": 1.0}.items():
        reason = REASON._replace(comparisons=(Comparison("x", value, "equals", value, "literal"),))
        shown.append(
            decision_to_proto(a_decision(1, reasons=(reason,), digest=digest), "r").reasons[0].comparisons[0].observed
        )

    assert ["1", "true", "1.0"] == shown
