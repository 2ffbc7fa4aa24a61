"""
Every figure that the service is held against, in one table: `make bench`, or `python -m bench` in tests/.

Without --only, everything is measured (about twenty minutes) and the report is written into docs/performance.md,
between its marks; with it, a selection is measured and printed. Nothing listens beyond loopback, every run is bounded,
and whatever was started is stopped, also at Ctrl-C. The machine should have nothing else to do.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.against_peers import measure_batch, measure_synced, measure_unary
from bench.alone import measure_coalescing, measure_drain, measure_workers
from bench.disturbance import measure_draining, measure_swapping
from bench.figures import Figure, Findings, NotMeasuredError, Table
from bench.growth import measure_growth
from bench.machine import ROOT, describe_machine
from bench.report import as_document, render, replace_between
from bench.rounds import Plan, say
from bench.rules import measure_rules
from bench.telemetry_cost import measure_telemetry

DOCUMENT = ROOT / "docs" / "performance.md"
EXPERIMENTS: Mapping[str, tuple[Callable[[Plan], Findings], tuple[str, ...]]] = {
    "unary": (measure_unary, ("unary_floor", "lone_floor", "unary_cerbos", "p99_cerbos", "memory")),
    "synced": (measure_synced, ("synced",)),
    "batch": (measure_batch, ("batch_cerbos",)),
    "telemetry": (measure_telemetry, ("metrics", "traces")),
    "workers": (measure_workers, ("workers",)),
    "rules": (measure_rules, ("rules",)),
    "draining": (measure_draining, ("p99_draining",)),
    "swapping": (measure_swapping, ("p99_swapping",)),
    "drain": (measure_drain, ("drain",)),
    "coalescing": (measure_coalescing, ("coalescing",)),
    "growth": (measure_growth, ()),
}
"""What can be measured, with the keys of the targets that it has figures for."""


def main() -> int:
    """Measure, print, write; return the exit code."""
    options = _read_options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an exception, so that what was started is stopped
    server_cpu, load_cpu = options.cpus.split(",")
    facts = describe_machine(server_cpu, load_cpu)
    os.sched_setaffinity(0, {int(load_cpu)})
    figures: dict[str, Figure | NotMeasuredError] = {}
    tables: list[Table] = []
    with tempfile.TemporaryDirectory(prefix="oversight-bench-", ignore_cleanup_errors=True) as folder:
        plan = Plan(options.rounds, options.seconds, Path(folder), server_cpu, load_cpu, options.many_rules)
        for name in options.only:
            found = _measure(name, plan)
            figures |= found.figures
            tables += found.tables
    report = render(facts, figures, tables, options.rounds)
    print(report)
    if options.json:
        options.json.write_text(json.dumps(as_document(facts, figures, tables), indent=2) + "\n", encoding="utf-8")
    if set(options.only) == set(EXPERIMENTS) and not options.print_only:
        DOCUMENT.write_text(replace_between(DOCUMENT.read_text("utf-8"), report), encoding="utf-8")
        say(f"written into {DOCUMENT.relative_to(ROOT)}")
    return 0


def _measure(name: str, plan: Plan) -> Findings:
    """Return what an experiment finds; where it fails, why, for each of its targets: the others go on."""
    measure, keys = EXPERIMENTS[name]
    say(f"=== {name}")
    try:
        return measure(plan)
    except NotMeasuredError as error:
        reason = error
    except (OSError, TimeoutError, ValueError, subprocess.SubprocessError) as error:
        reason = NotMeasuredError(f"{type(error).__name__}: {error}")
    say(f"{name}: not measured: {reason}")
    return Findings(dict.fromkeys(keys, reason))


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=(__doc__ or "").split("\n\n")[0].strip())
    parser.add_argument("--only", type=_names, default=[*EXPERIMENTS], metavar="NAME,…", help=", ".join(EXPERIMENTS))
    parser.add_argument("--rounds", type=int, default=5, help="of what takes a minute each, half as many are made")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of one run")
    parser.add_argument("--cpus", default="0,1", help="the servers' CPU and the load's")
    parser.add_argument("--many-rules", action="store_true", help="growth: 100,000 rules too")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures for machines, every round's")
    parser.add_argument("--print-only", action="store_true", help="leave docs/performance.md as it is")
    return parser.parse_args()


def _names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in EXPERIMENTS]:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: expected some of {', '.join(EXPERIMENTS)}")
    return names


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except KeyboardInterrupt:
        say("stopped; nothing was written")
        raise SystemExit(130) from None
