"""Kill -9 under load, round after round, at random moments of a load."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

from e2e.load import Calls, Load, Promises
from e2e.on_record import Store, settle
from servers import ServerProcess

__all__ = ["VICTIMS", "kill", "run_rounds"]

VICTIMS = ("worker", "controller", "keeper", "supervisor")


def run_rounds(
    folder: Path, rounds: int, *, seed: int, workers: int, calls: Calls, store: Store | None = None
) -> tuple[Store, Promises]:
    """
    Kill worker, controller, keeper and supervisor in turn, at random moments of a load; then stop in order.

    After each kill the server must come back and bring into the *store* (by default the embedded one) what was answered
    before the next one.
    """
    chance = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    store, promises = store or Store.in_file(folder / "data"), Promises()
    server = ServerProcess(folder, workers=workers, shutdown_grace_s=20, **store.settings)
    try:
        server.start()
        for number in range(rounds):
            victim = VICTIMS[number % len(VICTIMS)]
            with Load(server.target, f"{seed}-{number}", promises, calls=calls, pause_s=0) as load:
                load.wait_for(1)
                time.sleep(chance.uniform(0.1, 0.8))
                kill(server, victim, chance)
                time.sleep(chance.uniform(0.0, 0.2))
            if victim == "supervisor":
                server.wait()
                server.close_channel()
                server.start()
            settle(server, store, promises)
        assert 0 == server.terminate()
    finally:
        server.kill()
    return store, promises


def kill(server: ServerProcess, victim: str, chance: random.Random) -> None:
    """End a process of *server* at once, as the kernel does when memory is short."""
    status = server.status()
    if victim == "supervisor":
        pid = server.pid
    elif victim == "controller":
        pid = status.controller.pid if status.controller else 0
    elif victim == "keeper":
        pid = status.keeper.pid if status.keeper else 0
    else:
        pid = chance.choice(status.workers).pid
    assert pid, f"no {victim} to kill"
    os.kill(pid, signal.SIGKILL)
