"""P1 and P6: kill -9 at any moment loses nothing that was answered."""

from __future__ import annotations

from pathlib import Path

import pytest

from e2e.fault_table import FaultTable
from e2e.kill_rounds import VICTIMS, run_rounds
from e2e.load import Calls
from e2e.on_record import read_row


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("calls", ["unary", "batch"])
def test_every_answered_decision_survives_kill_9(
    tmp_path: Path, faults: FaultTable, rounds: int, seed: int, workers: int, calls: Calls
) -> None:
    """The promise behind `recorded`: each of the three kinds of process dies at least once."""
    rounds = max(rounds, len(VICTIMS))
    store, promises = run_rounds(tmp_path, rounds, seed=seed, workers=workers, calls=calls)

    fault = f"kill -9 of {', '.join(VICTIMS)} in turn; workers: {workers}, calls: {calls}"
    faults.add(read_row(fault, store, promises, rounds=rounds))
