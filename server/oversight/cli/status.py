"""`oversight status`: what is in force on a server, since when, whether anything is wrong, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from oversight.app.clock import now_us
from oversight.app.server_status import server_status
from oversight.app.status import read_status
from oversight.cli.options import AsJson, DataDir, Insecure, TimeoutS
from oversight.cli.output import console, print_json
from oversight.cli.server_settings import read_settings
from oversight.errors import UsageError
from oversight.rules.wording import short_commit
from oversight.server_status import ServerStatus

if TYPE_CHECKING:
    from oversight.cli.credentials import Credentials
    from oversight.settings import Settings

__all__ = ["run"]

_COLOURS = {"serving": "green", "impaired": "yellow", "stopped": "red"}
_OLD_COUNT_S = 5.0

AdminInstead = Annotated[
    str | None,
    typer.Option("--admin", metavar="HOST:PORT", help="Ask the server on this admin port rather than its folder."),
]


def run(
    data_dir: DataDir = None,
    admin: AdminInstead = None,
    timeout_s: TimeoutS = 5.0,
    insecure: Insecure = False,
    as_json: AsJson = False,
    only_probe: Annotated[
        bool, typer.Option("--probe", help="Only ask whether it serves: the health check of a container.")
    ] = False,
) -> None:
    """
    Show what is in force on a server, since when, whether anything is wrong, and what to do about it.

    Reads the data folder of a server on this machine, also when no process answers; with --admin it asks a server
    anywhere. With --probe it asks the data port of the server on this machine, with or without TLS, and shows nothing
    else. Exit code 1 where something is wrong.
    """
    if admin is not None and (data_dir is not None or only_probe):
        raise UsageError("--admin asks a server anywhere, --data-dir and --probe the one here: give it alone, or not")
    if only_probe:
        _probe(data_dir, timeout_s, as_json=as_json)
        return
    if admin is not None:
        found, shown = _ask(admin, timeout_s, insecure=insecure)
    else:
        read = read_status(data_dir or read_settings({}).data_dir)
        found, shown = server_status(read), asdict(read)
    if as_json:
        print_json(shown)
    else:
        _print_status(found, admin or str(shown["data_dir"]), console())
    raise typer.Exit(0 if found.state == "serving" else 1)


def _probe(data_dir: Path | None, timeout_s: float, *, as_json: bool) -> None:
    # gRPC must not slow a look into files, nor keep it from working.
    from oversight.cli.credentials import given_credentials
    from oversight.cli.probe import probe

    settings = read_settings({} if data_dir is None else {"data_dir": data_dir})
    address = probe(settings.data_dir, _own_certificate(given_credentials(), settings), timeout_s)
    if as_json:
        print_json({"state": "serving", "listen": address})
    else:
        console().print(Text.assemble(("SERVING", "bold green"), f"  {address}"))


def _own_certificate(shown: Credentials, settings: Settings) -> tuple[Path, Path] | None:
    """Return certificate and key to show: those given, else the server's where it wants to see some."""
    if bool(shown.cert_file) != bool(shown.key_file):
        raise UsageError("--cert-file and --key-file: expected both or neither")
    if shown.cert_file and shown.key_file:
        return shown.cert_file, shown.key_file
    if settings.tls_client_ca_file and settings.tls_cert_file and settings.tls_key_file:
        return settings.tls_cert_file, settings.tls_key_file
    return None


def _ask(admin: str, timeout_s: float, *, insecure: bool) -> tuple[ServerStatus, dict[str, object]]:
    # The client and gRPC must not slow a look into files, nor keep it from working.
    from oversight.cli.connection import open_admin
    from oversight.cli.server_answers import status_of
    from oversight_client import value_to_dict

    with open_admin(admin, timeout_s, insecure=insecure) as client:
        answer = client.get_status()
    return status_of(answer), value_to_dict(answer)


def _print_status(found: ServerStatus, where: str, console: Console) -> None:
    console.print(Text.assemble((found.state.upper(), f"bold {_COLOURS[found.state]}"), f"  {where}"))
    for alarm in found.alarms:
        console.print(Text(f"! {alarm}", style="red"))
    for sentence in found.advice:
        console.print(Text(f"> {sentence}"))
    for problem in found.problems:
        console.print(Text(f"  {problem}", style="red"))
    for warning in found.warnings:
        console.print(Text(f"  warning: {warning}", style="yellow"))
    if not found.processes:
        console.print("no server has left anything here; start one with `oversight serve`")
        return
    for name, text in _facts(found):
        console.print(Text(f"{name:<12}{text}"))


def _facts(found: ServerStatus) -> Iterator[tuple[str, str]]:
    if found.started_us is not None:
        yield "listening", found.listen
        yield "admin port", found.admin_listen
        yield "started", _moment(found.started_us)
        yield "workers", f"{found.workers}{' and one on standby' if found.standby else ''}"
        restarts = ", ".join(f"{name} {count}" for name, count in found.restarts.items() if count)
        rolling = "; a rolling restart is under way" if found.rolling else ""
        yield "restarts", f"{restarts or 'none'}{rolling}"
    for process in found.processes:
        life = "runs" if process.alive else "is not running"
        said = f", heard of {process.silent_s:.0f} s ago" if process.silent_s is not None else ""
        yield process.name, f"pid {process.pid} {life}{said}"
    yield "policy", _policy(found)
    yield "thresholds", _thresholds(found)
    for value in found.live_values:
        yield "", value
    yield "stops", f"{len(found.stops)} engaged, {found.local_stops} more on this machine alone"
    for stop in found.stops:
        yield "", f"STOPPED {stop}"
    if found.policies:
        yield "policies", ", ".join(f"{one.name} {one.version}" for one in found.policies)
    if found.since_us is not None and found.agreed:
        yield "in force", f"since {_moment(found.since_us)}"
    yield "decisions", f"{found.decisions:,} since the workers started; {found.outcomes:,} outcomes"
    yield "pending", _pending(found)
    if found.waiting_outcomes or found.expired_outcomes:
        expired = f", {found.expired_outcomes:,} for longer than records are kept" if found.expired_outcomes else ""
        yield "outcomes", f"{found.waiting_outcomes:,} wait for a decision that is not in the store{expired}"
    if found.evidence_through_us is not None:
        yield "evidence", f"of records up to {_moment(found.evidence_through_us)}"
    yield "lost", f"{found.lost:,} records"


def _pending(found: ServerStatus) -> str:
    if found.pending_age_s is None:
        return "not counted yet"
    oldest = f", the oldest {found.oldest_age_s:.0f} s old" if found.oldest_age_s is not None else ""
    # A keeper that gets no CPU, or waits for the store, has not looked again since.
    counted = f" (counted {found.pending_age_s:.0f} s ago)" if found.pending_age_s > _OLD_COUNT_S else ""
    return f"{found.pending:,} records, {found.pending_bytes:,} bytes not in the store yet{oldest}{counted}"


def _thresholds(found: ServerStatus) -> str:
    revision = "differs between workers" if found.threshold_revision is None else f"revision {found.threshold_revision}"
    age = ", not confirmed" if found.threshold_age_s is None else f", confirmed {found.threshold_age_s:.0f} s ago"
    return f"{revision}, {len(found.live_values)} live{age}"


def _policy(found: ServerStatus) -> str:
    if not found.agreed:
        return "differs between workers"
    commit = f", commit {short_commit(found.commit)}" if found.commit else ""
    age_s = None if found.confirmed_us is None else max(0.0, (now_us() - found.confirmed_us) / 1e6)
    age = f", confirmed {age_s:.0f} s ago" if age_s is not None else ""
    return f"digest {found.digest[:12] or 'none'}{commit}{age}{' (last good one)' if found.last_good else ''}"


def _moment(at_us: int) -> str:
    """Return a time with how long ago it was: `2026-06-01T09:30:00Z (12 min ago)`."""
    age_s = max(0, now_us() - at_us) // 1_000_000
    for unit, seconds in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if age_s >= 2 * seconds:
            ago = f"{age_s // seconds} {unit} ago"
            break
    else:
        ago = f"{age_s} s ago"
    return f"{datetime.fromtimestamp(at_us // 1_000_000, UTC):%Y-%m-%dT%H:%M:%SZ} ({ago})"
