"""The signs are found in every database as they are found without one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, insert

from oversight.insight.sign_tests import find_signs
from oversight.storage.database import Database
from oversight.storage.evidence_reader import SqlEvidence
from oversight.storage.evidence_tables import cells, evidence, hours
from oversight.storage.open import open_database
from oversight.storage.transactions import Transactions
from places import Place
from sign_evidence import HOUR_US, TODAY, Days, MemoryEvidence, evidence_of, falling


@pytest.fixture
def database(place: Place) -> Iterator[Database]:
    database = open_database(place.url, read_only=False)
    yield database
    database.engine.dispose()


def fill(transactions: Transactions, memory: MemoryEvidence) -> None:
    """Put the evidence into the tables."""
    ids = {cell: number for number, cell in enumerate(sorted({one.cell for one in memory.decided}))}
    counted = Counter((ids[one.cell], one.decided_at_us // HOUR_US) for one in memory.decided)
    rows = [{name: value for name, value in row._asdict().items() if name != "cell"} for row in memory.kept]
    for row, kept in zip(rows, memory.kept, strict=True):
        row["cell_id"] = ids[kept.cell]

    def work(connection: Connection) -> None:
        connection.execute(insert(cells), [{"cell_id": ids[c], **c._asdict(), "labelled": 0} for c in ids])
        connection.execute(insert(evidence), rows)
        connection.execute(
            insert(hours),
            [
                {
                    "cell_id": cell_id,
                    "hour": hour,
                    "probability": 0.1,
                    "decisions": count,
                    "censused": 0,
                    "first_us": hour * HOUR_US,
                    "confidence_n": count,
                    "confidence_total": 0.5 * count,
                    "confidence_squares": 0.25 * count,
                }
                for (cell_id, hour), count in counted.items()
            ],
        )

    transactions.write(work)


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
