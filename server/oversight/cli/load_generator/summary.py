"""The figures of a run, for machines and for what is shown to people."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oversight.cli.load_generator.closed_loop import Pace
from oversight.cli.load_generator.findings import (
    find_notes,
    find_pace_notes,
    find_pace_problems,
    find_problems,
)
from oversight.cli.load_generator.histogram import Histogram
from oversight.cli.load_generator.measurement import Measurement
from oversight.cli.load_generator.rates import Rates
from oversight.cli.load_generator.shares import Plan
from oversight.cli.load_generator.transport import OK
from oversight_client.enums import Evaluation, Tier

__all__ = ["FIGURES", "Step", "summarise"]

FIGURES: Mapping[str, float] = {"p50": 50, "p90": 90, "p99": 99, "p99_9": 99.9, "p99_99": 99.99}
"""The percentiles that are shown, by their names in the summary."""

_MS = 1e6
_CURVE_STEP = 0.05
_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Step:
    """One rate of a run and what came of it."""

    rate_per_s: float
    measured: Measurement


def summarise(plan: Plan, steps: Sequence[Step], *, file: str, pace: Pace | None) -> dict[str, Any]:
    """
    Return every figure of a run; times are in milliseconds unless their name says otherwise.

    Each of `steps` has the rates; `latency`, since calls were due, of all calls, of those answered and of the failed
    ones by status; `service`, since they were sent; `lag`, from due to sent; what the replies say; `intervals` of the
    run and the `curve` of (percent, latency, service). `problems` is what is wrong, empty where nothing is, and `notes`
    what a reader should know besides.
    """
    problems = [*find_pace_problems(pace), *(line for step in steps for line in find_problems(plan, *_parts(step)))]
    return {
        "target": plan.target,
        "messages": file or "built-in mix",
        "seed": plan.seed,
        "arrivals": plan.arrivals,
        "batch": plan.batch,
        "duration_s": plan.duration_s,
        "warmup_s": plan.warmup_s,
        "timeout_s": plan.timeout_s,
        "connections": plan.connections,
        "processes": plan.processes,
        "max_in_flight": plan.max_in_flight,
        "saturation_per_s": None if pace is None else pace.answered_per_s,
        "steps": [_step(plan, step) for step in steps],
        "problems": problems,
        "notes": [*find_pace_notes(pace), *(line for step in steps for line in find_notes(plan, *_parts(step)))],
        "ok": not problems,
    }


def _parts(step: Step) -> tuple[float, Measurement]:
    return step.rate_per_s, step.measured


def _step(plan: Plan, step: Step) -> dict[str, object]:
    measured, rates = step.measured, Rates.of(plan, step.measured)
    answered = measured.latency_ns.get(OK, Histogram())
    failed = {status: found for status, found in sorted(measured.latency_ns.items()) if status != OK}
    latency = measured.all_latency_ns()
    return {
        "rate_asked_per_s": step.rate_per_s,
        "rate_due_per_s": rates.due_per_s,
        "rate_sent_per_s": rates.sent_per_s,
        "rate_answered_per_s": rates.answered_per_s,
        "rate_kept": rates.kept,
        "decisions_per_s": rates.decisions_per_s,
        "calls": measured.sent,
        "failed": sum(found.count for found in failed.values()),
        "not_sent": measured.skipped,
        "waited_for_a_place": measured.waited,
        "stopped_after_s": measured.stopped_s,
        "generator_cpu": round(measured.generator_cpu, _DIGITS),
        "latency": {
            "all": _figures(latency),
            "answered": _figures(answered),
            "failed": {status: _figures(found) for status, found in failed.items()},
        },
        "service": _figures(measured.service_ns),
        "lag": _figures(measured.lag_ns),
        "tiers": {tier.name: _share(measured.tiers[tier.number], measured.decisions) for tier in Tier},
        "evaluations": {evaluation.name: measured.evaluations[evaluation.number] for evaluation in Evaluation},
        "item_errors": dict(sorted(measured.item_errors.items())),
        "unrecorded": measured.unrecorded,
        "wrong_replies": measured.wrong,
        "warmup_failed": dict(sorted(measured.warmup_failed.items())),
        "intervals": _intervals(plan, measured),
        "curve": _curve(latency, measured.service_ns),
    }


def _figures(histogram: Histogram) -> dict[str, float | int | None]:
    found = zip(FIGURES, histogram.percentiles(FIGURES.values()), strict=True)
    return {
        "calls": histogram.count,
        "mean": _ms(histogram.mean),
        **{name: _ms(value) for name, value in found},
        "max": _ms(histogram.highest) if histogram.count else None,
    }


def _share(count: int, decisions: int) -> dict[str, float | int]:
    return {"count": count, "share": count / decisions if decisions else 0.0}


def _intervals(plan: Plan, measured: Measurement) -> list[dict[str, float | int | None]]:
    rows = []
    for number in sorted(measured.intervals):
        interval = measured.intervals[number]
        p50, p99 = interval.latency_ns.percentiles((50, 99))
        rows.append(
            {
                "start_s": round(number * plan.interval_s, _DIGITS),
                "calls": interval.latency_ns.count,
                "failed": interval.failed,
                "p50": _ms(p50),
                "p99": _ms(p99),
                "max": _ms(interval.latency_ns.highest),
            }
        )
    return rows


def _curve(latency: Histogram, service: Histogram) -> list[tuple[float, float | None, float | None]]:
    """Return (percent, latency, service) at even steps of log10(1 / (1 - share)), which gives each nine its place."""
    if not latency.count:
        return []
    steps = math.ceil(math.log10(latency.count) / _CURVE_STEP)
    percents = [100 * (1 - 10 ** (-step * _CURVE_STEP)) for step in range(steps)] + [100.0]
    found = zip(percents, latency.percentiles(percents), service.percentiles(percents), strict=True)
    return [(round(percent, 6), _ms(due), _ms(sent)) for percent, due, sent in found]


def _ms(value_ns: float | None) -> float | None:
    return None if value_ns is None else round(value_ns / _MS, _DIGITS)
