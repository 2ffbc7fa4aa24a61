"""`oversight simulate` against the server as shipped: a small quiet centre, from its first day to its last."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from oversight.app.reports import read_supervisor
from oversight.simulation.messages import draw_day
from oversight.simulation.scenario import read_scenario
from servers import SERVE, is_running, started, wait_until

SCENARIO = """\
scenario: tiny
description: Nothing changes in a small centre.
days: 4
warm_up_days: 3
messages_per_day: 150
audit_rate: 0.5
intents:
  - {intent: order_status, share: 0.9}
  - {intent: refund_request, share: 0.1}
"""


def simulate(folder: Path, *words: str) -> dict[str, Any]:
    """Return the figures of a simulation that went well."""
    (folder / "tiny.yaml").write_text(SCENARIO, encoding="utf-8")
    # What a developer has set for servers of their own is not this one's.
    environment = {**os.environ, "OVERSIGHT_LISTEN": "192.0.2.7:1", "OVERSIGHT_WORKERS": "nonsense"}
    done = subprocess.run(
        [SERVE[0], "simulate", "tiny.yaml", "--json", *words],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        cwd=folder,
        env=environment,
    )
    assert (0, "") == (done.returncode, done.stderr), done.stdout
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


@pytest.mark.slow
def test_a_quiet_centre_is_measured_and_raises_nothing(tmp_path: Path) -> None:
    """What was drawn is what the service has on record; four days prove no error rate, and nothing else is wrong."""
    figures = simulate(tmp_path, "--keep", "kept", "--seed", "3")

    assert ([], 1) == (figures["signs"], figures["runs"])
    [run] = figures["each_run"]
    assert {one["sign"] for one in run["found"]} <= {"ERROR_RATE_UNKNOWN"}
    scenario = read_scenario(tmp_path / "tiny.yaml")
    drawn = [message for day in range(scenario.days) for message in draw_day(scenario, day, 3)]
    assert len(drawn) == run["messages"] > 400
    rates = {one["tier"]: one for one in run["error_rates"]}
    assert ["HUMAN_ON_THE_LOOP", "HUMAN_IN_THE_LOOP"] == list(rates)
    assert all(one["covered"] and one["n"] > 50 for one in rates.values()), rates
    assert 0 < sum(one["decisions"] for one in rates.values()) <= len(drawn)
    supervisor = read_supervisor(tmp_path / "kept" / "seed-3" / "data" / "run")
    assert supervisor is not None
    assert str(tmp_path / "kept" / "seed-3" / "clock") == supervisor.simulated_clock
    status = subprocess.run(
        [SERVE[0], "status", "--data-dir", "kept/seed-3/data", "--json"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
    )
    assert "simulated clock: all times are read from" in json.loads(status.stdout)["warnings"][0]


@pytest.mark.parametrize(
    ("signal_", "code"), [(signal.SIGTERM, 128 + signal.SIGTERM), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_a_simulation_that_is_ended_leaves_no_server(tmp_path: Path, signal_: signal.Signals, code: int) -> None:
    """Nobody would look for it, on a port that nobody chose."""
    (tmp_path / "tiny.yaml").write_text(SCENARIO, encoding="utf-8")
    with (tmp_path / "out").open("wb") as out:
        process = subprocess.Popen(
            [SERVE[0], "simulate", "tiny.yaml", "--keep", "kept"], cwd=tmp_path, stdout=out, stderr=out
        )
    run = tmp_path / "kept" / "seed-1" / "data" / "run"
    try:
        server = wait_until(lambda: read_supervisor(run), "the server to be there")
        process.send_signal(signal_)
        assert code == process.wait(60)
    finally:
        process.kill()

    wait_until(lambda: not is_running(server.pid), "the server's end")


def test_a_simulated_clock_is_refused_where_real_records_are(tmp_path: Path) -> None:
    """By a time that is years ahead retention would remove them all."""
    with started(tmp_path) as server:
        pass
    (tmp_path / "clock").write_bytes(bytes(8))
    refused = subprocess.run(
        [*SERVE, "--data-dir", str(server.data_dir), "--simulated-clock", "clock", "--listen", "127.0.0.1:0"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
    )
    assert 1 == refused.returncode
    assert "has records by the machine's time (records.db, " in refused.stderr
