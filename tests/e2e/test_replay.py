"""`oversight replay` against the server as shipped: what comes out does not depend on how the rows went in."""

from __future__ import annotations

import gzip
import json
import subprocess
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from servers import SERVE, started

ROOT = Path(__file__).resolve().parents[2]
MESSAGES = ROOT.parent / "shared" / "data" / "replay" / "messages.jsonl.gz"
ROWS = 600


def replay(file: Path, target: str, *words: str) -> dict[str, Any]:
    """Return the sums of a replay that went well, but for its speed."""
    command = [SERVE[0], "replay", str(file), "--target", target, "--json", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (0, "") == (done.returncode, done.stderr)
    sums: dict[str, Any] = json.loads(done.stdout)
    assert sums.pop("decisions_per_s") > 0
    return sums


def test_batches_and_parquet_give_the_table_of_single_calls(tmp_path: Path) -> None:
    """Real messages, real policy: a decision that depends on its company would show here."""
    if not MESSAGES.exists():
        pytest.skip(f"{MESSAGES.relative_to(ROOT.parent)} is not beside this checkout")
    with gzip.open(MESSAGES, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in islice(lines, ROWS)]
    parquet = tmp_path / "messages.parquet"
    pq.write_table(pa.Table.from_pylist(rows), parquet)
    with started(tmp_path, policy=ROOT / "policy_rules") as server:
        single = replay(MESSAGES, server.target, "--limit", str(ROWS), "--batch", "1")
        assert (ROWS, 0, 0) == (single["messages"], single["failed"], single["unrecorded"])
        assert single == replay(MESSAGES, server.target, "--limit", str(ROWS))
        assert single == replay(MESSAGES, server.target, "--limit", str(ROWS), "--batch", "500", "--concurrency", "8")
        assert single == replay(parquet, server.target)
