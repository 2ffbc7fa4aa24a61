"""What the number of rules costs the engine: the decision alone, without a call around it."""

from __future__ import annotations

import random
import time

from bench.bodies import SIGNALS
from bench.figures import Findings, Table, ratios
from bench.many_rules import RULES_OF_AN_INTENT, intents_of, rule_files
from bench.report import spread
from bench.rounds import Plan, say, take_turns
from oversight.engine.compile import compile_policies
from oversight.engine.decide import decide
from oversight.engine.decision import Escalation, Tier
from oversight.engine.identity import Keys
from oversight.engine.policy import All, Check, Literal, Policy, Rule
from oversight.engine.request import Request, ServerFacts
from oversight.engine.snapshot import Snapshot, assemble
from oversight.policies import SnapshotSource, assemble_source, compile_source

__all__ = ["measure_rules"]

_FEW, _MANY = 30, 10_000
_COUNTS = (_FEW, 300, 3_000, _MANY)
_TOO_MANY = 100_000
"""More than fit into rule files in reasonable time: given to the engine as they are."""
_POLICY = "contact_centre"
_REQUESTS = 2_000
_KEYS = Keys(id_key=b"i" * 32, audit_key=b"a" * 32, audit_key_id="bench")
_FACTS = ServerFacts()
_DECIDED_AT_US = 1_800_000_000_000_000


def measure_rules(plan: Plan) -> Findings:
    """Measure the CPU time of a decision, and how long it takes until rules are ready, by their number."""
    counts = [*_COUNTS, *([_TOO_MANY] if plan.many_rules else [])]
    snapshots, load_s = {}, {}
    for rules in counts:
        say(f"compiling {rules:,} rules")
        began_s = time.process_time()
        snapshots[rules] = _compile(rules)
        load_s[rules] = time.process_time() - began_s

    def measure(rules: int, number: int) -> float:
        return _decide_all(snapshots[rules], _requests(rules, number))

    found = take_turns(counts, plan.rounds, measure)
    rows = tuple((f"{rules:,}", spread(us), f"{load_s[rules]:.1f}") for rules, us in found.items())
    title = f"The engine alone, {RULES_OF_AN_INTENT} rules for each intent"
    return Findings(
        {"rules": ratios(found[_MANY], found[_FEW])},
        (Table(title, ("rules", "CPU µs a decision", "CPU s to compile, YAML included but for 100,000"), rows),),
    )


def _compile(rules: int) -> Snapshot:
    if rules == _TOO_MANY:
        return assemble(compile_policies({_POLICY: _policy(rules)}), default_policy=_POLICY)
    source = SnapshotSource(files=rule_files(rules), default_policy=_POLICY)
    return assemble_source(source, compile_source(source)[0])


def _policy(rules: int) -> Policy:
    """Return what `rule_files` says, as far as the engine is concerned."""
    tier, escalation, reason = Tier.HUMAN_IN_THE_LOOP, Escalation.NONE, "LOW_CONFIDENCE"
    intents, numbers = intents_of(rules), range(1, RULES_OF_AN_INTENT + 1)
    conditions = {
        f"{intent}_{number}": All(
            (
                Check("intent", "equals", Literal(intent)),
                Check("response_confidence", "below", Literal(round(0.09 * number, 2))),
            )
        )
        for intent in intents
        for number in numbers
    }
    made = tuple(Rule(name, when, tier, escalation, reason, "") for name, when in conditions.items())
    required = ("intent", "response_confidence", "sentiment_score")
    return Policy(_POLICY, "1", "", (_POLICY,), required, frozenset(intents), made)


def _requests(rules: int, number: int) -> list[Request]:
    """Return requests about all intents; no two are alike."""
    intents = intents_of(rules)
    drawn = random.Random(number)  # noqa: S311 - nothing here is secret
    signals = {**SIGNALS, "decided_at_us": _DECIDED_AT_US}
    return [
        Request(**{**signals, "intent": drawn.choice(intents), "request_id": f"{number}-{index}"})
        for index in range(_REQUESTS)
    ]


def _decide_all(snapshot: Snapshot, requests: list[Request]) -> float:
    """Return the CPU time of a decision, in microseconds."""
    for request in requests[: _REQUESTS // 10]:
        decide(snapshot, request, _FACTS, _KEYS)
    began_ns = time.process_time_ns()
    for request in requests:
        decide(snapshot, request, _FACTS, _KEYS)
    return (time.process_time_ns() - began_ns) / len(requests) / 1000
