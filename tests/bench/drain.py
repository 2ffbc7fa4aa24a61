"""
What draining costs: `PYTHONPATH=tests python tests/bench/drain.py [--records 1000000] [--store postgresql]`.

One process writes a backlog into a worker's journal in a temporary folder: every decision made by the engine under the
default policy, and recorded in the form that workers write. Another drains it into an SQLite file, as the keeper
does, or into a PostgreSQL: one of its own (durable, on this machine), or the empty database whose URL is given. The
figure that counts is CPU time a record (user and system) of the draining process; the wall clock has the waiting for
the disk and for the database in it. Messages have new values each, so that few reasons repeat; `--alike` sends one
message again and again, as load generators do; `--batch 50` has as many records in a frame of the journal. Peak
resident memory is that of the draining process up to then.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import multiprocessing
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import psycopg

from oversight.decisions import Call
from oversight.engine.decide import decide
from oversight.engine.identity import Keys
from oversight.engine.request import REQUEST_FIELDS, Request, ServerFacts
from oversight.grpc_api.convert.frames import count_records, decode_frame
from oversight.grpc_api.convert.records import ProtobufWire
from oversight.grpc_api.convert.requests import request_to_proto
from oversight.journal.drain import Drain
from oversight.journal.journal import Journal
from oversight.policies import SnapshotSource, assemble_source, compile_source
from oversight.storage.records import Added, DecisionRecord, OutcomeRecord
from oversight.storage.sql import SqlStore
from oversight.storage.sqlite import database_file, file_url
from postgres import PostgresServer

KEYS = Keys(id_key=b"i" * 32, audit_key=b"a" * 32, audit_key_id="bench")
POLICY = Path(__file__).parents[2] / "policy_rules" / "contact_centre.yaml"
INTENTS = ("refund_request", "order_status", "order_change", "cancel_contract", "complaint", "opening_hours")
SHARES = (0.1, 0.5, 1.0)
START_US = 1_800_000_000_000_000


def a_request(number: int, random_: random.Random) -> Request:
    """Return a message much like those of a contact centre: 24 of 34 fields, three messages a conversation."""
    confidence = random_.random()
    conversation = random.Random(number // 3)  # noqa: S311 - nothing here is secret
    return Request(
        request_id=f"{random_.getrandbits(128):032x}",
        tenant_id="acme",
        conversation_id=f"{conversation.getrandbits(64):016x}",
        turn_index=number % 3,
        subject_ref=f"customer-{conversation.randrange(500_000):06d}",
        channel=random_.randint(1, 5),
        language="en-GB",
        intent=random_.choice(INTENTS),
        intent_confidence=confidence,
        intent_runner_up_confidence=confidence * 0.4,
        response_confidence=0.5 + random_.random() / 2,
        grounding_score=0.5 + random_.random() / 2,
        sentiment_score=random_.uniform(-1, 1),
        sentiment_trend=random_.uniform(-0.2, 0.2),
        customer_tier=random_.randint(1, 3),
        human_requested=random_.random() < 0.02,
        tool_failed=False,
        proposed_action=random_.randint(1, 3),
        amount_minor=random_.randrange(50_000),
        currency="EUR",
        failed_turns=random_.randrange(2),
        guardrail_flags=(),
        model_version="m-1",
        signal_time_us=START_US + 100 * number - 1_000,
        decided_at_us=START_US + 100 * number,
    )


def write_backlog(folder: Path, records: int, batch: int, alike: bool = False) -> None:
    """Write the backlog; *batch* records to a frame, messages *alike* but for their ids and times."""
    source = SnapshotSource(files={POLICY.name: POLICY.read_text("utf-8")}, default_policy="contact_centre")
    snapshot = assemble_source(source, compile_source(source)[0])
    journal = Journal(folder, segment_bytes=16 << 20, segment_age_s=3600, max_bytes=1 << 40)
    wire, facts, call = ProtobufWire(), ServerFacts(0, 1, 0), Call("gateway", "", 0)
    random_ = random.Random(4711)  # noqa: S311 - likewise
    like = a_request(0, random_)._replace(intent_confidence=0.91, intent_runner_up_confidence=0.05)
    like = like._replace(response_confidence=0.81, grounding_score=0.9, sentiment_score=-0.1, sentiment_trend=0.0)
    waiting: list[bytes] = []
    for number in range(records):
        request = a_request(number, random_)
        if alike:
            request = like._replace(request_id=request.request_id, decided_at_us=request.decided_at_us)
        message = request_to_proto(zip(REQUEST_FIELDS, request, strict=False))
        canonical = message.SerializeToString(deterministic=True)
        decision = decide(snapshot, request, facts, KEYS, canonical=canonical)
        reply = wire.reply(decision, request.request_id)
        waiting.append(wire.decision_record(canonical, reply, facts, request.decided_at_us, "bench", call, 60))
        if len(waiting) >= batch or number == records - 1:
            journal.append_many(waiting)
            waiting.clear()
    journal.close()


class Mark(NamedTuple):
    """What was used when a share of the records was in the store."""

    records: int
    cpu_s: float
    wall_s: float
    peak_rss_mib: float
    database_bytes: int


class MeasuredStore:
    """A `RecordStore` that notes what has been used when a share of *total* records is in another one."""

    def __init__(self, store: SqlStore, size_bytes: Callable[[], int], total: int) -> None:
        self.marks: list[Mark] = []
        self.cpu_s = 0.0
        self._store = store
        self._size_bytes = size_bytes
        self._due = [round(share * total) for share in SHARES]
        self._added = 0
        self._began_cpu_s, self._began_s = time.process_time(), time.perf_counter()

    def add(self, decisions: Sequence[DecisionRecord], outcomes: Sequence[OutcomeRecord]) -> Added:
        """Hand on and note."""
        began_s = time.process_time()
        added = self._store.add(decisions, outcomes)
        ended_s = time.process_time()
        self.cpu_s += ended_s - began_s
        self._added += added.decisions
        while self._due and self._added >= self._due[0]:
            self._due.pop(0)
            self.marks.append(
                Mark(
                    records=self._added,
                    cpu_s=ended_s - self._began_cpu_s,
                    wall_s=time.perf_counter() - self._began_s,
                    peak_rss_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                    database_bytes=self._size_bytes(),
                )
            )
        return added


def print_count(drain: Drain, folder: Path) -> None:
    """Print what is pending, and what telling so costs; a call counts a part."""
    began_s = time.process_time()
    pending, earlier = drain.pending(), None
    while pending != earlier:
        pending, earlier = drain.pending(), pending
    took_us = (time.process_time() - began_s) * 1e6
    size_bytes = sum(path.stat().st_size for path in folder.iterdir())
    print(
        f"backlog: {pending.records:,} records, {size_bytes / pending.records:,.0f} bytes each; counted in "
        f"{took_us / pending.records:.1f} us of CPU a record"
    )


def print_marks(marks: Sequence[Mark], store_cpu_s: float) -> None:
    """Print the table; the store's share is of all records."""
    heads = ("records", "us CPU a record", "records/s CPU", "records/s wall", "peak RSS MiB", "database bytes")
    print("".join(f"{head:>17}" for head in heads))
    earlier = Mark(0, 0.0, 0.0, 0.0, 0)
    for mark in marks:
        records, cpu_s, wall_s = (now - then for now, then in zip(mark[:3], earlier[:3], strict=True))
        rates = f"{cpu_s / records * 1e6:17.1f}{records / cpu_s:17,.0f}{records / wall_s:17,.0f}"
        print(f"{mark.records:17,}{rates}{mark.peak_rss_mib:17.1f}{mark.database_bytes / mark.records:17,.0f}")
        earlier = mark
    last = marks[-1]
    print(
        f"all: {last.cpu_s / last.records * 1e6:.1f} us of CPU a record, {last.records / last.cpu_s:,.0f} records/s of "
        f"CPU; {store_cpu_s / last.cpu_s:.0%} of it the store, the rest reading and decoding"
    )


def size_of(url: str) -> Callable[[], int]:
    """Return what tells the size of the database at *url*, in bytes."""
    if url.startswith("sqlite"):
        return lambda: database_file(url).stat().st_size

    def ask() -> int:
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
            return int(row[0]) if row else 0

    return ask


def drain_backlog(made: Path, records: int, url: str) -> None:
    """Drain the backlog under *made* into the store at *url* and print what it took."""
    root = made / "journal"
    sql = SqlStore(url, writer="local")
    sql.prepare()
    decode = partial(decode_frame, keys=KEYS)
    print_count(Drain(root, sql, decode=decode, count=count_records), root / "worker-0")
    # As the keeper does.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)
    store = MeasuredStore(sql, size_of(url), records)
    drain = Drain(root, store, decode=decode, count=count_records)
    drain.run_once()
    sql.close()
    print_marks(store.marks, store.cpu_s)


def main() -> None:
    """Write, drain, print; each in a process of its own, so that memory is that of the drain."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0].strip())
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--batch", type=int, default=1, help="records to a frame of the journal")
    parser.add_argument("--store", default="", help='"postgresql" or a URL; an SQLite file where it is not given')
    parser.add_argument("--alike", action="store_true", help="one message again and again")
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    with contextlib.ExitStack() as stack:
        made = stack.enter_context(tempfile.TemporaryDirectory())
        url = options.store or file_url(Path(made) / "records.db")
        if options.store == "postgresql":
            url = stack.enter_context(PostgresServer(durable=True)).create_database()
        folder = Path(made) / "journal" / "worker-0"
        for target, arguments in (
            (write_backlog, (folder, options.records, options.batch, options.alike)),
            (drain_backlog, (Path(made), options.records, url)),
        ):
            process = context.Process(target=target, args=arguments)
            process.start()
            process.join()
            if process.exitcode:
                sys.exit(process.exitcode)


if __name__ == "__main__":
    main()
