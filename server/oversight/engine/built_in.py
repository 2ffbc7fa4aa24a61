"""The rules above any policy: stops, held conversations, missing or stale inputs, unknown names, failed records."""

from __future__ import annotations

from collections.abc import Iterator

from oversight.engine.decision import Comparison, Escalation, Reason, Tier
from oversight.engine.request import Request, ServerFacts, Stop
from oversight.engine.runtime import age_s, choice_name
from oversight.engine.snapshot import Program, Snapshot

__all__ = ["BUILT_IN_RULES", "ERRORS", "ROUTINE", "STALE", "built_in", "policy_error"]

BUILT_IN_RULES: tuple[str, ...] = (
    "oversight_stop",
    "tier_held",
    "signal_missing",
    "signal_stale",
    "unknown_intent",
    "unknown_department",
    "policy_error",
    "policy_stale",
    "thresholds_stale",
    "record_unavailable",
    "routine",
)
"""Their ids; the reason code of each is its id in capitals. Policies may use neither."""

ERRORS = frozenset({"POLICY_ERROR", "RECORD_UNAVAILABLE"})
"""Reason codes that make an evaluation ERROR."""

STALE = frozenset({"SIGNAL_STALE", "POLICY_STALE", "THRESHOLDS_STALE"})
"""Reason codes that make an evaluation STALE."""


def _reason(rule: str, message: str, *comparisons: Comparison, tier: int = Tier.HUMAN_IN_THE_LOOP) -> Reason:
    return Reason(rule.upper(), rule, message, int(tier), int(Escalation.NONE), comparisons)


ROUTINE = _reason("routine", "No rule asks for more than watching.", tier=Tier.HUMAN_ON_THE_LOOP)
"""The reason where nothing matched."""


def policy_error(rules: list[str]) -> Reason:
    """Return the reason that names the *rules* that failed."""
    return _reason("policy_error", f"A rule could not be evaluated and counts as matched: {', '.join(rules)}.")


def built_in(
    snapshot: Snapshot, program: Program, request: Request, facts: ServerFacts, missing: tuple[str, ...]
) -> Iterator[Reason]:
    """Yield the built-in reasons that hold for *request*, decided by *program* of *snapshot*."""
    if snapshot.stops or facts.stops:
        yield from _stopped((*snapshot.stops, *facts.stops), request)
    if request.held_tier is not None and request.held_tier > Tier.HUMAN_ON_THE_LOOP:
        held = Comparison(
            "held_tier", choice_name("held_tier", request.held_tier), "above", "human_on_the_loop", "literal"
        )
        tier = min(request.held_tier, Tier.HUMAN_AS_THE_LOOP)
        yield _reason("tier_held", "A person already holds this conversation.", held, tier=tier)
    if missing:
        absent = (Comparison(name, None, "present", True, "policy required_signals") for name in missing)  # noqa: FBT003 - the limit of `present`
        yield _reason("signal_missing", "A signal that the policy requires is absent.", *absent)
    if program.max_signal_age_s is not None:
        yield from _stale_signals(program.max_signal_age_s, request)
    if request.intent is not None and program.tighten_unknown_intent and request.intent not in program.intents:
        unknown = Comparison("intent", request.intent, "not_in", None, "policy intents")
        yield _reason("unknown_intent", "The policy does not know this intent.", unknown)
    if (
        program.tighten_unknown_department
        and request.department is not None
        and request.department not in snapshot.policies
    ):
        unknown = Comparison("department", request.department, "not_in", None, "policies")
        yield _reason("unknown_department", "No policy has the name of this department.", unknown)
    yield from _stale_sources(snapshot, facts)
    if facts.record_unavailable:
        yield _reason("record_unavailable", "The decision cannot be put on record.")


def _stopped(stops: tuple[Stop, ...], request: Request) -> Iterator[Reason]:
    matching = [
        stop
        for stop in stops
        if stop.department in (None, request.department) and stop.intent in (None, request.intent)
    ]
    if matching:
        found = {("department", stop.department) for stop in matching} | {("intent", stop.intent) for stop in matching}
        seen = sorted((signal, value) for signal, value in found if value is not None)
        comparisons = tuple(Comparison(signal, value, "equals", value, "oversight stop") for signal, value in seen)
        yield Reason(
            "OVERSIGHT_STOP",
            "oversight_stop",
            "An oversight stop is engaged.",
            int(Tier.HUMAN_AS_THE_LOOP),
            int(Escalation.TRANSFER),
            comparisons,
        )


def _stale_signals(limit_s: float, request: Request) -> Iterator[Reason]:
    age = age_s(request.signal_time_us, request.decided_at_us)
    if age is None or age > limit_s:
        seen = Comparison("signal_age_s", age, "above", limit_s, "policy max_signal_age_s")
        yield _reason("signal_stale", "The live signals are too old, or their time is unknown.", seen)


def _stale_sources(snapshot: Snapshot, facts: ServerFacts) -> Iterator[Reason]:
    if 0 < snapshot.max_policy_age_s < facts.policy_age_s:
        limit = snapshot.max_policy_age_s
        seen = Comparison("policy_age_s", facts.policy_age_s, "above", limit, "setting max_policy_age_s")
        yield _reason("policy_stale", "The policy has not been confirmed against its source for too long.", seen)
    if 0 < snapshot.max_threshold_age_s < facts.threshold_age_s:
        limit = snapshot.max_threshold_age_s
        seen = Comparison("threshold_age_s", facts.threshold_age_s, "above", limit, "setting max_threshold_age_s")
        yield _reason("thresholds_stale", "The thresholds have not been confirmed for too long.", seen)
