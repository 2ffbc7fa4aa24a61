"""
How long a question takes of millions of decisions, and how fast records become evidence.

`python -m bench.feedback_scale --decisions N [--postgres]` in tests/. The question (what `oversight errors` asks: 90
days by department and tier, and the volume) is put to tables that were filled directly; the feed is measured on real
records, fewer of them.
"""

from __future__ import annotations

import argparse
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from itertools import islice, product
from pathlib import Path
from typing import Any

from contract.evidence_world import HOUR_US, START_US, make_decision
from contract.samples import an_outcome_record
from oversight.insight.quality import find_quality
from oversight.insight.rates import find_error_rates
from oversight.storage.evidence import CellFilter, Split
from oversight.storage.evidence_feed import EvidenceFeed
from oversight.storage.evidence_reader import SqlEvidence
from oversight.storage.evidence_tables import cells, evidence, hours
from oversight.storage.open import open_database
from oversight.storage.sql import SqlStore
from oversight.storage.sqlite import file_url
from postgres import PostgresServer

__all__ = ["main"]

_DAYS = 90
_FIRST_HOUR = START_US // HOUR_US - 24 * _DAYS
_DEPARTMENTS, _INTENTS, _TIERS, _MODELS = 6, 20, (1, 2), 2
_AUDITED = 0.05
_ROWS_A_BATCH = 50_000
_FED = 50_000
_OUTCOMES_A_DECISION = 0.1


def main(arguments: Sequence[str] | None = None) -> None:
    """Fill, ask, feed, and print what it took."""
    parser = argparse.ArgumentParser(prog="bench.feedback_scale", description=(__doc__ or "").split("\n\n")[0].strip())
    parser.add_argument("--decisions", type=int, default=1_000_000, help="decisions that the question is about")
    parser.add_argument("--fed", type=int, default=_FED, help="decisions that are really fed")
    parser.add_argument("--postgres", action="store_true", help="in a PostgreSQL of its own, not in SQLite")
    asked = parser.parse_args(arguments)
    if asked.postgres:
        with PostgresServer(durable=True) as server:
            _measure(server.create_database(), asked)
    else:
        with tempfile.TemporaryDirectory(prefix="oversight-bench-") as folder:
            _measure(file_url(Path(folder) / "records.db"), asked)


def _measure(url: str, asked: argparse.Namespace) -> None:
    store = SqlStore(url, writer="bench")
    store.prepare()
    _measure_feed(store, asked.fed)
    _fill(url, asked.decisions)
    _measure_question(store, asked.decisions)
    store.close()


def _measure_feed(store: SqlStore, decisions: int) -> None:
    outcomes = int(decisions * _OUTCOMES_A_DECISION)
    for start in range(0, decisions, 1_000):
        store.add([_decision(number) for number in range(start, start + 1_000)], [])
    feed = EvidenceFeed(store)
    _feed(feed, "decisions", decisions)
    for start in range(0, outcomes, 1_000):
        rows = [an_outcome_record(n * 10, verdict=1, label_basis=2) for n in range(start, min(start + 1_000, outcomes))]
        store.add([], rows)
    _feed(feed, "outcomes", outcomes)


def _feed(feed: EvidenceFeed, what: str, count: int) -> None:
    longest_s, began_s, cpu_s = 0.0, time.perf_counter(), time.process_time()
    while True:
        step_s = time.perf_counter()
        more = feed.step().more
        longest_s = max(longest_s, time.perf_counter() - step_s)
        if not more:
            break
    spent_s, cpu_s = time.perf_counter() - began_s, time.process_time() - cpu_s
    print(
        f"feed: {count:,} {what} in {spent_s:.1f} s ({cpu_s:.1f} s of CPU), {count / spent_s:,.0f}/s;"
        f" longest batch {longest_s * 1e3:.0f} ms",
        flush=True,
    )


def _decision(number: int) -> Any:
    return make_decision(
        number,
        minute=number // 200,
        tier=1,
        audit_probability=_AUDITED,
        audit_selected=number % 10 == 0,
        intent=f"intent-{number % _INTENTS}",
        department=f"department-{number % _DEPARTMENTS}",
        model_version=f"model-{number % _MODELS}",
    )


def _fill(url: str, decisions: int) -> None:
    began_s = time.perf_counter()
    database = open_database(url, read_only=False)
    names = list(product(range(_DEPARTMENTS), range(_INTENTS), _TIERS, range(_MODELS)))
    first = 1_000_000
    made = {
        cells: (
            (first + number, "tenant", f"department-{d}", f"intent-{i}", tier, f"filled-{m}", 0)
            for number, (d, i, tier, m) in enumerate(names)
        ),
        hours: _hours(first, [name[2] for name in names], decisions),
        evidence: _evidence(first, [name[2] for name in names], decisions // 10),
    }
    for table, rows in made.items():
        while batch := list(islice(rows, _ROWS_A_BATCH)):
            with database.engine.begin() as connection:
                database.insert(connection, table, batch)
    if database.engine.dialect.name == "postgresql":
        with database.engine.begin() as connection:
            connection.exec_driver_sql("ANALYZE")
    database.engine.dispose()
    print(
        f"filled with {decisions:,} decisions and {decisions // 10:,} outcomes in {time.perf_counter() - began_s:.0f} s"
    )


def _hours(first: int, tiers: Sequence[int], decisions: int) -> Iterator[tuple[Any, ...]]:
    places = len(tiers) * 24 * _DAYS
    for number in range(places):
        cell, hour = divmod(number, 24 * _DAYS)
        count = (number + 1) * decisions // places - number * decisions // places
        if count:
            probability = _AUDITED if tiers[cell] == 1 else 1.0
            at = _FIRST_HOUR + hour
            yield first + cell, at, probability, count, 0, at * HOUR_US, count, 0.9 * count, 0.81 * count


def _evidence(first: int, tiers: Sequence[int], outcomes: int) -> Iterator[tuple[Any, ...]]:
    chance = random.Random(1)  # noqa: S311 - no secret
    each = outcomes // len(tiers)
    for cell, tier in enumerate(tiers):
        probability = _AUDITED if tier == 1 else 1.0
        for number in range(each):
            at_us = _FIRST_HOUR * HOUR_US + number * (24 * _DAYS * HOUR_US // each)
            loss = int(chance.random() < 0.04)
            label = (2 if tier == 1 else 1, loss, at_us + HOUR_US)
            said = (1, 1, False, number % 9 == 0, False, 1, False, 4.5, 21.5, 80.0, "v1", 1 + number % 2, True)
            key = (first + cell, at_us, f"{cell * each + number:032x}")
            yield (
                *key,
                chance.random(),
                probability,
                probability,
                at_us + 72 * HOUR_US,
                *label,
                False,
                "routine",
                *(said),
                0,
                0,
                bool(loss),
                sha256(key[2].encode()).hexdigest() + "0" * 16,
            )


def _measure_question(store: SqlStore, decisions: int) -> None:
    reader = SqlEvidence(store.reading)
    wanted = CellFilter(since_us=_FIRST_HOUR * HOUR_US, until_us=START_US)
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    questions: dict[str, Callable[[], object]] = {
        "`oversight errors`, by department and tier": lambda: find_error_rates(
            reader, wanted, (Split.DEPARTMENT, Split.TIER), target=0.05, confidence=0.95, now_us=START_US
        ),
        "error rates of every cell": lambda: reader.rate_counts(wanted, [tuple(Split)], START_US),
        "facts of outcomes by department and intent": lambda: reader.fact_sums(
            wanted, (Split.DEPARTMENT, Split.INTENT)
        ),
        "quality scores beside people's": lambda: find_quality(reader, wanted),
        "the newest 50,000 judgements of rules": lambda: reader.judged(wanted, 50_000),
        "the next 100 audits": lambda: reader.due(wanted, 100, None),
        "the newest 100 corrections": lambda: reader.corrected(wanted, 100, None),
        "rows of one department": lambda: sum(1 for _ in reader.rows(wanted._replace(department="department-1"))),
    }
    print(f"questions over {decisions:,} decisions:")
    for what, ask in questions.items():
        for _ in range(2):
            began_s, cpu_s = time.perf_counter(), time.process_time()
            ask()
            spent_s, cpu_s = time.perf_counter() - began_s, time.process_time() - cpu_s
            print(f"  {what}: {spent_s:.2f} s ({cpu_s:.2f} s of CPU here)", flush=True)
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"peak memory {peak_kib / 1024:.0f} MiB, {before_kib / 1024:.0f} MiB before the questions")


if __name__ == "__main__":
    main()
