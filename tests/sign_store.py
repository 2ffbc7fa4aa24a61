"""Synthetic evidence put into the tables of a store."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import Connection, insert

from oversight.storage.evidence_tables import cells, evidence, feedback_cursors, hours
from oversight.storage.transactions import Transactions
from sign_evidence import HOUR_US, MemoryEvidence


def fill(transactions: Transactions, memory: MemoryEvidence, *, through_us: int | None = None) -> None:
    """Put the evidence into the tables, as if a feed had made it of records *through_us*, or to the last decision."""
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
        last_us = max(one.decided_at_us for one in memory.decided)
        cursor = {"writer": "w", "chain": "decisions", "chain_seq": 0, "through_us": through_us or last_us}
        connection.execute(insert(feedback_cursors), [cursor])

    transactions.write(work)
