"""The compiled engine against the slow, obvious interpreter of the same policies."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from oversight.engine.decide import decide
from oversight.engine.decision import Comparison, Decision, Reason
from oversight.engine.index import LEAST_INDEXED
from oversight.engine.request import Request, ServerFacts
from unit.engine.conditions_drawn import TEXTS
from unit.engine.indexed_drawn import indexed_requests, indexed_worlds
from unit.engine.oracle import BUILT_IN_RULES, OracleReason, interpret
from unit.engine.requests_drawn import facts, requests
from unit.engine.strategies import DEFAULT_POLICY, EXAMPLES, World, threshold_worlds, worlds
from unit.engine.worlds_decided import KEYS, snapshot_of

NEVER = 10**9
"""More rules than any policy has: no index."""


def as_oracle(reasons: tuple[Reason, ...]) -> list[OracleReason]:
    """The engine's reasons in the oracle's form; what a built-in rule compared is the engine's own affair."""
    return [
        OracleReason(
            reason.code,
            reason.rule_id,
            reason.tier,
            reason.escalation,
            () if reason.rule_id in BUILT_IN_RULES else reason.comparisons,
        )
        for reason in reasons
    ]


def in_any_order(reasons: list[OracleReason]) -> list[OracleReason]:
    """Sort the comparisons and their lists: the oracle has them as written, the engine in an order of its own."""
    return [
        reason._replace(comparisons=tuple(sorted(map(with_sorted_limit, reason.comparisons), key=repr)))
        for reason in reasons
    ]


def with_sorted_limit(comparison: Comparison) -> Comparison:
    """A list of literals sorted."""
    limit = comparison.limit
    return comparison._replace(limit=tuple(sorted(limit, key=repr)) if isinstance(limit, tuple) else limit)


def decided(
    world: World, asked: list[Request], known: ServerFacts, *, least_indexed: int = LEAST_INDEXED
) -> list[Decision]:
    """All decisions of one snapshot."""
    snapshot = snapshot_of(world.policies, world.live, world.stops, least_indexed=least_indexed)
    return [decide(snapshot, request, known, KEYS) for request in asked]


def assert_as_the_oracle_says(world: World, request: Request, known: ServerFacts, actual: Decision) -> None:
    """Compare everything that rules decide."""
    expected = interpret(
        world.policies, request, known, default_policy=DEFAULT_POLICY, live=world.live, stops=world.stops
    )
    assert in_any_order(expected.reasons) == in_any_order(as_oracle(actual.reasons))
    assert in_any_order(expected.shadow_reasons) == in_any_order(as_oracle(actual.shadow_reasons))
    assert expected.missing_signals == actual.missing_signals
    assert (expected.tier, expected.escalation, expected.evaluation) == (
        actual.tier,
        actual.escalation,
        actual.evaluation,
    )


@settings(max_examples=2 * EXAMPLES)
@given(worlds(), st.lists(requests(), min_size=1, max_size=4), facts())
def test_the_compiled_form_equals_the_oracle(world: World, asked: list[Request], known: ServerFacts) -> None:
    """What is fast must say what is obvious."""
    for request, actual in zip(asked, decided(world, asked, known), strict=True):
        assert_as_the_oracle_says(world, request, known, actual)


@settings(max_examples=2 * EXAMPLES)
@given(indexed_worlds(), st.lists(indexed_requests(), min_size=1, max_size=6), facts())
def test_an_indexed_policy_equals_the_oracle(world: World, asked: list[Request], known: ServerFacts) -> None:
    """A rule that is passed over must be one that could not have matched."""
    for request, actual in zip(asked, decided(world, asked, known, least_indexed=0), strict=True):
        assert_as_the_oracle_says(world, request, known, actual)


@settings(max_examples=EXAMPLES)
@given(indexed_worlds(), st.lists(indexed_requests(), min_size=1, max_size=6), facts())
def test_an_index_changes_no_decision(world: World, asked: list[Request], known: ServerFacts) -> None:
    """Not the order of reasons, not one comparison, not the decision's id: records must replay."""
    plain = decided(world, asked, known, least_indexed=NEVER)
    assert plain == decided(world, asked, known, least_indexed=0)


LOW, HIGH = -1.0, 1000
SCOPES = st.tuples(
    st.sampled_from((None, *TEXTS["intent"][:2])),
    st.sampled_from((None, "contact_centre", "retail_banking", "retail_banking", *("private_banking",) * 4)),
    st.sampled_from((None, *TEXTS["currency"][:2])),
)


@settings(max_examples=EXAMPLES)
@given(threshold_worlds(), st.lists(SCOPES, min_size=1, max_size=4))
def test_the_limits_in_force_equal_the_oracle(world: World, scopes: list[tuple[str | None, ...]]) -> None:
    """Whose value wins is the hardest rule to see through."""
    asked = [
        Request(intent=intent, department=department, currency=currency, sentiment_score=LOW)
        for intent, department, currency in scopes
    ]
    known = ServerFacts(labelled_outcomes=HIGH)
    for request, actual in zip(asked, decided(world, asked, known), strict=True):
        expected = interpret(world.policies, request, known, default_policy=DEFAULT_POLICY, live=world.live)
        assert expected.reasons == as_oracle(actual.reasons)
