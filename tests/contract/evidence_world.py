"""Decisions and outcomes of all kinds, in any order, and what the statistics say of them without a database."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, NamedTuple

from hypothesis import strategies as st

from contract.samples import DRAFT, NOW_US, REASON, a_decision, a_record, a_request, an_id
from oversight.engine.decision import Escalation, Tier
from oversight.feedback.error_rates import Counts, counts_of
from oversight.feedback.facts import DecisionFacts, OutcomeFacts
from oversight.feedback.labels import Label, LabelState, drawn_probability, label
from oversight.feedback.rows import rows_of
from oversight.storage.evidence import Cell, CellFilter, Split
from oversight.storage.evidence_feed import EvidenceFeed
from oversight.storage.evidence_reader import SqlEvidence
from oversight.storage.outcome import Outcome
from oversight.storage.records import SIGNAL_FIELDS, DecisionRecord, OutcomeRecord
from oversight.storage.sql import SqlStore

MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
START_US = NOW_US - NOW_US % HOUR_US
"""The world begins with an hour."""
DUE_H = 2.0

SPLITS: Sequence[Sequence[Split]] = (
    (),
    (Split.INTENT,),
    (Split.DEPARTMENT, Split.TIER),
    tuple(Split),
)

WINDOWS = (
    CellFilter(),
    CellFilter(intent="refund"),
    CellFilter(intent="", tier=1),
    CellFilter(since_us=START_US + HOUR_US, until_us=START_US + 3 * HOUR_US),
)

_OTHER_DRAFT = "cd" * 32


class World(NamedTuple):
    """Records in the order in which they reach the store, in batches; `steps` are taken by the feed behind each."""

    batches: Sequence[tuple[Sequence[DecisionRecord], Sequence[OutcomeRecord], int]]

    @property
    def decisions(self) -> list[DecisionRecord]:
        """All decisions."""
        return [decision for batch in self.batches for decision in batch[0]]

    @property
    def accepted(self) -> list[OutcomeRecord]:
        """The outcomes that count: the first with each id."""
        first: dict[str, OutcomeRecord] = {}
        for batch in self.batches:
            for record in batch[1]:
                first.setdefault(record.outcome.outcome_id, record)
        return list(first.values())


_PROBABILITIES = (0.0, 0.05, 0.1, 0.5, 1.0)


@st.composite
def _decisions(draw: Callable[..., Any], number: int) -> DecisionRecord:
    tier = draw(st.sampled_from([1, 1, 1, 2, 3]))
    on_the_loop = tier == Tier.HUMAN_ON_THE_LOOP
    return make_decision(
        number,
        minute=draw(st.integers(0, 300)),
        tier=tier,
        audit_probability=draw(st.sampled_from(_PROBABILITIES)) if on_the_loop else 0.0,
        audit_selected=on_the_loop and draw(st.booleans()),
        review_sla_s=draw(st.sampled_from([None, 600, 7_200])),
        escalation=draw(st.sampled_from([Escalation.NONE, Escalation.OFFER])),
        intent=draw(st.sampled_from([None, "refund", "order"])),
        model_version=draw(st.sampled_from([None, "m1", "m2"])),
        draft_sha256=draw(st.sampled_from([None, DRAFT, DRAFT])),
        response_confidence=draw(st.sampled_from([None, 0.25, 0.5])),
        # Some requests are decided again.
        request_id=f"request-{draw(st.integers(1, number))}",
    )


def make_decision(number: int, *, minute: int, **fields: Any) -> DecisionRecord:
    """Return a decision made *minute* minutes after the start, with *fields* of request and decision."""
    names = (
        *("intent", "model_version", "draft_sha256", "response_confidence", "tenant_id", "department"),
        *("attributes", "request_id"),
    )
    request = a_request(number, decided_at_us=START_US + minute * MINUTE_US, **_some(fields, *names))
    given = {
        "audit_probability": 0.0,
        "audit_selected": False,
        "reasons": (REASON,) if number % 2 else (REASON._replace(rule_id="routine"),),
        **{name: value for name, value in fields.items() if name not in names},
    }
    return a_record(number, request, a_decision(number, **{**given, "tier": Tier(given.get("tier", 1))}))


def _some(fields: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: fields[name] for name in names if name in fields}


@st.composite
def _outcomes(draw: Callable[..., Any], number: int, decisions: int) -> OutcomeRecord:
    verdict = draw(st.sampled_from([None, 1, 1, 2, 3, 4, 5, 6, 7]))
    outcome = Outcome(
        # Some ids come twice, with other facts: a conflict.
        outcome_id=f"outcome-{draw(st.integers(0, number))}",
        decision_id=an_id(draw(st.integers(1, decisions + 1))),
        draft_sha256=draw(st.sampled_from([None, DRAFT, DRAFT, _OTHER_DRAFT])),
        redecided_as=draw(st.sampled_from([None, None, an_id(999)])),
        verdict=verdict,
        label_basis=None if verdict is None else draw(st.sampled_from([1, 2, 2, 3, 4])),
        error_category=draw(st.sampled_from([None, None, 2, 7])) if verdict else None,
        correction_ref=draw(st.sampled_from([None, None, "dms/7"])),
        handled_by=draw(st.sampled_from([None, 1, 2, 3])),
        escalated=draw(st.sampled_from([None, False, True])),
        escalation_expected=draw(st.sampled_from([None, False, True])),
        resolution=draw(st.sampled_from([None, 1, 2, 3])),
        repeat_contact=draw(st.sampled_from([None, False, True])),
        csat=draw(st.sampled_from([None, 1.0, 4.5])),
        qa_critical_fail=draw(st.sampled_from([None, None, False, True])),
        qa_subject=draw(st.sampled_from([None, 1, 2])),
        planted=draw(st.sampled_from([None, None, False, True])),
        observed_at_us=draw(st.sampled_from([None, *(START_US + hour * HOUR_US for hour in range(6))])),
    )
    return OutcomeRecord(outcome, START_US + draw(st.integers(0, 400)) * MINUTE_US, "desk")


@st.composite
def worlds(draw: Callable[..., Any], *, most: int = 14) -> World:
    """Draw a world of at most *most* decisions and twice as many outcomes."""
    count = draw(st.integers(1, most))
    records: list[Any] = [draw(_decisions(number)) for number in range(1, count + 1)]
    records += [draw(_outcomes(number, count)) for number in range(draw(st.integers(0, 2 * most)))]
    return _in_batches(draw(st.permutations(records)), lambda top: draw(st.integers(0, top)))


def a_world(seed: int, decisions: int, outcomes: int) -> World:
    """Return a world of this size that *seed* decides."""
    random = Random(seed)  # noqa: S311 - no secret
    choose = random.choice
    records: list[Any] = []
    for number in range(1, decisions + 1):
        tier = choose([1, 1, 1, 1, 2, 3])
        probability = choose([0.05, 0.2, 1.0]) if tier == 1 else 0.0
        records.append(
            make_decision(
                number,
                minute=random.randrange(1_000),
                tier=tier,
                audit_probability=probability,
                audit_selected=tier == 1 and random.random() < max(probability, 0.3),
                review_sla_s=choose([None, 600, 7_200]),
                intent=choose(["refund", "order", None]),
                model_version=choose(["m1", None]),
                escalation=choose([Escalation.NONE, Escalation.OFFER]),
                request_id=f"request-{choose([number, random.randint(1, number)])}",
            )
        )
    for number in range(outcomes):
        verdict = choose([None, 1, 1, 1, 2, 3, 4, 5, 6])
        outcome = Outcome(
            outcome_id=f"outcome-{number - (random.random() < 0.05)}",
            decision_id=an_id(random.randint(1, decisions + 1)),
            verdict=verdict,
            draft_sha256=choose([None, DRAFT, DRAFT, _OTHER_DRAFT]),
            label_basis=None if verdict is None else choose([1, 2, 2, 2, 3, 4]),
            handled_by=choose([None, 1, 2, 3]),
            escalated=choose([None, False, True]),
            resolution=choose([None, 1, 2, 3]),
            repeat_contact=choose([None, False, True]),
            csat=choose([None, 1.0, 2.0, 4.5]),
            planted=choose([None, None, None, True]),
            observed_at_us=choose([None, START_US + random.randrange(1_000) * MINUTE_US]),
        )
        records.append(OutcomeRecord(outcome, START_US + random.randrange(1_200) * MINUTE_US, "desk"))
    random.shuffle(records)
    return _in_batches(records, lambda top: random.randint(0, top))


def _in_batches(records: Sequence[Any], drawn: Callable[[int], int]) -> World:
    batches = []
    rest = list(records)
    while rest:
        size = 1 + drawn(min(len(rest), 60) - 1)
        batch, rest = rest[:size], rest[size:]
        found = [one for one in batch if isinstance(one, DecisionRecord)]
        batches.append((found, [one for one in batch if isinstance(one, OutcomeRecord)], drawn(4)))
    return World(batches)


def cell_of_record(record: DecisionRecord) -> Cell:
    """Return the cell of a decision, by its request."""
    signals = _signals(record)
    tenant, department, intent, version = (
        str(signals[name] or "") for name in ("tenant_id", "department", "intent", "model_version")
    )
    return Cell(tenant, department, intent, record.tier, version)


def _signals(record: DecisionRecord) -> dict[str, Any]:
    return dict(zip(SIGNAL_FIELDS, record.signals, strict=True))


def facts_of(decision: DecisionRecord, world: World) -> list[OutcomeFacts]:
    """Return the facts of all outcomes of a decision that count."""
    draft = _signals(decision)["draft_sha256"]
    return [_facts(record, draft) for record in world.accepted if record.outcome.decision_id == decision.decision_id]


def _facts(record: OutcomeRecord, draft: Any) -> OutcomeFacts:
    outcome = record.outcome
    another = None not in (draft, outcome.draft_sha256) and draft != outcome.draft_sha256
    told = {name: getattr(outcome, name) for name in OutcomeFacts._fields if hasattr(outcome, name)}
    if another and outcome.redecided_as and outcome.verdict == 1:
        told["verdict"] = None
    told["observed_at_us"] = min(outcome.observed_at_us or record.received_at_us, record.received_at_us)
    return OutcomeFacts(**told, other_draft=another and outcome.redecided_as is None)


def decision_of(record: DecisionRecord) -> DecisionFacts:
    """Return what the statistics need of a decision."""
    return DecisionFacts(
        record.decision_id,
        record.decided_at_us,
        record.tier,
        record.escalation > Escalation.NONE,
        record.audit_selected,
        record.audit_probability,
        record.review_sla_s,
    )


def wanted_of(world: World, wanted: CellFilter) -> list[DecisionRecord]:
    """Return the decisions that are *wanted*; its bounds are whole hours."""
    return [
        record
        for record in world.decisions
        if (wanted.since_us is None or record.decided_at_us >= wanted.since_us)
        and (wanted.until_us is None or record.decided_at_us < wanted.until_us)
        and all(getattr(wanted, name) in (None, getattr(cell_of_record(record), name)) for name in Cell._fields)
    ]


def group_of(record: DecisionRecord, split: Sequence[Split]) -> Cell:
    """Return the group of a decision."""
    cell = cell_of_record(record)
    return Cell(**{str(name): getattr(cell, name) for name in split})


def counts_by_rows(world: World, wanted: CellFilter, split: Sequence[Split], now_us: int) -> dict[Cell, Counts]:
    """Return for each group what the statistics count in rows."""
    groups: dict[Cell, list[Any]] = {}
    labels = labels_of(world, now_us)
    for record in wanted_of(world, wanted):
        if record.tier < Tier.HUMAN_AS_THE_LOOP:
            found = decision_of(record), labels[record.decision_id], math.nan
            groups.setdefault(group_of(record, split), []).append(found)
    return {group: counts_of(rows_of(rows)) for group, rows in groups.items()}


def labels_of(world: World, now_us: int) -> dict[str, Label]:
    """Return the label of each decision; none where that of another one on its draft stands for it."""
    own = {
        record.decision_id: label(decision_of(record), facts_of(record, world), now_us=now_us, audit_due_h=DUE_H)
        for record in world.decisions
    }
    back = [one for one in world.decisions if any(_stands_for(other, one, world, own) for other in world.decisions)]
    return own | {one.decision_id: Label(LabelState.NOT_DUE, None, drawn_probability(decision_of(one))) for one in back}


def _stands_for(other: DecisionRecord, one: DecisionRecord, world: World, labels: Mapping[str, Label]) -> bool:
    """Tell whether *other* has the label, or the review, of *one*: the same draft, decided again."""
    asked, asked_again = _signals(one), _signals(other)
    draft = asked["draft_sha256"]
    if draft is None or asked_again["draft_sha256"] != draft or one.request_key != other.request_key:
        return False
    later = (other.decided_at_us, other.decision_id) > (one.decided_at_us, one.decision_id)
    loss, other_loss = labels[one.decision_id].loss, labels[other.decision_id].loss
    if loss is not None:
        return other_loss is not None and (other_loss > loss or (other_loss == loss and later))
    alike = all(
        asked[name] == asked_again[name] for name in ("department", "intent", "model_version", "response_confidence")
    )
    is_due = other.tier == 2 or (other.tier == 1 and other.audit_selected)
    return later and alike and is_due and other.tier >= one.tier and not facts_of(one, world)


def take_in(world: World, store: SqlStore) -> EvidenceFeed:
    """Put the world on record as it comes, with the feed at work in between; return it when it is done."""
    feed = EvidenceFeed(store, audit_due_h=DUE_H, decisions_a_batch=7, outcomes_a_batch=5)
    for decisions, outcomes, steps in world.batches:
        store.add(decisions, outcomes)
        for _ in range(steps):
            feed.step()
    finish(feed)
    return feed


def finish(feed: EvidenceFeed) -> None:
    """Feed until nothing is left."""
    while feed.step().more:
        pass


def counted(reader: SqlEvidence, wanted: CellFilter, split: Sequence[Split], now_us: int) -> dict[Cell, Counts]:
    """Return what the reader counts, by cell."""
    return {found.cell: Counts(*found[1:]) for found in reader.rate_counts(wanted, [split], now_us)[0]}
