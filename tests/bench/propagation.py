"""
How long a change takes until every worker of every replica decides by it.

`python tests/bench/propagation.py [--changes 100] [--callers 4] [--pause 0.0] [--by-rpc]`. Two replicas as shipped,
each with two workers, share one PostgreSQL. Callers ask each of them all the time, every one on a connection of its
own, so that each worker has some. Two thresholds are changed together again and again, by a process of its own; a
change counts from before it is committed until every caller has had a reply with its revision. With --by-rpc it goes
through the admin port of one replica, and counts from before that call and from its reply. A reply with one threshold
of a change and another of the one before would be torn.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from e2e.control import administrator
from oversight_client import AdminClient
from pairs import Caller, a_pair, first_seen_s, write_pair_policy
from postgres import PostgresServer
from servers import ServerProcess, started, wait_until

REPLICAS = 2
WORKERS = 2


def busy(server: ServerProcess) -> list[int]:
    """Return how many decisions each worker has made."""
    return [int(worker.counters.get("decisions", 0)) for worker in server.status().workers]


def change_pairs(store: str, asked: Connection) -> None:
    """Make the change with each number that comes; say its revision, and when it was asked for and committed."""
    with administrator(store) as admin:
        while (number := asked.recv()) is not None:
            asked_s = time.monotonic()
            # Nobody else changes anything, so it is known which revision comes before.
            revision = admin.store.append(a_pair(number), expected_revision=number)
            asked.send((revision, asked_s, time.monotonic()))


def change_pairs_by_rpc(address: str, asked: Connection) -> None:
    """Make the changes as `change_pairs`, through the admin port at *address*; it is committed when it is answered."""
    with AdminClient(address, timeout_s=30) as admin:
        while (number := asked.recv()) is not None:
            changes = [{"name": one.name, "value": one.value} for one in a_pair(number).settings]
            asked_s = time.monotonic()
            revision = admin.update_thresholds(changes, justification="measured").revision
            asked.send((revision, asked_s, time.monotonic()))


@contextmanager
def changing(change: Callable[[str, Connection], None], where: str) -> Iterator[Connection]:
    """Yield what changes pairs: in the process of the callers it would wait for them."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=change, args=(where, theirs))
    process.start()
    try:
        yield ours
    finally:
        ours.send(None)
        process.join()


def describe(took_s: list[float]) -> str:
    """Return the cells of a table: p50, p99, the longest, and the share within a second."""
    took_s.sort()
    p99_s = took_s[min(len(took_s) - 1, int(len(took_s) * 0.99))]
    within = sum(one <= 1 for one in took_s) / len(took_s)
    return f"{statistics.median(took_s):.3f} | {p99_s:.3f} | {took_s[-1]:.3f} | {within:.1%}"


def main() -> int:
    """Measure and print; return 1 where a decision was torn."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0].strip())
    parser.add_argument("--changes", type=int, default=100)
    parser.add_argument("--callers", type=int, default=4, help="of each replica")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between two questions of a caller")
    parser.add_argument("--by-rpc", action="store_true", help="change by the admin port, not in the store")
    parser.add_argument("--seed", type=int, default=20_261)
    options = parser.parse_args()
    draw = random.Random(options.seed)  # noqa: S311 - moments, no secrets
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="oversight-propagation-")))
        postgres = stack.enter_context(PostgresServer(durable=True))
        store = postgres.create_database()
        servers = []
        for number in range(REPLICAS):
            write_pair_policy(folder / f"replica-{number}" / "policy")
            place = folder / f"replica-{number}"
            servers.append(stack.enter_context(started(place, store=store, workers=WORKERS, policy_poll_s=1.0)))
        by_rpc = options.by_rpc
        change, where = (change_pairs_by_rpc, servers[0].admin_target) if by_rpc else (change_pairs, store)
        admin = stack.enter_context(changing(change, where))
        admin.send(0)
        admin.recv()
        for server in servers:
            wait_until(lambda: server.decide().threshold_revision == 1, "the first pair to be in force")  # noqa: B023
        stop = threading.Event()
        began_s = time.monotonic()
        callers = [Caller(server.target, stop, options.pause) for server in servers for _ in range(options.callers)]
        took_s, since_commit_s = [], []
        try:
            wait_until(lambda: all(caller.replies > 10 for caller in callers), "all callers to be answered")
            for number in range(1, options.changes + 1):
                time.sleep(draw.uniform(0.05, 0.4))
                admin.send(number)
                revision, asked_s, committed_s = admin.recv()
                seen_s = wait_until(lambda: first_seen_s(callers, revision), f"revision {revision}")  # noqa: B023
                took_s.append(seen_s - asked_s)
                since_commit_s.append(seen_s - committed_s)
            wait_until(lambda: all(min(busy(server)) > 0 for server in servers), "every worker to have decided")
        finally:
            stop.set()
            for caller in callers:
                caller.join()
        ran_s = time.monotonic() - began_s
    replies, torn = sum(caller.replies for caller in callers), sum(caller.torn for caller in callers)
    where = f"{REPLICAS} replicas x {WORKERS} workers | {len(callers)} | {replies / ran_s:,.0f} | {len(took_s)}"
    print("| processes | callers | replies/s | changes | counted from | p50 s | p99 s | max s | within 1 s | torn |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    ends = ("before the call", "its reply") if options.by_rpc else ("before the commit", "the commit")
    for counted, times_s in zip(ends, (took_s, since_commit_s), strict=True):
        print(f"| {where} | {counted} | {describe(times_s)} | {torn} of {replies:,} |")
    return 1 if torn else 0


if __name__ == "__main__":
    raise SystemExit(main())
