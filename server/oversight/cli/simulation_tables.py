"""What came of simulations: as tables for people, as one object for machines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from oversight.cli.output import in_words, percent
from oversight.feedback.signs import Sign
from oversight.simulation.scenario import Scenario
from oversight.simulation.tally import FoundSign, RateBesideTruth, Tally

__all__ = ["Run", "print_runs", "runs_as_dict"]


class Run(NamedTuple):
    """One run that is over."""

    seed: int
    tally: Tally
    rates: tuple[RateBesideTruth, ...]


def runs_as_dict(scenario: Scenario, runs: Sequence[Run]) -> dict[str, object]:
    """
    Return every figure.

    `signs` sums up, for each sign that the scenario has, when it was found first: `found_runs` of `runs`, the median
    of `day`, `days_after_change` and `outcomes`, None where it never was. `false_alarms_per_3000` is of all outcomes
    after the warm-up of all runs, None where there were none.
    """
    outcomes = sum(run.tally.outcomes_after_warm_up for run in runs)
    false_alarms = sum(run.tally.false_alarms for run in runs)
    return {
        "scenario": scenario.scenario,
        "description": scenario.description,
        "days": scenario.days,
        "warm_up_days": scenario.warm_up_days,
        "first_change_day": scenario.onset_day,
        "runs": len(runs),
        "signs": [_sign(scenario, sign, runs) for sign in sorted(scenario.expected_signs)],
        "false_alarms": false_alarms,
        "false_alarms_per_3000": 3_000 * false_alarms / outcomes if outcomes else None,
        "each_run": [_run(run) for run in runs],
    }


def _sign(scenario: Scenario, sign: Sign, runs: Sequence[Run]) -> dict[str, object]:
    firsts = [
        found[0] for run in runs if (found := [one for one in run.tally.found if one.expected and one.sign is sign])
    ]
    return {
        "sign": str(sign),
        "found_runs": len(firsts),
        "day": _median(one.day for one in firsts),
        "days_after_change": _median(one.day + 1 - (scenario.onset_day or 0) for one in firsts),
        "outcomes": _median(one.outcomes for one in firsts if one.outcomes is not None),
    }


def _median(values: Iterable[float]) -> float | None:
    known = list(values)
    return float(median(known)) if known else None


def _run(run: Run) -> dict[str, object]:
    return {
        "seed": run.seed,
        "messages": run.tally.messages,
        "outcomes": run.tally.outcomes,
        "found": [_found(one) for one in run.tally.found],
        "missed": [str(sign) for sign in run.tally.missed],
        "false_alarms": run.tally.false_alarms,
        "error_rates": [_rate(one) for one in run.rates],
    }


def _found(one: FoundSign) -> dict[str, object]:
    return {
        "sign": str(one.sign),
        "intent": one.intent,
        "rule_id": one.rule_id,
        "state": one.state,
        "day": one.day,
        "expected": one.expected,
        "outcomes": one.outcomes,
        "message": one.message,
    }


def _rate(one: RateBesideTruth) -> dict[str, object]:
    return {
        "tier": one.tier,
        "decisions": one.decisions,
        "true_rate": one.true_rate,
        "rate": one.said.rate,
        "low": one.said.low,
        "high": one.said.high,
        "n": one.said.n,
        "state": one.said.state,
        "covered": one.covered,
    }


def print_runs(scenario: Scenario, runs: Sequence[Run], console: Console) -> None:
    """Print the sums, and of a single run everything that was found."""
    figures = runs_as_dict(scenario, runs)
    console.print(f"{scenario.scenario}: {scenario.description}", style="bold", markup=False)
    messages, outcomes = (sum(getattr(run.tally, name) for run in runs) for name in ("messages", "outcomes"))
    console.print(f"{scenario.days} days, {messages:,} messages, {outcomes:,} outcomes in {len(runs)} run(s)")
    for sign in _rows(figures["signs"]):
        console.print(_say_sign(sign, len(runs)))
    per = figures["false_alarms_per_3000"]
    rate = f", {per:.2f} per 3,000 outcomes" if isinstance(per, float) else ""
    console.print(f"{figures['false_alarms']} false alarms after day {scenario.warm_up_days}{rate}")
    if len(runs) == 1:
        _print_found(runs[0], console)
    _print_rates(runs, console)


def _rows(value: object) -> list[Mapping[str, Any]]:
    return list(value) if isinstance(value, list) else []


def _say_sign(sign: Mapping[str, Any], runs: int) -> str:
    name = in_words(sign["sign"])
    if not sign["found_runs"]:
        return f"NOT FOUND: {name}"
    seen = f" ({sign['outcomes']:,.0f} outcomes about it)" if sign["outcomes"] is not None else ""
    often = "" if runs == 1 else f" in {sign['found_runs']} of {runs} runs; medians:"
    return f"found{often} {name} {sign['days_after_change']:g} days after the change{seen}"


def _print_found(run: Run, console: Console) -> None:
    if not run.tally.found:
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("day", "sign", "where", "state", ""):
        table.add_column(heading)
    for one in run.tally.found:
        where = one.intent or (f"rule {one.rule_id}" if one.rule_id else "the whole")
        table.add_row(str(one.day), in_words(one.sign), Text(where), one.state, "" if one.expected else "false alarm")
    console.print(table)


def _print_rates(runs: Sequence[Run], console: Console) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("error rate", "seed", "decisions", "true", "said", "95 % interval", "labels", ""):
        table.add_column(heading)
    for run in runs:
        for one in run.rates:
            table.add_row(
                in_words(one.tier),
                str(run.seed),
                f"{one.decisions:,}",
                percent(one.true_rate),
                percent(one.said.rate),
                f"{percent(one.said.low)} to {percent(one.said.high)}",
                f"{one.said.n:,}",
                "" if one.covered else "the truth is outside",
            )
    console.print(table)
