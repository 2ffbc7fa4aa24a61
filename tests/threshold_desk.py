"""Rules with a family of policies, events in memory, and a desk for thresholds over both."""

from __future__ import annotations

from threading import Event
from typing import Any

from contract.memory_control_store import MemoryControlStore
from contract.samples import a_decision, an_id
from oversight.engine.compile import compile_policies
from oversight.engine.control import ControlEvent, ControlStore, EventKind, Setting
from oversight.engine.request import Request, ServerFacts
from oversight.errors import StoreUnavailableError
from oversight.grpc_api.threshold_service import Recommender, ThresholdUseCases
from oversight.insight.question import Asked, Recommended
from oversight.rules.load import load
from oversight.rules.scopes import Scope
from oversight.rules.source import RuleFiles
from oversight.storage.records import PageKey, RecordFilter, RecordPage, StoredDecision
from oversight.thresholds.changes import Changes
from oversight.thresholds.log import ControlLog
from oversight.thresholds.outcome import Terms
from oversight.thresholds.stops import Stops
from oversight.thresholds.table import Tables
from oversight.thresholds.values import RulesInForce

NOW_US = 1_800_000_000_000_000
HOUR_US = 3_600_000_000

CENTRE = """\
policy: centre
version: "1"
description: The parent.
required_signals: [intent, response_confidence]
intents: [order_status, order_change]
thresholds:
  autonomy:
    description: Lowest confidence without a person.
    default: 0.85
    min: 0.60
    max: 0.99
    tightens: raise
    overrides:
      - {intent: order_change, value: 0.90}
  handover:
    description: Lowest confidence at which a draft is of use.
    default: 0.50
    min: 0.30
    max: 0.95
    tightens: raise
  amount:
    description: Largest amount without a person.
    default: 100
    min: 0
    max: 10000
    tightens: lower
    overrides:
      - {currency: EUR, value: 500}
constraints:
  - handover < autonomy
rules:
  - id: low
    when: {response_confidence: {below: $autonomy}}
    tier: human_in_the_loop
    reason: LOW
    message: Low.
  - id: very_low
    when: {response_confidence: {below: $handover}}
    tier: human_as_the_loop
    reason: VERY_LOW
    message: Very low.
  - id: large
    when: {amount_minor: {above: $amount}}
    tier: human_as_the_loop
    reason: LARGE
    message: Large.
"""
BANK = """\
policy: bank
version: "1"
description: A child that is stricter.
extends: centre
intents: [order_status, card_lost]
thresholds:
  autonomy: {value: 0.88}
"""
CARDS = """\
policy: cards
version: "1"
description: A grandchild with nothing of its own.
extends: bank
"""


def the_rules(**files: str) -> RulesInForce:
    """Return the rules of *files*, by default a family of three policies."""
    texts = files or {"centre": CENTRE, "bank": BANK, "cards": CARDS}
    named = {f"{name}.yaml": text for name, text in texts.items()}
    rules = load(RuleFiles(files=named, commit=""), default_policy="centre")
    return RulesInForce(rules.policies, compile_policies(rules.policies), "centre")


class RacedStore(MemoryControlStore):
    """A control store at which `intruders` come first, one at each append; it is silent after one until `answers`."""

    def __init__(self) -> None:
        super().__init__()
        self.intruders: list[ControlEvent] = []
        self.answers = Event()
        self.answers.set()

    def append(self, event: ControlEvent, *, expected_revision: int) -> int:
        """See `ControlStore`."""
        if self.intruders:
            super().append(self.intruders.pop(0), expected_revision=len(self.events))
        revision = super().append(event, expected_revision=expected_revision)
        self.answers.wait(60)
        return revision


class MemoryRecords:
    """A `RecordLister` in memory; `down` makes it fail."""

    def __init__(self) -> None:
        self.decisions: list[StoredDecision] = []
        self.down = False

    def add(self, *, erased: bool = False, **fields: Any) -> None:
        """Put a decision about a message with *fields* on record."""
        number = len(self.decisions)
        request = Request(request_id=f"r{number}", **fields)
        decision = a_decision(number)
        self.decisions.append(
            StoredDecision(request, ServerFacts(policy_age_s=10**9), decision, "", 0, "", an_id(number), erased, ())
        )

    def list_decisions(self, wanted: RecordFilter, limit: int, after: PageKey | None) -> RecordPage:
        if self.down:
            raise StoreUnavailableError("the store is down")
        assert (RecordFilter(), None) == (wanted, after)
        return RecordPage(tuple(self.decisions[-limit:]), None)


def nobody_recommends(asked: Asked, author: str) -> Recommended:
    """Stand for what no test here asks for."""
    raise AssertionError(f"{author} asked for {asked}")


class Desk:
    """The use cases over rules, events and records in memory, at a time that can be set; or over another *store*."""

    def __init__(
        self, rules: RulesInForce | None = None, *, needs_approval: bool = False, store: ControlStore | None = None
    ) -> None:
        self.now_us = NOW_US
        self.rules = rules or the_rules()
        self.store = RacedStore()
        self.records = MemoryRecords()
        self.log = ControlLog(store or self.store, clock_us=lambda: self.now_us)
        self.changes = Changes(
            self.log,
            rules=lambda: self.rules,
            records=self.records,
            needs_approval=needs_approval,
            approval_ttl_h=2,
        )
        self.stops = Stops(self.log, needs_other=needs_approval)
        self.tables = Tables(self.log, rules=lambda: self.rules)
        self.recommender: Recommender = nobody_recommends
        self.use_cases = ThresholdUseCases(
            self.tables,
            self.changes,
            self.stops,
            self.rules.default_policy,
            self._recommend,
        )

    def _recommend(self, asked: Asked, author: str) -> Recommended:
        return self.recommender(asked, author)


def by(caller: str = "ann", justification: str = "as agreed", **terms: Any) -> Terms:
    """Return the terms of a change."""
    return Terms(caller, justification, **terms)


def a_setting(value: float | None, name: str = "autonomy", policy: str = "centre", **fields: Any) -> Setting:
    """Return a live value."""
    return Setting(policy, name, value, **fields)


def kinds(desk: Desk) -> list[EventKind]:
    """Return what happened, in order."""
    return [event.kind for event in desk.store.events]


def value(desk: Desk, policy: str = "centre", name: str = "autonomy", **scope: str) -> float:
    """Return what is in force."""
    table = desk.tables.read(policy, Scope(**scope))
    return next(one.entry.value for one in table.values if one.threshold.name == name)
