"""
What the number of rules costs: `python tests/bench/rules_growth.py [--many] [--rounds 15]`.

For 30 to 10,000 rules (with --many, 100,000 too), ten for each intent, written as rule files into a temporary folder:
the controller's part (folder to published snapshot: CPU time, peak memory), the worker's (loading what was published,
memory with every rule in use, the longest pause of its other threads while one snapshot replaces another) and the
engine's (CPU time of a decision; all sizes take turns in one process). Each part runs in a process of its own, on one
CPU. The pause is the least of a few swaps' longest: whatever else the machine does only adds to it.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import random
import resource
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.many_rules import intents_of, rule_files
from oversight.app.current import CurrentSnapshot
from oversight.app.snapshot_file import load_snapshot, publish_snapshot
from oversight.engine.decide import decide
from oversight.engine.identity import Keys
from oversight.engine.request import Request, ServerFacts
from oversight.engine.snapshot import Snapshot
from oversight.policies import SnapshotSource, assemble_source, compile_source
from oversight.rules.source import read_folder

SIZES = (30, 300, 3_000, 10_000)
MANY = 100_000
INTENTS_OF_A_FILE = 400
"""So few that a file has less than 1 MiB, also where it lists 10,000 intents."""
SWAPS = 6
REQUESTS = 2_000
KEYS = Keys(id_key=b"i" * 32, audit_key=b"a" * 32, audit_key_id="bench")
FACTS = ServerFacts()
NOW_US = 1_800_000_000_000_000
MIB = 2**20
COLUMNS = (
    "rules",
    "compile s",
    "publish s",
    "file MB",
    "controller MiB",
    "load ms",
    "pause ms",
    "idle ms",
    "worker MiB",
)
T = TypeVar("T")


class Control(NamedTuple):
    """The controller's part: CPU seconds from the folder to a snapshot, and to its file; bytes; peak memory in MiB."""

    compile_s: float
    publish_s: float
    published_bytes: int
    peak_mib: float


class Work(NamedTuple):
    """The worker's part: CPU milliseconds of a swap, longest pauses in milliseconds, memory in MiB."""

    load_ms: float
    pause_ms: float
    idle_pause_ms: float
    rss_mib: float


def run_apart(work: Callable[..., T], *arguments: object) -> T:
    """Return what *work* does in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def control(rules: int, folder: Path, version: int) -> Control:
    """Do what the controller does with new rules."""
    for name, text in rule_files(rules, version, intents_of_a_file=INTENTS_OF_A_FILE).items():
        (folder / "rules").mkdir(exist_ok=True)
        (folder / "rules" / name).write_text(text, encoding="utf-8")
    run = folder / f"run-{version}"
    run.mkdir()
    began_s = time.process_time()
    source = SnapshotSource(files=read_folder(folder / "rules").files, default_policy="contact_centre")
    blueprint, _ = compile_source(source)
    snapshot = assemble_source(source, blueprint)
    compiled_s = time.process_time()
    publish_snapshot(run, snapshot, blueprint, source)
    published_s = time.process_time()
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MIB
    size = (run / "snapshot.bin").stat().st_size
    return Control(compiled_s - began_s, published_s - compiled_s, size, peak_mib)


class Watch(threading.Thread):
    """Looks at the clock without end, as a caller would who waits; `longest_ns` is the longest it was kept from it."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.longest_ns = 0
        self.stopped = False

    def run(self) -> None:
        """Look until stopped."""
        last_ns = time.perf_counter_ns()
        while not self.stopped:
            now_ns = time.perf_counter_ns()
            self.longest_ns = max(self.longest_ns, now_ns - last_ns)
            last_ns = now_ns

    def longest_ms(self) -> float:
        """Return the longest pause since the last time that was asked."""
        longest_ns, self.longest_ns = self.longest_ns, 0
        return longest_ns / 1e6


def work(rules: int, folder: Path) -> Work:
    """Do what a worker does: decide for every intent, and follow what is published, again and again."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    run = folder / "run"
    shutil.copytree(folder / "run-1", run)
    current = CurrentSnapshot(run, clock_us=lambda: NOW_US)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    watch = Watch()
    watch.start()
    took_ms, pauses_ms, idle_ms = [], [], []
    for number in range(SWAPS):
        for intent in intents_of(rules):
            decide(current.snapshot, Request(intent=intent), FACTS, KEYS)
        shutil.copy(folder / f"run-{2 - number % 2}" / "snapshot.bin", run / "next")
        watch.longest_ms()
        time.sleep(0.3)
        idle_ms.append(watch.longest_ms())
        (run / "next").rename(run / "snapshot.bin")
        began_s = time.thread_time()
        current.refresh()
        took_ms.append((time.thread_time() - began_s) * 1000)
        pauses_ms.append(watch.longest_ms())
    watch.stopped = True
    watch.join()
    rss_mib = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / MIB
    return Work(statistics.median(took_ms), min(pauses_ms), min(idle_ms), rss_mib)


def requests(rules: int, number: int) -> list[Request]:
    """Return requests about all intents, of which each asks for what one rule in two looks at."""
    intents, drawn = intents_of(rules), random.Random(number)  # noqa: S311 - nothing here is secret
    return [
        Request(
            request_id=f"{number}-{index}",
            intent=drawn.choice(intents),
            response_confidence=0.86,
            sentiment_score=0.2,
            language="en",
            decided_at_us=NOW_US,
        )
        for index in range(REQUESTS)
    ]


def decide_all(snapshot: Snapshot, asked: Sequence[Request]) -> float:
    """Return the CPU time of a decision, in microseconds."""
    began_ns = time.process_time_ns()
    for request in asked:
        decide(snapshot, request, FACTS, KEYS)
    return (time.process_time_ns() - began_ns) / len(asked) / 1000


def engine(folders: dict[int, Path], rounds: int) -> dict[int, float]:
    """Return the median CPU time of a decision, by the number of rules; the sizes take turns."""
    snapshots = {rules: load_snapshot(folder / "run-1") for rules, folder in folders.items()}
    for rules, snapshot in snapshots.items():
        for intent in intents_of(rules):
            decide(snapshot, Request(intent=intent), FACTS, KEYS)
    gc.collect()
    gc.freeze()
    times: dict[int, list[float]] = {rules: [] for rules in snapshots}
    for number in range(rounds):
        for rules, snapshot in snapshots.items():
            times[rules].append(decide_all(snapshot, requests(rules, number)))
    return {rules: statistics.median(us) for rules, us in times.items()}


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0].strip())
    parser.add_argument("--many", action="store_true", help=f"{MANY:,} rules too; takes two minutes")
    parser.add_argument("--rounds", type=int, default=15, help="turns that each size takes in the engine's part")
    options = parser.parse_args()
    sizes = (*SIZES, MANY) if options.many else SIZES
    print("| " + " | ".join((*COLUMNS, "engine µs", "to 30 rules")) + " |")
    print("|---" * (len(COLUMNS) + 2) + "|")
    with tempfile.TemporaryDirectory(prefix="oversight-rules-") as folder:
        folders = {rules: Path(folder) / str(rules) for rules in sizes}
        rows = {}
        for rules, place in folders.items():
            place.mkdir()
            run_apart(control, rules, place, 2)
            made, worked = run_apart(control, rules, place, 1), run_apart(work, rules, place)
            rows[rules] = (
                *(f"{rules:,}", f"{made.compile_s:.2f}", f"{made.publish_s:.2f}", f"{made.published_bytes / 1e6:.1f}"),
                *(f"{made.peak_mib:.0f}", f"{worked.load_ms:.1f}", f"{worked.pause_ms:.1f}"),
                *(f"{worked.idle_pause_ms:.1f}", f"{worked.rss_mib:.0f}"),
            )
        decided = run_apart(engine, folders, options.rounds)
        for rules, cells in rows.items():
            ratio = decided[rules] / decided[sizes[0]]
            print("| " + " | ".join((*cells, f"{decided[rules]:.2f}", f"{ratio:.2f}")) + " |")


if __name__ == "__main__":
    main()
