"""Decisions read to be decided again: by id, and as a sample that pages through all of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from builders import KEYS
from contract.samples import NOW_US, a_decision, a_record, a_request, an_id
from oversight.engine.decision import Tier
from oversight.storage.erasure import Erasure
from oversight.storage.evidence import CellFilter
from oversight.storage.open import open_engine
from oversight.storage.replayable import ReplayableDecision, SqlReplayable
from oversight.storage.sql import SqlStore
from places import Place


@pytest.fixture
def store(place: Place) -> Iterator[SqlStore]:
    store = SqlStore(place.url, writer="replica-1")
    yield store
    store.close()


@pytest.fixture
def reader(store: SqlStore) -> SqlReplayable:
    return SqlReplayable(store.reading)


def numbers(found: list[ReplayableDecision]) -> list[int]:
    return [int(one.decision_id, 16) for one in found]


def walk(reader: SqlReplayable, wanted: CellFilter, portion: int) -> list[int]:
    found: list[ReplayableDecision] = []
    after: str | None = ""
    for _ in range(50):
        page = reader.sample(wanted, portion, after or "")
        found += page.decisions
        after = page.following
        if after is None:
            return numbers(found)
    raise AssertionError("the sample never ends")


def test_a_store_that_is_not_there_has_none(reader: SqlReplayable) -> None:
    """A server that never decided has nothing to decide again."""
    assert [] == reader.find([an_id(1)])
    assert [] == walk(reader, CellFilter(), 10)


def test_what_was_asked_comes_back_whole(store: SqlStore, reader: SqlReplayable) -> None:
    """The same request decides the same: every field, also those that can be erased."""
    store.add([a_record(1), a_record(2)], [])
    (found,) = reader.find([an_id(1), an_id(99)])
    assert ReplayableDecision(an_id(1), 2, 0.1, 12, a_request(1)) == found


def test_an_erased_decision_keeps_its_signals(place: Place, store: SqlStore, reader: SqlReplayable) -> None:
    """What was told of it must go on counting; only what was personal is gone."""
    store.add([a_record(1), a_record(2, a_request(2, subject_ref="another"))], [])
    engine = open_engine(place.url, read_only=False)
    Erasure(engine, id_key=KEYS.id_key, clock_us=lambda: NOW_US + 1_000).erase_subject("customer-7")
    engine.dispose()
    left, whole = sorted(reader.find([an_id(1), an_id(2)]), key=lambda one: one.decision_id)
    assert (True, False) == (left.erased, whole.erased)
    expected = a_request(1)._replace(request_id="", conversation_id=None, subject_ref=None, attributes=None)
    assert expected == left.request


@pytest.mark.parametrize("portion", [1, 2, 3, 6, 7, 50])
def test_pages_neither_repeat_nor_leave_out(store: SqlStore, reader: SqlReplayable, portion: int) -> None:
    """A sample that took some twice would count them twice."""
    store.add([a_record(number) for number in range(7)], [])
    assert list(range(7)) == walk(reader, CellFilter(), portion)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (CellFilter(tenant_id="acme"), [0, 1, 2]),
        (CellFilter(tenant_id=""), [3]),
        (CellFilter(department="cards"), [1]),
        (CellFilter(intent="refund"), [2]),
        (CellFilter(model_version="m2"), [2]),
        (CellFilter(tier=3), [3]),
        (CellFilter(since_us=NOW_US + 2), [2, 3]),
        (CellFilter(until_us=NOW_US + 2), [0, 1]),
        (CellFilter(intent="refund", tier=3), []),
    ],
)
def test_only_what_is_wanted_comes(
    store: SqlStore, reader: SqlReplayable, wanted: CellFilter, expected: list[int]
) -> None:
    """Each filter is one of the columns; an empty text is a request that had none."""
    requests = [
        a_request(0),
        a_request(1, department="cards"),
        a_request(2, intent="refund", model_version="m2"),
        a_request(3, tenant_id=None),
    ]
    tiers = [Tier(1), Tier(1), Tier(2), Tier(3)]
    store.add(
        [a_record(n, requests[n], a_decision(n, tier=tiers[n])) for n in range(4)],
        [],
    )
    assert expected == walk(reader, wanted, 3)
