"""P1 and P6: kill -9 at any moment loses nothing that was answered."""

from __future__ import annotations

from pathlib import Path

import pytest

from e2e.fault_table import FaultTable
from e2e.kill_rounds import VICTIMS, run_rounds
from e2e.load import Calls
from e2e.on_record import Store, read_row


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("calls", ["unary", "batch"])
def test_every_answered_decision_survives_kill_9(
    tmp_path: Path, faults: FaultTable, rounds: int, seed: int, workers: int, calls: Calls
) -> None:
    """The promise behind `recorded`: each of the three kinds of process dies at least once."""
    rounds = max(rounds, len(VICTIMS))
    store, promises = run_rounds(tmp_path, rounds, seed=seed, workers=workers, calls=calls)

    faults.add(read_row(name_fault(workers, calls), store, promises, rounds=rounds))


def test_it_survives_in_postgresql_too(
    tmp_path: Path, faults: FaultTable, rounds: int, seed: int, postgres_url: str
) -> None:
    """A keeper that dies leaves a transaction on the server, which must not be half a batch."""
    rounds = max(rounds, len(VICTIMS))
    store = Store.in_postgres(postgres_url)
    store, promises = run_rounds(tmp_path, rounds, seed=seed, workers=2, calls="both", store=store)

    faults.add(read_row(name_fault(2, "both"), store, promises, rounds=rounds))


def name_fault(workers: int, calls: Calls) -> str:
    """Return what the fault is called in the table."""
    return f"kill -9 of {', '.join(VICTIMS)} in turn; workers: {workers}, calls: {calls}"
