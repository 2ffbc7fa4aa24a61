"""Checked policies to a blueprint: plain values and code objects that `marshal` can hand to another process."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

from oversight.engine.conditions import describe, normal_form
from oversight.engine.generate import generate
from oversight.engine.limits import Slot
from oversight.engine.policy import Policy, Rule, Threshold

__all__ = ["AUDIT_RATE", "ENGINE_VERSION", "Blueprint", "compile_policies"]

AUDIT_RATE = "audit_rate"
"""The threshold that the engine itself reads: the share of on-the-loop decisions that people check afterwards."""

ENGINE_VERSION = 1
"""Raised whenever the same rules and request could be decided otherwise than before."""

Blueprint = dict[str, Any]
"""`engine_version`, `digest` (of the rules) and `policies` by name, each a plain dict read by `engine.snapshot`."""


def compile_policies(policies: Mapping[str, Policy]) -> Blueprint:
    """
    Return the blueprint of checked *policies*.

    The same rules give the same digest, in whatever order files, keys, rules and lists were written.
    """
    described = [_describe(policies[name]) for name in sorted(policies)]
    return {
        "engine_version": ENGINE_VERSION,
        "digest": sha256(json.dumps(described, sort_keys=True).encode()).hexdigest(),
        "policies": {name: _compile(policy, policies) for name, policy in sorted(policies.items())},
    }


def _compile(policy: Policy, policies: Mapping[str, Policy]) -> dict[str, Any]:
    # Emitted in the order of replies, so that matches need no sorting.
    rules = sorted(policy.rules, key=lambda rule: (-rule.tier, -rule.escalation, rule.id))
    source, slots = generate(policy, rules)
    if AUDIT_RATE in policy.thresholds:
        slots = (*slots, Slot(AUDIT_RATE, 0.0, 0.0, 1.0))
    return {
        "name": policy.name,
        "version": policy.version,
        "lineage": tuple(name for name in policy.lineage if name in policies),
        "code": compile(source, f"<policy {policy.name}>", "exec", dont_inherit=True, optimize=0),
        "source": source,
        "slots": [tuple(slot) for slot in slots],
        "audit_slot": len(slots) - 1 if AUDIT_RATE in policy.thresholds else None,
        "thresholds": {name: {"tightens": one.tightens} for name, one in policy.thresholds.items()},
        "own_entries": {name: _own_entries(policy.name, one) for name, one in policy.thresholds.items()},
        "intents": policy.intents,
        "max_signal_age_s": policy.max_signal_age_s,
        "tighten_unknown_intent": policy.tighten_unknown_intent,
        "tighten_unknown_department": policy.tighten_unknown_department,
        "tiers": {
            int(tier): (terms.review_sla_s, None if terms.on_expiry is None else int(terms.on_expiry))
            for tier, terms in policy.tiers.items()
        },
    }


def _own_entries(policy: str, threshold: Threshold) -> list[tuple[float, str | None, str | None, str | None]]:
    """Return the values that *policy* itself sets; those of its parents stand in theirs."""
    own: list[tuple[float, str | None, str | None, str | None]] = []
    if threshold.policy in ("", policy):
        own.append((threshold.default, None, None, None))
    overrides = (one for one in threshold.overrides if one.policy in ("", policy))
    return own + [(one.value, one.intent, one.department, one.currency) for one in overrides]


def _describe(policy: Policy) -> dict[str, Any]:
    """Return everything of a policy that a decision or a reply can depend on, as JSON has it."""
    return {
        "name": policy.name,
        "version": policy.version,
        "lineage": list(policy.lineage),
        "required_signals": sorted(policy.required_signals),
        "intents": sorted(policy.intents),
        "rules": [_describe_rule(rule) for rule in sorted(policy.rules, key=lambda rule: rule.id)],
        "thresholds": _by_name(policy.thresholds.values()),
        "attributes": dict(policy.attributes),
        "tiers": {int(tier): [terms.review_sla_s, terms.on_expiry] for tier, terms in policy.tiers.items()},
        "supported_languages": None if policy.supported_languages is None else sorted(policy.supported_languages),
        "max_signal_age_s": policy.max_signal_age_s,
        "unknown": [policy.tighten_unknown_intent, policy.tighten_unknown_department],
    }


def _describe_rule(rule: Rule) -> list[Any]:
    return [
        rule.id,
        describe(normal_form(rule.when)),
        rule.tier,
        rule.escalation,
        rule.reason,
        rule.message,
        rule.shadow,
        rule.since_us,
        rule.until_us,
    ]


def _by_name(thresholds: Iterable[Threshold]) -> dict[str, Any]:
    return {
        one.name: [
            one.default,
            one.minimum,
            one.maximum,
            one.tightens,
            one.policy,
            sorted([repr((o.intent, o.department, o.currency)), o.value, o.policy] for o in one.overrides),
        ]
        for one in thresholds
    }
