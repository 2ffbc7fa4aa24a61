"""Retention: what goes, what stays, and that the chain can be proved as before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import partial, reduce

import pytest
from sqlalchemy import Engine

from builders import KEYS
from contract.samples import NOW_US, a_decision, a_record, a_request, an_outcome_record
from oversight.errors import UntrustedCheckpointError
from oversight.storage.checkpoints import CheckpointKey
from oversight.storage.erasure import Erasure
from oversight.storage.open import open_engine
from oversight.storage.records import DecisionRecord
from oversight.storage.retention import Removed, Retention, months_before
from oversight.storage.sql import SqlStore
from oversight.storage.verification import verify_store
from places import Place

KEY = CheckpointKey(KEYS.id_key)
CUT_US = NOW_US
OLD_US, YOUNG_US = CUT_US - 1, CUT_US


@pytest.fixture
def store(place: Place) -> Iterator[SqlStore]:
    """Return a store of one writer."""
    opened = SqlStore(place.url, writer="replica-1", clock=lambda: OLD_US / 1e6)
    yield opened
    opened.close()


@pytest.fixture
def engine(place: Place) -> Iterator[Engine]:
    """Return connections that write."""
    opened = open_engine(place.url, read_only=False)
    yield opened
    opened.dispose()


@pytest.fixture
def retention(engine: Engine) -> Retention:
    """Return retention in batches that do not divide anything."""
    return Retention(engine, KEY, clock_us=lambda: YOUNG_US + 5, batch_rows=7)


def at(time_us: int, number: int, tenant: str = "acme", digest: str = "d" * 64) -> DecisionRecord:
    return a_record(
        number, a_request(number, decided_at_us=time_us, tenant_id=tenant), a_decision(number, digest=digest)
    )


def total(steps: Iterable[Removed]) -> Removed:
    return reduce(lambda one, other: Removed(*map(sum, zip(one, other, strict=True))), steps, Removed())


def counts(place: Place) -> list[int]:
    tables = ("decisions", "personal_parts", "outcomes", "retention_checkpoints")
    return [place.ask(f"SELECT count(*) FROM {table}")[0][0] for table in tables]  # noqa: S608 - our own


def starts(engine: Engine) -> list[tuple[str, str, int, int, str]]:
    """Verify the store; return chain, writer, start, records and checkpoint of each chain."""
    report = verify_store(engine, key=KEY)
    assert [] == report.findings
    return [(one.chain, one.writer, one.start, one.records, one.checkpoint) for one in report.chains]


def test_what_is_too_old_goes_and_the_rest_is_verified_from_the_checkpoint(
    place: Place, store: SqlStore, engine: Engine, retention: Retention
) -> None:
    """A chain that could not be verified any more would be worth nothing."""
    store.add([at(OLD_US, n) for n in range(1, 21)] + [at(YOUNG_US, n) for n in range(21, 26)], [])
    store.add([], [an_outcome_record(n, received_at_us=OLD_US) for n in range(10)])
    store.add([], [an_outcome_record(n, received_at_us=YOUNG_US) for n in range(10, 13)])

    assert Removed(20, 10) == total(retention.steps(CUT_US))

    assert [5, 5, 3, 2] == counts(place)
    assert [("decisions", "replica-1", 20, 5, "signed"), ("outcomes", "replica-1", 10, 3, "signed")] == starts(engine)
    assert Removed() == total(retention.steps(CUT_US))
    store.add([at(YOUNG_US, 30)], [])
    assert ("decisions", "replica-1", 20, 6, "signed") == starts(engine)[0]


def test_after_each_transaction_the_chain_is_whole(store: SqlStore, engine: Engine, retention: Retention) -> None:
    """Retention may be stopped anywhere, and the process may die."""
    store.add([at(OLD_US, n) for n in range(1, 21)], [])

    seen = [starts(engine)[0][2:4] for removed in retention.steps(CUT_US) if removed.decisions]

    assert [(7, 13), (14, 6), (20, 0)] == seen


def test_a_chain_is_cut_only_up_to_the_first_record_that_is_younger(
    store: SqlStore, engine: Engine, retention: Retention
) -> None:
    """Old records behind it, which waited in a journal, go when it does; each writer has a chain of its own."""
    store.add([at(OLD_US, 1), at(YOUNG_US, 2), at(OLD_US, 3)], [])
    other = SqlStore(store._engine.url, writer="replica-2")  # noqa: SLF001 - its place
    other.add([at(OLD_US, 4), at(OLD_US, 5)], [])
    other.close()

    assert Removed(3) == total(retention.steps(CUT_US))

    assert [("decisions", "replica-1", 1, 2, "signed"), ("decisions", "replica-2", 2, 0, "signed")] == starts(engine)
    assert Removed(2) == total(retention.steps(CUT_US + 1))


def test_a_later_checkpoint_takes_the_place_of_the_one_before(
    place: Place, store: SqlStore, retention: Retention
) -> None:
    """One says all; it counts what every one of them removed."""
    store.add([at(OLD_US - 10, 1), at(OLD_US, 2), at(YOUNG_US, 3)], [])
    total(retention.steps(CUT_US - 5))
    total(retention.steps(CUT_US))

    assert [("replica-1", "decisions", 2, 2, CUT_US, YOUNG_US + 5, KEY.key_id)] == place.ask(
        "SELECT writer, chain, chain_seq, removed, cut_before_us, created_at_us, key_id FROM retention_checkpoints"
    )


@pytest.mark.parametrize(
    "change",
    [
        "chain_seq = 3",
        "chain_hash = (SELECT chain_hash FROM decisions WHERE chain_seq = 3)",
        "removed = 1",
        "cut_before_us = 0",
        "created_at_us = 0",
        "signature = ''",
        "signature = 'é'",
        "key_id = 'another'",
        "key_id = 'another', chain_seq = 3",
    ],
)
def test_an_altered_checkpoint_is_one_finding_and_stops_retention(
    place: Place, store: SqlStore, engine: Engine, retention: Retention, change: str
) -> None:
    """Otherwise whoever removes records would write a checkpoint, and retention would sign it."""
    store.add([at(OLD_US, 1), at(OLD_US, 2), at(YOUNG_US, 3), at(YOUNG_US, 4)], [])
    total(retention.steps(CUT_US))
    place.ask(f"UPDATE retention_checkpoints SET {change}")  # noqa: S608 - our own

    found = {one.kind for one in verify_store(engine, key=KEY).findings}

    assert "checkpoint" in found
    assert found <= {"checkpoint", "added"}
    with pytest.raises(UntrustedCheckpointError, match=r"decisions of writer replica-1: .*oversight verify"):
        total(retention.steps(CUT_US + 100))
    assert 2 == counts(place)[0]


def test_a_removed_checkpoint_is_found(place: Place, store: SqlStore, engine: Engine, retention: Retention) -> None:
    """What is missing at the beginning is then missing without a reason."""
    store.add([at(OLD_US, 1), at(OLD_US, 2), at(YOUNG_US, 3)], [])
    total(retention.steps(CUT_US))
    place.ask("DELETE FROM retention_checkpoints")

    assert [("removed", 1, 2)] == [(one.kind, one.first, one.last) for one in verify_store(engine, key=KEY).findings]


def test_records_that_were_gone_before_retention_came_are_still_told(
    place: Place, store: SqlStore, engine: Engine, retention: Retention
) -> None:
    """Retention must not wash away what somebody else did."""
    store.add([at(OLD_US, 1), at(OLD_US, 2), at(OLD_US, 3), at(YOUNG_US, 4)], [])
    place.ask("DELETE FROM decisions WHERE chain_seq = 2")
    total(retention.steps(CUT_US))

    assert [("removed", 1, 3)] == [(one.kind, one.first, one.last) for one in verify_store(engine, key=KEY).findings]


def test_without_the_key_a_checkpoint_is_believed_and_said_to_be_unchecked(
    store: SqlStore, engine: Engine, retention: Retention
) -> None:
    """An auditor may have the database and not the key."""
    store.add([at(OLD_US, 1), at(YOUNG_US, 2)], [])
    total(retention.steps(CUT_US))

    report = verify_store(engine, key=None)

    assert report.whole
    assert ["unchecked", "none"][:1] == [one.checkpoint for one in report.chains]


def test_snapshots_go_when_they_are_old_and_nothing_rests_on_them(
    place: Place, store: SqlStore, retention: Retention
) -> None:
    """A decision without its snapshot could not be replayed."""
    for digest in ("unused", "used", "current", "again"):
        store.put_snapshot(digest, "{}")
    store.add([at(YOUNG_US, 1, digest="used")], [])
    later = SqlStore(store._engine.url, writer="replica-1", clock=lambda: (YOUNG_US + 1) / 1e6)  # noqa: SLF001 - its place
    later.put_snapshot("young", "{}")
    later.put_snapshot("again", "{}")
    later.close()

    assert Removed(snapshots=1) == total(retention.steps(CUT_US, in_force=["current"]))

    assert ["again", "current", "used", "young"] == sorted(one for (one,) in place.ask("SELECT digest FROM snapshots"))


def test_notes_of_who_was_erased_go_too(store: SqlStore, engine: Engine, retention: Retention) -> None:
    """Records from before are all gone by then."""
    store.prepare()
    for subject, time_us in (("anna", OLD_US), ("bob", YOUNG_US)):
        Erasure(engine, id_key=KEYS.id_key, clock_us=partial(int, time_us)).erase_subject(subject)

    assert Removed(erasures=1) == total(retention.steps(CUT_US))


def test_the_plan_counts_by_month_and_tenant_and_changes_nothing(
    place: Place, store: SqlStore, retention: Retention
) -> None:
    """People want to know before they delete."""
    month_us = int(datetime(2026, 3, 31, 23, 59, 59, tzinfo=UTC).timestamp()) * 1_000_000
    store.add([at(month_us, n, "acme") for n in range(1, 9)] + [at(month_us + 10**6, 9, "bank")], [])
    store.add([at(YOUNG_US, 10)], [an_outcome_record(1, received_at_us=month_us)])
    before = counts(place)

    plan = sum(retention.plan(CUT_US), Counter[tuple[str, str, str]]())

    assert {
        ("decisions", "2026-03", "acme"): 8,
        ("decisions", "2026-04", "bank"): 1,
        ("outcomes", "2026-03", ""): 1,
    } == plan
    assert before == counts(place)


def test_nothing_is_done_where_there_is_no_store_yet(place: Place, retention: Retention) -> None:
    """The first decision has not been made."""
    assert [] == list(retention.steps(CUT_US))
    assert [] == list(retention.plan(CUT_US))


@pytest.mark.parametrize(
    ("now", "months", "then"),
    [
        ((2026, 11, 28, 10, 30), 13, (2025, 10, 28, 10, 30)),
        ((2026, 3, 31, 0, 0), 13, (2025, 2, 28, 0, 0)),
        ((2024, 3, 30, 0, 0), 1, (2024, 2, 29, 0, 0)),
        ((2026, 12, 31, 0, 0), 12, (2025, 12, 31, 0, 0)),
        ((2026, 1, 1, 0, 0), 6, (2025, 7, 1, 0, 0)),
    ],
)
def test_months_are_those_of_the_calendar(now: tuple[int, ...], months: int, then: tuple[int, ...]) -> None:
    """A lawyer's month is no number of days."""

    def us(parts: tuple[int, ...]) -> int:
        year, month, day, hour, minute = parts
        return int(datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp()) * 1_000_000

    assert us(then) == months_before(us(now), months)
