"""`oversight status`: what a server of this machine is doing, from the files it leaves in its data folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.text import Text

from oversight.app.status import Status, read_status
from oversight.cli.options import AsJson, DataDir
from oversight.cli.output import console, print_json
from oversight.cli.server_settings import read_settings
from oversight.rules.wording import short_commit

__all__ = ["run"]

_COLOURS = {"serving": "green", "impaired": "yellow", "stopped": "red"}


def run(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show what a server here is doing and whether anything is wrong. Exit code 1 where something is."""
    found = read_status(data_dir or _data_dir())
    if as_json:
        print_json(asdict(found))
    else:
        _print_status(found, console())
    raise typer.Exit(0 if found.state == "serving" else 1)


def _data_dir() -> Path:
    return read_settings({}).data_dir


def _print_status(found: Status, console: Console) -> None:
    console.print(Text.assemble((found.state.upper(), f"bold {_COLOURS[found.state]}"), f"  {found.data_dir}"))
    for alarm in found.alarms:
        console.print(Text(f"! {alarm}", style="red"))
    for problem in found.problems:
        console.print(Text(f"  {problem}", style="red"))
    for warning in found.warnings:
        console.print(Text(f"  warning: {warning}", style="yellow"))
    if not found.processes:
        console.print("no server has left anything here; start one with `oversight serve`")
        return
    for name, text in _facts(found):
        console.print(Text(f"{name:<12}{text}"))


def _facts(found: Status) -> Iterator[tuple[str, str]]:
    if found.supervisor:
        yield "listening", found.supervisor.listen
        yield "admin port", found.supervisor.admin_listen
        standby = " and one on standby" if found.supervisor.standby else ""
        yield "workers", f"{found.supervisor.workers}{standby}"
        restarts = ", ".join(f"{name} {count}" for name, count in found.supervisor.restarts.items() if count)
        rolling = "; a rolling restart is under way" if found.supervisor.rolling else ""
        yield "restarts", f"{restarts or 'none'}{rolling}"
    for process in found.processes:
        life = "runs" if process.alive else "is not running"
        said = f", heard of {process.silent_s:.0f} s ago" if process.silent_s is not None else ""
        yield process.name, f"pid {process.pid} {life}{said}"
    yield "policy", _policy(found)
    yield "thresholds", _thresholds(found)
    for value in found.values:
        yield "", f"{value['name']} {value['value']:g} in {value['policy']}{_scope(value)}{_until(value)}"
    yield "stops", f"{len(found.stops)} engaged, {found.local_stops} more on this machine alone"
    for stop in found.stops:
        scope = _scope(stop) or " everything"
        yield "", f"STOPPED{scope} by {stop['author']} at {_time(stop['at_us'])}: {stop['justification']}"
    yield "decisions", f"{found.decisions:,} since the workers started; {found.outcomes:,} outcomes"
    oldest = f", the oldest {found.oldest_age_s:.0f} s old" if found.oldest_age_s is not None else ""
    yield "pending", f"{found.pending_records:,} records, {found.pending_bytes:,} bytes not in the store yet{oldest}"
    if found.waiting_outcomes or found.expired_outcomes:
        expired = f", {found.expired_outcomes:,} for longer than records are kept" if found.expired_outcomes else ""
        yield "outcomes", f"{found.waiting_outcomes:,} wait for a decision that is not in the store{expired}"
    yield "lost", f"{found.lost:,} records"


def _thresholds(found: Status) -> str:
    revision = "differs between workers" if found.threshold_revision is None else f"revision {found.threshold_revision}"
    age = f", confirmed {found.threshold_age_s:.0f} s ago" if found.threshold_age_s is not None else ""
    return f"{revision}, {len(found.values)} live{age}"


def _scope(one: Mapping[str, Any]) -> str:
    named = [f" {name} {one[name]}" for name in ("intent", "department", "currency") if one.get(name) is not None]
    return "".join(named)


def _until(value: Mapping[str, Any]) -> str:
    return "" if value["expires_at_us"] is None else f" until {_time(value['expires_at_us'])}"


def _time(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _policy(found: Status) -> str:
    if not found.agreed:
        return "differs between workers"
    commit = f", commit {short_commit(found.commit)}" if found.commit else ""
    age = f", confirmed {found.policy_age_s:.0f} s ago" if found.policy_age_s is not None else ""
    return f"digest {found.digest[:12] or 'none'}{commit}{age}{' (last good one)' if found.last_good else ''}"
