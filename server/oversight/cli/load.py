"""`oversight load`: what a server's latency is under a given rate of calls."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from oversight.cli.connection import open_client
from oversight.cli.credentials import given_credentials
from oversight.cli.failures import CommandError, Failure
from oversight.cli.load_generator.arrivals import ARRIVALS
from oversight.cli.load_generator.closed_loop import Pace
from oversight.cli.load_generator.messages import Fields, read_messages
from oversight.cli.load_generator.page import render_page
from oversight.cli.load_generator.quantities import parse_duration_s, parse_numbers
from oversight.cli.load_generator.shares import Plan, measure_pace, run_step
from oversight.cli.load_generator.summary import Step, summarise
from oversight.cli.load_generator.tables import print_summary
from oversight.cli.mapping import ColumnMap, parse_maps, takes
from oversight.cli.options import AsJson, Insecure, Target, Tenant, TimeoutS
from oversight.cli.output import console, error_console, print_json
from oversight.cli.row_files import open_rows
from oversight.cli.whole_file import check_place
from oversight.errors import UsageError

__all__ = ["run"]

_HIGHEST_RATE = 1_000_000.0
_HIGHEST_SHARE = 5.0
_LONGEST_S = 86_400.0
_SHORTEST_S = 0.1
_LONGEST_WARMUP_S = 3_600.0
_DEFAULT_RATE = "1000"
_NAMED_ROWS = 20


def run(
    rate: Annotated[str, typer.Option(metavar="N", help="Calls per second; 1000 where nothing is said.")] = "",
    rates: Annotated[str, typer.Option(metavar="N,N,…", help="Several rates, one after the other.")] = "",
    saturation: Annotated[
        str,
        typer.Option(metavar="SHARE,…", help="Find what the server answers at most, then send these shares of it."),
    ] = "",
    duration: Annotated[str, typer.Option(metavar="TIME", help="How long each rate is held: 30s, 500ms, 2m.")] = "30s",
    warmup: Annotated[str, typer.Option(metavar="TIME", help="What is sent before that and not measured.")] = "2s",
    batch: Annotated[int, typer.Option(min=0, max=500, help="Messages per call; 0: one, by Decide.")] = 0,
    file: Annotated[Path | None, typer.Option(help="Messages to send (as for replay); else the built-in mix.")] = None,
    maps: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="FIELD=COLUMN", help="Read a field from a column of another name; repeatable."),
    ] = None,
    arrivals: Annotated[str, typer.Option(metavar="|".join(ARRIVALS), help="How calls come.")] = "poisson",
    connections: Annotated[int, typer.Option(min=1, max=512, help="Connections that take turns.")] = 16,
    processes: Annotated[int, typer.Option(min=1, max=64, help="Processes that send, each on a CPU of its own.")] = 1,
    max_in_flight: Annotated[int, typer.Option(min=1, max=1_000_000, help="Most calls under way.")] = 10_000,
    seed: Annotated[int | None, typer.Option(min=0, help="The same messages, ids and arrivals again.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a report with plots to this file.")] = None,
    tenant: Tenant = "",
    target: Target = "127.0.0.1:50051",
    timeout_s: TimeoutS = 5.0,
    insecure: Insecure = False,
    as_json: AsJson = False,
) -> None:
    """
    Send decisions at a given rate and show how long they take.

    Calls are sent when they are due, whether or not earlier ones have been answered, and latency counts from when a
    call was due: a server that stalls cannot hide it. Exit code 1 where the rate was not kept, a call failed, or a
    decision is not on record.
    """
    if arrivals not in ARRIVALS:
        raise UsageError(f"--arrivals {arrivals}: expected {' or '.join(ARRIVALS)}")
    if html is not None:
        check_place("--html", html)
    shares, asked = _read_rates(rate, rates, saturation)
    plan = Plan(
        target=target,
        insecure=insecure,
        credentials=given_credentials(),
        timeout_s=timeout_s,
        connections=connections,
        processes=processes,
        max_in_flight=max_in_flight,
        arrivals=arrivals,
        duration_s=parse_duration_s("--duration", duration, low_s=_SHORTEST_S, high_s=_LONGEST_S),
        warmup_s=parse_duration_s("--warmup", warmup, low_s=0.0, high_s=_LONGEST_WARMUP_S),
        batch=batch,
        seed=secrets.randbits(32) if seed is None else seed,
        messages=_read_messages(file, maps or [], tenant),
    )
    # The client's own checks of target and timeout, in its words; and nobody waits for a server that is not there.
    with open_client(target, timeout_s, insecure=insecure):
        pass
    pace = _find_pace(plan) if shares else None
    found = [max(1.0, round(share * pace.answered_per_s)) for share in shares] if pace else asked
    steps = _run_steps(plan, found)
    summary = summarise(plan, steps, file=str(file or ""), pace=pace)
    _show(summary, html, as_json=as_json)
    raise typer.Exit(0 if summary["ok"] else 1)


def _read_rates(rate: str, rates: str, saturation: str) -> tuple[list[float], list[float]]:
    """Return the shares of the saturation rate, or else the rates, that were asked for."""
    given = [name for name, text in (("--rate", rate), ("--rates", rates), ("--saturation", saturation)) if text]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)}: expected one of them")
    if saturation:
        return parse_numbers("--saturation", saturation, high=_HIGHEST_SHARE), []
    option = "--rates" if rates else "--rate"
    return [], parse_numbers(option, rates or rate or _DEFAULT_RATE, high=_HIGHEST_RATE)


def _read_messages(file: Path | None, maps: list[str], tenant: str) -> tuple[Fields, ...] | None:
    """Return the messages of *file*, the rows that are none named; None for the built-in mix."""
    if file is None:
        if maps or tenant:
            raise UsageError(f"{'--map' if maps else '--tenant'} is about the messages of a file: give --file too")
        return None
    errors = error_console()
    chosen = parse_maps(maps)
    with open_rows(file, takes(chosen)) as rows:
        columns = ColumnMap(chosen, tenant=tenant, columns=rows.columns, typed=rows.typed)
        messages, problems = read_messages(rows, columns, file)
    for column in columns.unseen:
        errors.print(f"oversight: no row had the column {column!r} of --map")
    for problem in problems[:_NAMED_ROWS]:
        errors.print(f"oversight: left out: {problem}")
    if len(problems) > _NAMED_ROWS:
        errors.print(f"oversight: … and {len(problems) - _NAMED_ROWS:,} more rows")
    return tuple(messages)


def _find_pace(plan: Plan) -> Pace:
    _say(f"finding out what {plan.target} answers at most …")
    pace = measure_pace(plan)
    if not pace.answered_per_s:
        statuses = ", ".join(f"{status} {count:,}" for status, count in pace.failed.most_common()) or "none came back"
        raise CommandError(Failure("NOT_ANSWERED", f"--saturation: no call was answered: {statuses}"))
    return pace


def _run_steps(plan: Plan, rates: list[float]) -> list[Step]:
    """Run one step after the other; one that was stopped (Ctrl-C) is the last."""
    steps: list[Step] = []
    for number, rate_per_s in enumerate(rates, 1):
        _say(f"{rate_per_s:,.6g} calls/s: {plan.warmup_s:g} s of warm-up, then {plan.duration_s:g} s …")
        steps.append(Step(rate_per_s, run_step(plan, number, rate_per_s)))
        if steps[-1].measured.stopped_s is not None:
            break
    return steps


def _show(summary: Mapping[str, Any], html: Path | None, *, as_json: bool) -> None:
    if as_json:
        print_json(summary)
    else:
        print_summary(summary, console())
    errors = error_console()
    for note in summary["notes"]:
        errors.print(f"oversight: note: {note}")
    for problem in summary["problems"]:
        errors.print(f"oversight: {problem}", style="bold red")
    if html:
        html.write_text(render_page(summary), encoding="utf-8")


def _say(text: str) -> None:
    """Say what is going on, to somebody who sits and waits for it."""
    errors = error_console()
    if errors.is_terminal:
        errors.print(f"oversight: {text}")
