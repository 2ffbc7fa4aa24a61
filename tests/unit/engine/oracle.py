"""A slow, obvious interpreter of policies: what the compiled engine must agree with."""

# Written from the rules' description alone, sharing nothing with the engine but its value types. Truth has three values
# and a type of its own; `not` is a case like any other; every rule and every scope is looked at on every call.

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import NamedTuple, Protocol

from oversight.engine.decision import Comparison, Escalation, Evaluation, Tier, Value
from oversight.engine.policy import All, Check, Condition, Not, Policy, Rule, SupportedLanguages
from oversight.engine.request import Request, ServerFacts
from oversight.engine.signals import NEGATIONS
from unit.engine.oracle_scene import LiveValueLike, Scene, WrongTypeError, limit_of, observe

__all__ = ["BUILT_IN_RULES", "OracleDecision", "OracleReason", "interpret"]


BUILT_IN_RULES = frozenset(
    (
        *("oversight_stop", "tier_held", "signal_missing", "signal_stale", "unknown_intent", "unknown_department"),
        *("policy_error", "policy_stale", "thresholds_stale", "record_unavailable", "routine"),
    )
)
"""The rules that stand above every policy."""


class Truth(Enum):
    """Kleene's three values."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"


class StopLike(Protocol):
    """An engaged stop; for everything where both are None."""

    @property
    def department(self) -> str | None:
        """Which department."""

    @property
    def intent(self) -> str | None:
        """Which intent."""


class OracleReason(NamedTuple):
    """One match."""

    code: str
    rule_id: str
    tier: int
    escalation: int
    comparisons: tuple[Comparison, ...]


class OracleDecision(NamedTuple):
    """What the rules say."""

    tier: Tier
    escalation: Escalation
    evaluation: Evaluation
    reasons: list[OracleReason]
    shadow_reasons: list[OracleReason]
    missing_signals: tuple[str, ...]


# --- conditions


def truth_of(condition: Condition, scene: Scene) -> Truth:
    """Kleene's logic, case by case."""
    if isinstance(condition, Check):
        return truth_of_check(condition, scene)
    if isinstance(condition, Not):
        inner = truth_of(condition.part, scene)
        return {Truth.TRUE: Truth.FALSE, Truth.FALSE: Truth.TRUE, Truth.UNKNOWN: Truth.UNKNOWN}[inner]
    decisive, otherwise = (Truth.FALSE, Truth.TRUE) if isinstance(condition, All) else (Truth.TRUE, Truth.FALSE)
    truths = [truth_of(part, scene) for part in condition.parts]
    if decisive in truths:
        return decisive
    return Truth.UNKNOWN if Truth.UNKNOWN in truths else otherwise


def truth_of_check(check: Check, scene: Scene) -> Truth:
    """One comparison; unknown where the signal is absent, but `present` never is."""
    observed = observe(check.signal, scene)
    limit, _ = limit_of(check, scene)
    if check.operator == "present":
        return Truth.TRUE if (observed is not None) == limit else Truth.FALSE
    if observed is None:
        return Truth.UNKNOWN
    if isinstance(check.operand, SupportedLanguages):
        observed = str(observed).replace("_", "-").split("-")[0].lower()
    return Truth.TRUE if compares(observed, check.operator, limit) else Truth.FALSE


def compares(observed: Value, operator: str, limit: Value) -> bool:
    """Whether *observed* *operator* *limit* holds of a present value."""
    if operator == "below":
        return observed < limit  # type: ignore[operator]  # both are numbers: the policy was checked
    if operator == "above":
        return observed > limit  # type: ignore[operator]  # as above
    if operator == "equals":
        return observed == limit
    if operator == "in":
        return any(observed == item for item in limit)  # type: ignore[union-attr]  # a list of literals
    if operator == "contains":
        return any(flag == limit for flag in observed)  # type: ignore[union-attr]  # a list of flags
    if operator == "contains_any":
        return any(flag == item for flag in observed for item in limit)  # type: ignore[union-attr]  # lists, both
    if operator == "starts_with":
        return str(observed).startswith(str(limit))
    return not compares(observed, NEGATIONS[operator], limit)


def comparisons_of(condition: Condition, scene: Scene, *, wanted: Truth = Truth.TRUE) -> tuple[Comparison, ...]:
    """The leaves that made *condition* what is *wanted* of it, as they stand once `not` is pushed down to them."""
    if truth_of(condition, scene) is not wanted:
        return ()
    if isinstance(condition, Check):
        return (comparison_of(condition, scene, turned=wanted is Truth.FALSE),)
    if isinstance(condition, Not):
        other = Truth.FALSE if wanted is Truth.TRUE else Truth.TRUE
        return comparisons_of(condition.part, scene, wanted=other)
    return tuple(found for part in condition.parts for found in comparisons_of(part, scene, wanted=wanted))


def comparison_of(check: Check, scene: Scene, *, turned: bool) -> Comparison:
    """One leaf as it is reported."""
    limit, source = limit_of(check, scene)
    operator = check.operator
    if turned and operator == "present":
        limit = not limit
    elif turned:
        operator = NEGATIONS[operator]
    return Comparison(check.signal, observe(check.signal, scene), operator, limit, source)


# --- rules


def reason_of(rule: Rule, scene: Scene) -> tuple[OracleReason | None, bool]:
    """The rule's reason if it matches, and whether it failed."""
    time_us = scene.request.decided_at_us
    if rule.since_us is not None and time_us < rule.since_us:
        return None, False
    if rule.until_us is not None and time_us >= rule.until_us:
        return None, False
    try:
        for signal in signals_of(rule.when):
            observe(signal, scene)
    except WrongTypeError:
        tier = max(rule.tier, Tier.HUMAN_IN_THE_LOOP)
        return OracleReason(rule.reason, rule.id, tier, rule.escalation, ()), True
    if truth_of(rule.when, scene) is not Truth.TRUE:
        return None, False
    comparisons = comparisons_of(rule.when, scene)
    return OracleReason(rule.reason, rule.id, rule.tier, rule.escalation, comparisons), False


def signals_of(condition: Condition) -> set[str]:
    """Every signal that *condition* reads."""
    if isinstance(condition, Check):
        return {condition.signal}
    if isinstance(condition, Not):
        return signals_of(condition.part)
    return {signal for part in condition.parts for signal in signals_of(part)}


def built_in(rule_id: str, tier: int = Tier.HUMAN_IN_THE_LOOP, escalation: int = Escalation.NONE) -> OracleReason:
    """A match of a built-in rule."""
    return OracleReason(rule_id.upper(), rule_id, tier, escalation, ())


def is_stopped(stops: Sequence[StopLike], request: Request) -> bool:
    """Whether an engaged stop is for this request."""
    return any(
        stop.department in (None, request.department) and stop.intent in (None, request.intent) for stop in stops
    )


def is_stale(scene: Scene) -> bool:
    """Whether the live signals are too old, undated, or dated too far ahead."""
    limit_s = scene.policy.max_signal_age_s
    if limit_s is None:
        return False
    age_s = observe("signal_age_s", scene)
    return age_s is None or age_s > limit_s  # type: ignore[operator]  # an age is a number


def built_in_matches(
    scene: Scene, missing: Sequence[str], stops: Sequence[StopLike], ages: Mapping[str, bool], *, failed: bool
) -> list[OracleReason]:
    """Every built-in rule that matches, one after the other."""
    request, policy = scene.request, scene.policy
    matches = []
    if is_stopped(stops, request):
        matches.append(built_in("oversight_stop", Tier.HUMAN_AS_THE_LOOP, Escalation.TRANSFER))
    if request.held_tier is not None and request.held_tier > Tier.HUMAN_ON_THE_LOOP:
        matches.append(built_in("tier_held", min(request.held_tier, Tier.HUMAN_AS_THE_LOOP)))
    if missing:
        matches.append(built_in("signal_missing"))
    if is_stale(scene):
        matches.append(built_in("signal_stale"))
    if policy.tighten_unknown_intent and request.intent is not None and request.intent not in policy.intents:
        matches.append(built_in("unknown_intent"))
    if (
        policy.tighten_unknown_department
        and request.department is not None
        and request.department not in scene.policies
    ):
        matches.append(built_in("unknown_department"))
    if failed:
        matches.append(built_in("policy_error"))
    if scene.facts.record_unavailable:
        matches.append(built_in("record_unavailable"))
    return [*matches, *(built_in(rule_id) for rule_id, is_over in ages.items() if is_over)]


def evaluation_of(reasons: Sequence[OracleReason]) -> Evaluation:
    """An error is told before staleness, staleness before the rest."""
    ids = {reason.rule_id for reason in reasons}
    if ids & {"policy_error", "record_unavailable"}:
        return Evaluation.ERROR
    if ids & {"signal_stale", "policy_stale", "thresholds_stale"}:
        return Evaluation.STALE
    return Evaluation.MATCHED if ids != {"routine"} else Evaluation.DEFAULT


def in_order(reasons: Sequence[OracleReason]) -> list[OracleReason]:
    """Tier descending, escalation descending, rule id."""
    return sorted(reasons, key=lambda reason: (-reason.tier, -reason.escalation, reason.rule_id))


def interpret(
    policies: Mapping[str, Policy],
    request: Request,
    facts: ServerFacts,
    *,
    default_policy: str,
    live: Sequence[LiveValueLike] = (),
    stops: Sequence[StopLike] = (),
    max_policy_age_s: int = 86_400,
    max_threshold_age_s: int = 300,
) -> OracleDecision:
    """Decide *request* by reading the policies word by word."""
    policy = policies.get(request.department or default_policy, policies[default_policy])
    scene = Scene(policies, policy, request, facts, live)
    missing = tuple(sorted(name for name in set(policy.required_signals) if observe(name, scene) is None))
    outcomes = [(rule, *reason_of(rule, scene)) for rule in policy.rules]
    ages = {
        "policy_stale": 0 < max_policy_age_s < facts.policy_age_s,
        "thresholds_stale": 0 < max_threshold_age_s < facts.threshold_age_s,
    }
    failed = any(has_failed for rule, _, has_failed in outcomes if not rule.shadow)
    reasons = [reason for rule, reason, _ in outcomes if reason and not rule.shadow]
    # Those of the machine alone count as those of the snapshot.
    reasons += built_in_matches(scene, missing, (*stops, *facts.stops), ages, failed=failed)
    reasons = in_order(reasons) or [built_in("routine", Tier.HUMAN_ON_THE_LOOP)]
    return OracleDecision(
        tier=Tier(max(reason.tier for reason in reasons)),
        escalation=Escalation(max(reason.escalation for reason in reasons)),
        evaluation=evaluation_of(reasons),
        reasons=reasons,
        shadow_reasons=in_order([reason for rule, reason, _ in outcomes if reason and rule.shadow]),
        missing_signals=missing,
    )
