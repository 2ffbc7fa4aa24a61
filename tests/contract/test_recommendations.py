"""What the record of recommendations promises, in SQLite and in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from oversight.storage.open import open_database
from oversight.storage.recommendations import RecommendationKey, SqlRecommendations, StoredRecommendation
from places import Place

KEY = RecommendationKey("contact_centre", "autonomy_confidence", "refund", "", "", "m1")


def a_call(call: int, digest: str = "d" * 64) -> StoredRecommendation:
    return StoredRecommendation(call, digest, 0.05 / call, '{"status": "☃"}', 2**60, "ann")


@pytest.fixture
def store(place: Place) -> Iterator[SqlRecommendations]:
    store = SqlRecommendations(open_database(place.url, read_only=False))
    yield store
    store.close()


def test_nothing_was_spent_in_a_new_store(store: SqlRecommendations) -> None:
    """The first look may take the first share."""
    assert () == store.calls(KEY)


def test_calls_come_back_in_order(store: SqlRecommendations) -> None:
    """With everything that was said."""
    assert [True, True] == [store.add(KEY, a_call(call)) for call in (1, 2)]
    assert (a_call(1), a_call(2)) == store.calls(KEY)


@pytest.mark.parametrize("call", [1, 3])
def test_a_number_is_taken_once_and_none_is_left_out(store: SqlRecommendations, call: int) -> None:
    """Two calls with one number would spend the same share twice."""
    store.add(KEY, a_call(1))
    assert not store.add(KEY, a_call(call, "e" * 64))
    assert (a_call(1),) == store.calls(KEY)


@pytest.mark.parametrize("field", RecommendationKey._fields)
def test_every_part_of_the_key_counts_for_itself(store: SqlRecommendations, field: str) -> None:
    """Another scope or model version has its own chance of error."""
    store.add(KEY, a_call(1))
    other = KEY._replace(**{field: "another"})
    assert () == store.calls(other)
    assert store.add(other, a_call(1))


def test_of_two_replicas_at_once_one_gets_the_number(place: Place) -> None:
    """Whoever comes second looks again."""
    stores = [SqlRecommendations(open_database(place.url, read_only=False)) for _ in range(4)]
    stores[0].add(KEY, a_call(1))
    with ThreadPoolExecutor(4) as pool:
        added = list(pool.map(lambda store: store.add(KEY, a_call(2)), stores))
    assert 1 == sum(added)
    assert (a_call(1), a_call(2)) == stores[0].calls(KEY)
    for store in stores:
        store.close()
