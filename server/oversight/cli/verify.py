"""`oversight verify`: whether the records are those that were made, all of them, in their order."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from oversight.cli.options import AsJson, DataDir
from oversight.cli.output import console, error_console, print_json
from oversight.cli.store_options import IdKeyFile, PasswordFile, StoreUrl, open_existing, place_of, read_given
from oversight.errors import UsageError
from oversight.settings import Settings

if TYPE_CHECKING:
    from oversight.storage.findings import Report

__all__ = ["run"]

_Known = dict[tuple[str, str], tuple[int, str]]


def run(
    data_dir: DataDir = None,
    store: StoreUrl = None,
    store_password_file: PasswordFile = None,
    id_key_file: IdKeyFile = None,
    against: Annotated[
        Path | None,
        typer.Option("--against", metavar="FILE", help="What an earlier `verify --json` printed: it must still hold."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """
    Compute the hash chains of all records, changes and stops again and name what was removed, altered or reordered.

    Works while servers run, in constant memory. Exit code 1 where anything is wrong. Keep what `--json` prints
    elsewhere: with it the next run also finds a chain that somebody has written anew from some record on.
    """
    from oversight.app.keys import load_id_key
    from oversight.storage.chain_pages import CHAINS, RECORD_CHAINS
    from oversight.storage.checkpoints import CheckpointKey
    from oversight.storage.verification import verify_store

    given = {"data_dir": data_dir, "store": store, "store_password_file": store_password_file}
    settings = read_given(**given, id_key_file=id_key_file)
    id_key = load_id_key(settings)
    database = open_existing(settings, read_only=True)
    known = _read_known(against) if against is not None else None
    began_s = time.monotonic()
    with _progress() as advance:
        key = None if id_key is None else CheckpointKey(id_key)
        chains = CHAINS if settings.store else RECORD_CHAINS
        report = verify_store(database.engine, key=key, known=known, progress=advance, chains=chains)
    if not settings.store:
        report.include(_verify_control(settings, known))
    found = _summary(place_of(settings), report, time.monotonic() - began_s)
    if as_json:
        print_json(found)
    else:
        _print(found, console())
    raise typer.Exit(0 if report.whole else 1)


def _verify_control(settings: Settings, known: _Known | None) -> Report:
    """Verify the changes and stops of a data folder, which are in a file of their own."""
    from oversight.app.store import open_control_database
    from oversight.storage.chain_pages import CHAINS, RECORD_CHAINS
    from oversight.storage.findings import Report
    from oversight.storage.verification import report_missing, verify_store

    chains = [chain for chain in CHAINS if chain not in RECORD_CHAINS]
    database = open_control_database(settings, read_only=True)
    if database.is_there():
        return verify_store(database.engine, key=None, known=known, chains=chains)
    report = Report()
    report_missing(report, known or {}, chains)
    return report


def _read_known(path: Path) -> _Known:
    try:
        chains = json.loads(path.read_text(encoding="utf-8"))["chains"]
        return {(one["chain"], one["writer"]): (int(one["last"]), str(one["last_hash"])) for one in chains}
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"--against {path}: this is not what `oversight verify --json` prints") from error


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None] | None]:
    if not sys.stderr.isatty():
        yield None
        return
    columns = (TextColumn("verifying"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=error_console(), transient=True) as shown:
        task = shown.add_task("", total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)


def _summary(place: str, report: Report, seconds: float) -> dict[str, Any]:
    records = sum(chain.records for chain in report.chains)
    return {
        "store": place,
        "whole": report.whole,
        "records": records,
        "erased": sum(chain.erased for chain in report.chains),
        "seconds": round(seconds, 3),
        "records_per_s": round(records / seconds) if seconds else 0,
        "counts": report.counts,
        "findings": [one._asdict() for one in report.findings],
        "chains": [one._asdict() for one in report.chains],
    }


def _print(found: dict[str, Any], console: Console) -> None:
    if found["chains"]:
        console.print(_chains(found["chains"]))
    if found["findings"]:
        console.print(_findings(found["findings"]))
        more = sum(found["counts"].values()) - len(found["findings"])
        if more:
            console.print(Text(f"… and {more:,} more"))
    word, style = ("WHOLE", "bold green") if found["whole"] else ("NOT WHOLE", "bold red")
    counts = "".join(f", {count:,} {kind.replace('_', ' ')}" for kind, count in found["counts"].items())
    read = f"  {found['records']:,} records read in {found['seconds']:.1f} s{counts}"
    console.print(Text.assemble((word, style), read))
    if any(one["checkpoint"] == "unchecked" for one in found["chains"]):
        console.print(Text("the signatures of checkpoints were not checked: give --id-key-file", style="yellow"))


def _chains(chains: list[dict[str, Any]]) -> Table:
    table = Table("Chain", "Writer", "Records", "From", "To", "Erased", "Checkpoint")
    for one in chains:
        begin = one["start"] + 1
        numbers = (f"{one['records']:,}", f"{begin:,}", f"{one['last']:,}", f"{one['erased']:,}")
        table.add_row(*map(Text, (one["chain"], one["writer"], *numbers, one["checkpoint"])))
    return table


def _findings(findings: list[dict[str, Any]]) -> Table:
    table = Table("Finding", "Chain", "Writer", "Numbers", "Record", "What")
    for one in findings:
        numbers = f"{one['first']:,}" if one["first"] == one["last"] else f"{one['first']:,} to {one['last']:,}"
        kind = Text(one["kind"].replace("_", " "), style="red")
        table.add_row(kind, *map(Text, (one["chain"], one["writer"], numbers, "\n".join(one["ids"]), one["text"])))
    return table
