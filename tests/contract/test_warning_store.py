"""How warnings are kept: whole or not at all, in every kind of database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import event

from oversight.errors import StoreUnavailableError
from oversight.feedback.signs import Finding, Sign, Standing, State
from oversight.storage.database import Database
from oversight.storage.open import open_database
from oversight.storage.transactions import Transactions
from oversight.storage.warning_store import LastTest, Mark, SqlWarningStore, StoredWarning, WarningKey
from places import Place

DAY = LastTest(20_000, 1_728_000_000_000_001)


@pytest.fixture
def database(place: Place) -> Iterator[Database]:
    database = open_database(place.url, read_only=False)
    yield database
    database.engine.dispose()


class Records:
    """What a store of records has of its database, over connections that a test can tamper with."""

    def __init__(self, database: Database) -> None:
        transactions = Transactions(database, migrate=False)
        self.reading = transactions.reading
        self.writing = transactions.write


@pytest.fixture
def store(database: Database) -> SqlWarningStore:
    return SqlWarningStore(Records(database))


def a_warning(
    intent: str | None = "order_status", sign: Sign = Sign.CSAT_FALLS, *, rule_id: str | None = None, tenant: str = ""
) -> StoredWarning:
    return StoredWarning(
        WarningKey(sign, tenant, "orders", intent, rule_id),
        Standing(State.CRITICAL, 5, None),
        Finding(sign, State.WARN, 120, -0.4, -0.5, -0.3, 0.0, p_value=0.001, details={"p_rise": 0.001}),
        "Satisfaction fell.",
        7,
    )


def test_a_new_store_was_never_tested(store: SqlWarningStore) -> None:
    """Never tested is not quiet."""
    assert (LastTest(), [], None) == (store.tested(), store.list_warnings(), store.mark("confidence"))


def test_what_was_put_is_listed_as_it_was(store: SqlWarningStore) -> None:
    """No intent at all, the whole department and a rule are three places."""
    kept = [
        a_warning(None),
        a_warning(""),
        a_warning(),
        a_warning(None, rule_id="order_status"),
        a_warning(sign=Sign.REVIEWS_SKIPPED),
        a_warning(tenant="acme"),
    ]

    assert store.put(kept, DAY, after=LastTest())

    assert (DAY, set(map(repr, kept))) == (store.tested(), set(map(repr, store.list_warnings())))
    assert 1 == len(store.list_warnings(tenant_id="acme"))
    assert 5 == len(store.list_warnings(tenant_id=""))
    assert [Sign.REVIEWS_SKIPPED] == [one.key.sign for one in store.list_warnings(sign=Sign.REVIEWS_SKIPPED)]
    assert [] == store.list_warnings(department="other")


def test_a_test_replaces_all_of_the_one_before(store: SqlWarningStore) -> None:
    """What was not found again is not there any more."""
    store.put([a_warning(), a_warning("order_change")], DAY, after=LastTest())

    assert store.put([a_warning("order_change")], LastTest(20_001, 9), after=DAY)
    assert ["order_change"] == [one.key.intent for one in store.list_warnings()]


def test_of_two_processes_that_tested_the_same_day_one_writes(store: SqlWarningStore) -> None:
    """An election may be lost in between."""
    assert store.put([a_warning()], DAY, after=LastTest())
    assert not store.put([], DAY, after=LastTest())

    assert 1 == len(store.list_warnings())


def test_a_write_that_breaks_off_leaves_everything_as_it_was(store: SqlWarningStore, database: Database) -> None:
    """Half a test would clear warnings that nobody found quiet."""
    store.put([a_warning()], DAY, after=LastTest())

    @event.listens_for(database.engine, "before_cursor_execute")
    def break_off(*arguments: object) -> None:
        if str(arguments[2]).startswith("INSERT INTO warnings"):
            raise OSError("killed")

    with pytest.raises(StoreUnavailableError):
        store.put([a_warning("order_change")], LastTest(20_001, 9), after=DAY)

    event.remove(database.engine, "before_cursor_execute", break_off)
    assert (DAY, ["order_status"]) == (store.tested(), [one.key.intent for one in store.list_warnings()])


def test_a_failure_is_told_beside_the_last_test(store: SqlWarningStore) -> None:
    """How signs stood stays, and why it is old."""
    store.put([a_warning()], DAY, after=LastTest())
    store.note_problem("the store cannot be read", 99)

    assert DAY._replace(problem="the store cannot be read") == store.tested()
    assert store.put([], LastTest(20_001, 100), after=store.tested())
    assert "" == store.tested().problem


def test_a_mark_is_what_was_written_last(store: SqlWarningStore) -> None:
    """What one look leaves, the next goes on with."""
    store.set_mark("confidence", Mark(1, {"a": 1.5}))
    store.set_mark("confidence", Mark(2, {"a": None}))

    assert (Mark(2, {"a": None}), None) == (store.mark("confidence"), store.mark("volume"))
