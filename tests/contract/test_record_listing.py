"""What every list of records promises: order, filters, pages that neither repeat nor leave out, bounded work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from contract.samples import DIGEST, NOW_US, a_decision, a_record, a_request, an_id, an_outcome_record
from oversight.engine.decision import Evaluation, Tier
from oversight.storage.listing import SqlListing
from oversight.storage.records import PageKey, RecordFilter
from oversight.storage.sql import SqlStore
from oversight.storage.sqlite import file_url
from oversight.storage.tables import personal_parts

COUNT = 12


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    """Return a store with twelve decisions, each a microsecond after the one before, three of a kind."""
    store = SqlStore(file_url(tmp_path / "records.db"), writer="replica-1")
    store.add([a_kind_of_record(number) for number in range(COUNT)], [an_outcome_record(5), an_outcome_record(99)])
    yield store
    store.close()


def a_kind_of_record(number: int, **changes: Any) -> Any:
    kind = number // 3
    request = a_request(
        number,
        tenant_id=f"tenant-{kind}",
        conversation_id=f"conversation-{kind}",
        subject_ref=f"subject-{kind}",
        department=f"department-{kind}",
        intent=f"intent-{kind}",
        **changes,
    )
    decision = a_decision(
        number,
        tier=Tier(min(kind + 1, 3)),
        evaluation=Evaluation(kind + 1),
        digest=DIGEST if kind else "e" * 64,
    )
    return a_record(number, request, decision)


def numbers(store: SqlStore, wanted: RecordFilter, limit: int = 100, *, scanned: int = 10_000) -> list[int]:
    """Return the numbers of the decisions on every page, in order."""
    listing, found, after = SqlListing(store.reading, scanned=scanned), [], None
    for _ in range(100):
        page = listing.list_decisions(wanted, limit, after)
        assert len(page.decisions) <= limit
        found += [int(one.decision.decision_id, 16) for one in page.decisions]
        after = page.following
        if after is None:
            return found
    raise AssertionError("the list never ends")


NEWEST_FIRST = list(reversed(range(COUNT)))


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 11, 12, 13, 1000])
@pytest.mark.parametrize("scanned", [1, 2, 5, 12, 10_000])
def test_pages_neither_repeat_nor_leave_out(store: SqlStore, limit: int, scanned: int) -> None:
    """Whoever counts by the list must come to the same number, however it is cut."""
    assert NEWEST_FIRST == numbers(store, RecordFilter(), limit, scanned=scanned)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (RecordFilter(tenant_id="tenant-1"), [5, 4, 3]),
        (RecordFilter(conversation_id="conversation-1"), [5, 4, 3]),
        (RecordFilter(subject_ref="subject-2"), [8, 7, 6]),
        (RecordFilter(subject_ref="subject-2", conversation_id="conversation-1"), []),
        (RecordFilter(subject_ref="subject-2", tenant_id="tenant-2"), [8, 7, 6]),
        (RecordFilter(subject_ref="subject-2", tenant_id="tenant-1"), []),
        (RecordFilter(department="department-3"), [11, 10, 9]),
        (RecordFilter(intent="intent-0"), [2, 1, 0]),
        (RecordFilter(tier=3), [11, 10, 9, 8, 7, 6]),
        (RecordFilter(tier=3, intent="intent-2"), [8, 7, 6]),
        (RecordFilter(tier=1, conversation_id="conversation-1"), []),
        (RecordFilter(policy_digest="e" * 64), [2, 1, 0]),
        (RecordFilter(evaluation=2), [5, 4, 3]),
        (RecordFilter(since_us=NOW_US + 10), [11, 10]),
        (RecordFilter(until_us=NOW_US + 2), [1, 0]),
        (RecordFilter(since_us=NOW_US + 4, until_us=NOW_US + 6), [5, 4]),
        (RecordFilter(since_us=NOW_US + 4, subject_ref="subject-1"), [5, 4]),
        (RecordFilter(intent="nothing"), []),
    ],
)
@pytest.mark.parametrize("limit", [1, 100])
@pytest.mark.parametrize("scanned", [2, 10_000])
def test_every_filter_takes_out_what_it_says(
    store: SqlStore, wanted: RecordFilter, expected: list[int], limit: int, scanned: int
) -> None:
    """Filters are combined, `since` is in and `until` is out, whichever way the records are found."""
    assert expected == numbers(store, wanted, limit, scanned=scanned)


def test_decisions_of_the_same_moment_are_in_the_order_of_their_ids(tmp_path: Path) -> None:
    """Those of one batch have one time; a page may end between them."""
    store = SqlStore(file_url(tmp_path / "records.db"), writer="replica-1")
    store.add([a_record(number, a_request(number, decided_at_us=NOW_US)) for number in (3, 1, 4, 2, 5)], [])

    assert [5, 4, 3, 2, 1] == numbers(store, RecordFilter(), 2)
    assert [5, 4, 3, 2, 1] == numbers(store, RecordFilter(subject_ref="customer-7"), 2)


def test_a_page_looks_at_no_more_than_it_may(store: SqlStore) -> None:
    """A rare value must not make one call walk through ten million records: it says where to go on."""
    page = SqlListing(store.reading, scanned=4).list_decisions(RecordFilter(intent="intent-0"), 10, None)

    assert ((), PageKey(NOW_US + 8, an_id(8))) == page


def test_records_are_whole_with_their_outcomes(store: SqlStore) -> None:
    """A list without outcomes would be read as decisions without any."""
    page = SqlListing(store.reading).list_decisions(RecordFilter(conversation_id="conversation-1"), 10, None)

    assert [store.find_decision(an_id(number)) for number in (5, 4, 3)] == list(page.decisions)
    assert ["outcome-5"] == [one.outcome.outcome_id for one in page.decisions[0].outcomes]


def test_an_erased_record_is_listed_without_its_person(store: SqlStore) -> None:
    """The decision stays on record; who it was about does not find it any more."""
    with store._engine.begin() as connection:  # noqa: SLF001 - what an erasure does to the tables
        connection.execute(delete(personal_parts).where(personal_parts.c.subject_ref == "subject-1"))

    assert [] == numbers(store, RecordFilter(subject_ref="subject-1"))
    page = SqlListing(store.reading).list_decisions(RecordFilter(tenant_id="tenant-1"), 10, None)
    assert [(True, "", None)] * 3 == [
        (one.erased, one.request.request_id, one.request.conversation_id) for one in page.decisions
    ]


def test_a_store_that_is_not_there_yet_is_an_empty_list(tmp_path: Path) -> None:
    """An administrator may look before the first decision."""
    store = SqlStore(file_url(tmp_path / "none.db"), writer="", read_only=True)

    assert ((), None) == SqlListing(store.reading).list_decisions(RecordFilter(), 10, None)
