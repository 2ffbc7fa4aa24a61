"""
Kill -9 under load, round after round, and a look for every decision that was answered.

`PYTHONPATH=tests python -m e2e.kill_rounds --rounds 20` prints a table and exits 1 if one is missing or twice there.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Self

import grpc

from oversight.v1 import decision_service_pb2_grpc
from servers import ServerProcess, a_request, wait_until

CALLERS = 4
VICTIMS = ("supervisor", "worker", "controller")


class Round(NamedTuple):
    """One kill: who died after how many seconds of load, and what was found afterwards, in decisions."""

    victim: str
    after_s: float
    answered: int
    failed: int
    missing: int
    duplicates: int


class Load:
    """Callers that ask as fast as they get answers, each message once, and remember what they were answered."""

    def __init__(self, target: str, label: str) -> None:
        self.answered: set[str] = set()
        self.failed = 0
        self._target = target
        self._label = label
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._call, args=(number,)) for number in range(CALLERS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _call(self, number: int) -> None:
        count = 0
        # A pool of connections of its own, so that callers spread over the workers.
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.initial_reconnect_backoff_ms", 50)]
        with grpc.insecure_channel(self._target, options) as channel:
            stub = decision_service_pb2_grpc.DecisionServiceStub(channel)
            while not self._stop.is_set():
                count += 1
                try:
                    reply = stub.Decide(a_request(f"{self._label}-{number}-{count}"), timeout=2)
                except grpc.RpcError:
                    self.failed += 1
                    self._stop.wait(0.02)
                    continue
                if reply.recorded:
                    self.answered.add(reply.decision_id)


def run_rounds(folder: Path, rounds: int, *, seed: int, say: Callable[[Round], object] = lambda _: None) -> list[Round]:
    """Kill supervisor, worker and controller in turn, at random moments of a load; look for every answered id."""
    chance = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    server = ServerProcess(folder, workers=2)
    done: list[Round] = []
    everything: set[str] = set()
    try:
        for number in range(rounds):
            if number == 0 or server.exit_code() is not None:
                server.start()
            victim, after_s = VICTIMS[number % len(VICTIMS)], chance.uniform(0.2, 1.0)
            with Load(server.target, f"{seed}-{number}") as load:
                time.sleep(after_s)
                _kill(server, victim, chance)
                time.sleep(chance.uniform(0.0, 0.2))
            if victim == "supervisor":
                server.wait()
                server.start()
            _wait_until_drained(server)
            found, duplicates = _read_store(server.data_dir)
            everything |= load.answered
            done.append(Round(victim, after_s, len(load.answered), load.failed, len(everything - found), duplicates))
            say(done[-1])
    finally:
        server.kill()
    return done


def _kill(server: ServerProcess, victim: str, chance: random.Random) -> None:
    status = server.status()
    if victim == "supervisor":
        pid = server.pid
    elif victim == "controller":
        pid = status.controller.pid if status.controller else 0
    else:
        pid = chance.choice(status.workers).pid
    assert pid, f"no {victim} to kill"
    os.kill(pid, signal.SIGKILL)


def _wait_until_drained(server: ServerProcess) -> None:
    """Wait for a controller that has drained everything appended before now."""
    now_us = time.time_ns() // 1_000

    def is_drained() -> bool:
        controller = server.status().controller
        return controller is not None and controller.drained_through_us > now_us and controller.pending_records == 0

    wait_until(is_drained, "the journals to be drained")


def _read_store(data_dir: Path) -> tuple[set[str], int]:
    """Return the ids on record, and how many messages are there more than once."""
    with sqlite3.connect(f"file:{data_dir / 'records.db'}?mode=ro", uri=True) as store:
        ids = {row[0] for row in store.execute("SELECT decision_id FROM decisions")}
        rows, messages = store.execute("SELECT count(*), count(DISTINCT request_key) FROM decisions").fetchone()
    store.close()
    return ids, rows - messages


def main() -> int:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    out = sys.stdout
    out.write(
        f"seed {arguments.seed}\n{'victim':12}{'after s':>8}{'answered':>10}{'failed':>8}{'missing':>9}{'twice':>7}\n"
    )

    def say(one: Round) -> None:
        out.write(
            f"{one.victim:12}{one.after_s:8.2f}{one.answered:10}{one.failed:8}{one.missing:9}{one.duplicates:7}\n"
        )
        out.flush()

    with tempfile.TemporaryDirectory() as folder:
        rounds = run_rounds(Path(folder), arguments.rounds, seed=arguments.seed, say=say)
    answered, missing, twice = (
        sum(one.answered for one in rounds),
        rounds[-1].missing,
        max(one.duplicates for one in rounds),
    )
    out.write(f"{len(rounds)} rounds, {answered} answered: missing {missing}, twice on record {twice}\n")
    return 1 if missing or twice else 0


if __name__ == "__main__":
    sys.exit(main())
