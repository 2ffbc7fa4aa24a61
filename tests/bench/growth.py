"""How throughput changes with callers, with the size of requests, and with the number of rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from bench.bodies import request_of_size
from bench.contenders import Server, started
from bench.figures import Findings, NotMeasuredError, Table
from bench.h2load import Load, find_h2load
from bench.many_rules import write_rules
from bench.own import service
from bench.report import spread
from bench.rounds import Plan, load, saturate, say, take_turns

__all__ = ["measure_growth"]

_CALLERS: Mapping[int, tuple[int, int]] = {1: (1, 1), 8: (4, 2), 64: (8, 8), 512: (16, 32)}
"""Connections, and calls under way on each, for a number of callers."""
_SIZES_BYTES = (200, 1_000, 10_000)
_RULES = (30, 300, 3_000, 10_000)
_WARM_UP_CALLS = 2_000
_COLUMNS = ("decisions/s", "p50 ms", "p99 ms")


def measure_growth(plan: Plan) -> Findings:
    """Measure all three."""
    find_h2load()
    tables = []
    with started(service("growth"), plan.place) as server:
        rate_per_s = load(server, plan, _WARM_UP_CALLS, *_CALLERS[64]).calls_per_s
        tables += [_measure_callers(server, plan, rate_per_s), _measure_sizes(server, plan, rate_per_s)]
        server.settle()
    return Findings(tables=(*tables, _measure_rules(plan)))


def _measure_callers(server: Server, plan: Plan, rate_per_s: float) -> Table:
    def measure(callers: int, number: int) -> Load:
        return load(server, plan, rate_per_s * plan.seconds * (0.5 if callers == 1 else 1), *_CALLERS[callers])

    return _table("Growth: callers", "callers", take_turns([*_CALLERS], plan.long_rounds, measure), "{:,}")


def _measure_sizes(server: Server, plan: Plan, rate_per_s: float) -> Table:
    messages = {size: request_of_size(size).SerializeToString() for size in _SIZES_BYTES}

    def measure(size: int, number: int) -> Load:
        return saturate(server, plan, rate_per_s, messages[size])

    return _table("Growth: request size", "bytes", take_turns([*messages], plan.long_rounds, measure), "{:,}")


def _measure_rules(plan: Plan) -> Table:
    rows: list[tuple[str, ...]] = []
    for rules in _RULES:
        say(f"{rules:,} rules")
        folder = plan.folder / f"rules-{rules}"
        write_rules(folder, rules)
        try:
            with started(service(f"rules {rules}", policy=folder), plan.place) as server:
                rate_per_s = load(server, plan, _WARM_UP_CALLS, *_CALLERS[64]).calls_per_s
                loads = [saturate(server, plan, rate_per_s) for _ in range(plan.long_rounds)]
                server.settle()
            rows.append((f"{rules:,}", *_cells(loads)))
        except NotMeasuredError as error:
            rows.append((f"{rules:,}", f"not measured: {error}", "", ""))
    return Table("Growth: rules, ten for each intent", ("rules", *_COLUMNS), tuple(rows))


def _table(title: str, what: str, found: Mapping[int, Sequence[Load]], shown: str) -> Table:
    rows = tuple((shown.format(value), *_cells(loads)) for value, loads in found.items())
    return Table(title, (what, *_COLUMNS), rows)


def _cells(loads: Sequence[Load]) -> tuple[str, ...]:
    read: tuple[Callable[[Load], float], ...] = (
        lambda one: one.calls_per_s,
        lambda one: one.p50_ms,
        lambda one: one.p99_ms,
    )
    return tuple(spread([figure(one) for one in loads]) for figure in read)
