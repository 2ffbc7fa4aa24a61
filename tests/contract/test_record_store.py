"""What every store of records promises."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from builders import KEYS
from contract.memory_store import MemoryStore
from contract.samples import (
    DRAFT,
    FACTS,
    NOW_US,
    a_decision,
    a_record,
    a_request,
    an_id,
    an_outcome,
    an_outcome_record,
)
from oversight.engine.decision import Decision
from oversight.engine.identity import request_key
from oversight.engine.request import Request
from oversight.storage.outcome import Outcome, OutcomeStatus
from oversight.storage.protocols import RecordReader, RecordStore, SnapshotStore
from oversight.storage.records import Added, StoredDecision, StoredOutcome
from oversight.storage.sql import SqlStore
from oversight.storage.sqlite import file_url


class Store(RecordStore, RecordReader, SnapshotStore, Protocol):
    """All that is asked of a store."""


@pytest.fixture(params=["sqlite", "postgresql", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Return an empty store of each kind."""
    if request.param == "memory":
        yield MemoryStore()
        return
    in_a_file = request.param == "sqlite"
    sql = SqlStore(
        file_url(tmp_path / "records.db") if in_a_file else request.getfixturevalue("postgres_url"), writer="replica-1"
    )
    yield sql
    sql.close()


def found(store: Store, number: int = 1) -> StoredDecision:
    decision = store.find_decision(an_id(number))
    assert decision is not None
    return decision


def statuses(store: Store, number: int = 1) -> list[tuple[str, OutcomeStatus]]:
    return [(one.outcome.outcome_id, one.status) for one in found(store, number).outcomes]


def test_a_decision_is_read_back_as_it_was_recorded(store: Store) -> None:
    """A record that comes back otherwise cannot be replayed, and proves nothing."""
    assert Added(decisions=1) == store.add([a_record(1)], [])

    expected = StoredDecision(
        request=a_request(1),
        facts=FACTS,
        decision=a_decision(1),
        caller="gateway",
        latency_us=321,
        trace_id="e" * 32,
        request_key=request_key(KEYS, "acme", "request-1"),
        erased=False,
        outcomes=(),
    )
    assert expected == found(store)


@pytest.mark.parametrize("flags", [None, ()])
def test_what_is_absent_stays_absent(store: Store, flags: tuple[str, ...] | None) -> None:
    """Absent is not zero, and a guardrail check without a flag is not a check that never ran."""
    request = Request(request_id="bare", guardrail_flags=flags, decided_at_us=NOW_US)
    decision = a_decision(
        1, shadow_reasons=(), missing_signals=(), review_sla_s=None, on_expiry=None, audit_selected=False
    )
    store.add([a_record(1, request, decision)], [])

    assert (request, decision) == (found(store).request, found(store).decision)


def test_an_unknown_decision_is_not_found(store: Store) -> None:
    """A caller must be able to tell this from a store that does not answer."""
    store.add([a_record(1)], [])

    assert store.find_decision(an_id(2)) is None


def test_nothing_to_add_adds_nothing(store: Store) -> None:
    """A drain without news must not disturb the store."""
    assert Added() == store.add([], [])


def test_a_decision_is_kept_once_and_the_first_one_stays(store: Store) -> None:
    """A drain that died between commit and delete repeats harmlessly (P4)."""
    first = a_record(1)
    changed: Decision = a_decision(1, policy="another")
    assert Added(decisions=2) == store.add([first, a_record(2)], [])

    assert Added(decisions=1, duplicates=2) == store.add([a_record(1, decision=changed), a_record(3), first], [])

    assert "retail_banking" == found(store).decision.policy


def test_a_decision_twice_in_one_batch_is_kept_once(store: Store) -> None:
    """A client that retries on another worker puts one decision into two journals."""
    record = a_record(1)

    assert Added(decisions=1, duplicates=2) == store.add([record, record, a_record(1)], [])


def test_more_records_than_a_statement_takes_parameters_are_added(store: Store) -> None:
    """After an outage the drain hands over large batches."""
    assert Added(decisions=2_500) == store.add([a_record(number) for number in range(2_500)], [])

    assert Added(duplicates=2_500) == store.add([a_record(number) for number in range(2_500)], [])


def test_an_outcome_is_read_back_with_its_decision(store: Store) -> None:
    """Every fact that was reported counts somewhere, so every field must survive."""
    full = Outcome(
        "outcome-1", an_id(1), DRAFT, an_id(9), 2, 1, 0.25, "case/7", 3, 3, True, False, 1, False, 168, 4.5, 312.0,
        20.5, 87.5, "rubric-3", 1, False, True, False, "reviewer-2", NOW_US - 5,
    )  # fmt: skip
    assert None not in full
    assert Added(decisions=1, outcomes=1) == store.add(
        [a_record(1)], [an_outcome_record(1, received_at_us=NOW_US)._replace(outcome=full)]
    )

    assert (StoredOutcome(full, OutcomeStatus.ACCEPTED, NOW_US, "desk"),) == found(store).outcomes


def test_an_outcome_may_come_before_its_decision(store: Store) -> None:
    """Another replica may have decided, and its journal may be drained later (P6)."""
    assert Added(outcomes=1) == store.add([], [an_outcome_record(1)])
    assert store.find_decision(an_id(1)) is None

    store.add([a_record(1)], [])

    assert (StoredOutcome(an_outcome(1), OutcomeStatus.ACCEPTED, NOW_US, "desk"),) == found(store).outcomes


def test_the_same_report_again_is_nothing_new(store: Store) -> None:
    """Callers retry; a retry is no second fact, also when it arrives later or from another caller."""
    store.add([a_record(1)], [an_outcome_record(1)])

    again = an_outcome_record(1, received_at_us=NOW_US + 9)._replace(caller="another")

    assert Added(duplicates=2) == store.add([], [again, again])
    assert [NOW_US] == [one.received_at_us for one in found(store).outcomes]


def test_another_report_with_a_known_id_is_kept_as_a_conflict(store: Store) -> None:
    """The first is kept; the other must not count, and must not vanish either."""
    store.add([a_record(1)], [an_outcome_record(1)])
    other = an_outcome_record(1, verdict=4, observed_at_us=NOW_US + 1)

    assert Added(conflicts=1, duplicates=1) == store.add([], [other, other])

    assert [("outcome-1", OutcomeStatus.ACCEPTED), ("outcome-1", OutcomeStatus.CONFLICT)] == statuses(store)


def test_conflicts_within_one_batch_are_told_apart(store: Store) -> None:
    """Both reports may come in one call."""
    reports = [an_outcome_record(1), an_outcome_record(1, verdict=4), an_outcome_record(1, verdict=5)]

    assert Added(decisions=1, outcomes=1, conflicts=2) == store.add([a_record(1)], reports)


@pytest.mark.parametrize(
    ("decided", "judged", "redecided_as", "expected"),
    [
        (DRAFT, DRAFT, None, OutcomeStatus.ACCEPTED),
        (DRAFT, None, None, OutcomeStatus.ACCEPTED),
        (None, "cd" * 32, None, OutcomeStatus.ACCEPTED),
        (DRAFT, "cd" * 32, None, OutcomeStatus.OTHER_DRAFT),
        (DRAFT, "cd" * 32, an_id(2), OutcomeStatus.ACCEPTED),
    ],
    ids=["same draft", "draft not named", "decided draft not named", "another draft", "decided again"],
)
def test_an_outcome_of_another_draft_is_kept_apart(
    store: Store, decided: str | None, judged: str | None, redecided_as: str | None, expected: OutcomeStatus
) -> None:
    """A verdict on an edited draft says nothing of the draft that was decided."""
    store.add([], [an_outcome_record(1, draft_sha256=judged, redecided_as=redecided_as)])
    store.add([a_record(1, a_request(1, draft_sha256=decided))], [])

    assert [("outcome-1", expected)] == statuses(store)


def test_a_conflict_stays_a_conflict_whatever_draft_it_judged(store: Store) -> None:
    """It must not slip back into the rates by naming another draft."""
    store.add([a_record(1)], [an_outcome_record(1), an_outcome_record(1, draft_sha256="cd" * 32)])

    assert [OutcomeStatus.ACCEPTED, OutcomeStatus.CONFLICT] == sorted(status for _, status in statuses(store))


@pytest.mark.parametrize(
    ("decided", "bound_to", "expected"),
    [
        ("acme", "acme", OutcomeStatus.ACCEPTED),
        ("acme", None, OutcomeStatus.ACCEPTED),
        ("acme", "bank", OutcomeStatus.OTHER_TENANT),
        (None, "acme", OutcomeStatus.OTHER_TENANT),
    ],
    ids=["its own", "bound to none", "another's", "nobody's"],
)
@pytest.mark.parametrize("decision_first", [True, False])
def test_an_outcome_of_another_tenants_caller_counts_for_nothing(
    store: Store, decided: str | None, bound_to: str | None, expected: OutcomeStatus, *, decision_first: bool
) -> None:
    """Whoever knows a decision's id could else move another tenant's error rate; it is kept, and told."""
    decision = [a_record(1, a_request(1, tenant_id=decided))]
    report = [an_outcome_record(1, draft_sha256="cd" * 32)._replace(caller_tenant=bound_to)]
    for add in [(decision, []), ([], report)] if decision_first else [([], report), (decision, [])]:
        store.add(*add)

    judged = OutcomeStatus.OTHER_DRAFT if expected is OutcomeStatus.ACCEPTED else expected
    assert [("outcome-1", judged), (bound_to,)] == [*statuses(store), (found(store).outcomes[0].caller_tenant,)]


def test_nobody_can_take_the_id_of_another_tenants_outcome(store: Store) -> None:
    """What counts for nothing must not keep out what counts, also where it says just the same."""
    reports = [an_outcome_record(1)._replace(caller_tenant=tenant) for tenant in ("bank", "acme", None, "acme")]
    other = an_outcome_record(1, verdict=4)._replace(caller_tenant="acme")

    assert Added(decisions=1, outcomes=3, duplicates=1) == store.add([a_record(1)], reports)
    assert Added(conflicts=1, duplicates=1) == store.add([], [other, reports[1]])
    expected = {("bank", "OTHER_TENANT"), ("acme", "ACCEPTED"), (None, "ACCEPTED"), ("acme", "CONFLICT")}
    assert expected == {(one.caller_tenant, one.status.name) for one in found(store).outcomes}


def test_outcomes_come_in_the_order_in_which_they_were_observed(store: Store) -> None:
    """Facts arrive out of order, days later; where no time was given, the arrival's stands in."""
    reports = [
        an_outcome_record(1, outcome_id="third", observed_at_us=NOW_US + 3),
        an_outcome_record(1, outcome_id="second", received_at_us=NOW_US + 2),
        an_outcome_record(1, outcome_id="first", observed_at_us=NOW_US + 1),
        an_outcome_record(2, outcome_id="of another decision"),
    ]
    store.add([a_record(1)], reports)

    assert ["first", "second", "third"] == [outcome_id for outcome_id, _ in statuses(store)]


def test_a_snapshot_is_kept_by_its_digest(store: Store) -> None:
    """A record can be replayed years later only if what decided it is still there."""
    assert store.get_snapshot("d1") is None

    store.put_snapshot("d1", '{"files": "é"}')
    store.put_snapshot("d1", "something else")

    assert '{"files": "é"}' == store.get_snapshot("d1")
