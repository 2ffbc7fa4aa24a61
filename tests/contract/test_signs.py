"""The signs are found in every database as they are found without one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from oversight.insight.sign_tests import find_signs
from oversight.storage.database import Database
from oversight.storage.evidence_reader import SqlEvidence
from oversight.storage.open import open_database
from oversight.storage.transactions import Transactions
from places import Place
from sign_evidence import TODAY, Days, evidence_of, falling
from sign_store import fill


@pytest.fixture
def database(place: Place) -> Iterator[Database]:
    database = open_database(place.url, read_only=False)
    yield database
    database.engine.dispose()


def test_the_signs_of_a_store_are_those_of_its_rows(database: Database) -> None:
    """A warning must not depend on where the records are kept."""
    memory = evidence_of(
        falling(rule_id="low", unexpected=lambda ago: 0.1 if ago <= 14 else 0.02),
        Days(days=45, decisions=lambda _: 20, repeat=lambda ago: 0.4 if ago < 25 else 0.1, labelled=lambda _: False),
        Days(tenant_id="", department="", intent="", days=20, done=lambda _, busy: 0.2 if busy else 1.0),
    )
    transactions = Transactions(database, migrate=False)
    fill(transactions, memory)

    found = find_signs(SqlEvidence(transactions.reading), TODAY)

    expected = find_signs(memory, TODAY)
    assert sorted(map(repr, expected)) == sorted(map(repr, found))
    assert 5 <= sum(one.finding.state.raised for one in found)
