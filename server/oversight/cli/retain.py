"""`oversight retain`: removes records that are older than they may be, or shows which those are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from oversight.cli.options import AsJson, DataDir
from oversight.cli.output import console, print_json
from oversight.cli.store_options import (
    IdKeyFile,
    PasswordFile,
    StoreUrl,
    needed_id_key,
    open_existing,
    place_of,
    read_given,
)
from oversight.settings import Settings

if TYPE_CHECKING:
    from oversight.storage.retention import Retention

__all__ = ["run"]


def run(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would go, and change nothing.")] = False,
    months: Annotated[
        int | None, typer.Option("--months", metavar="INTEGER", help="Else OVERSIGHT_RETENTION_MONTHS, else 13.")
    ] = None,
    data_dir: DataDir = None,
    store: StoreUrl = None,
    store_password_file: PasswordFile = None,
    id_key_file: IdKeyFile = None,
    as_json: AsJson = False,
) -> None:
    """
    Remove decisions, their personal parts and outcomes that are older than the retention.

    The server does this by itself once a day. Of each writer's chain the oldest records go, up to the first that is
    younger; a signed checkpoint says from where it can be verified. Works while servers run.
    """
    from oversight.app.clock import now_us
    from oversight.storage.checkpoints import CheckpointKey
    from oversight.storage.retention import Retention, months_before

    given = {"data_dir": data_dir, "store": store, "store_password_file": store_password_file}
    settings = read_given(**given, id_key_file=id_key_file, retention_months=months)
    key = CheckpointKey(needed_id_key(settings))
    retention = Retention(open_existing(settings, read_only=dry_run).engine, key, clock_us=now_us)
    before_us = months_before(now_us(), settings.retention_months)
    known = {
        "store": place_of(settings),
        "retention_months": settings.retention_months,
        "before": datetime.fromtimestamp(before_us // 1_000_000, UTC).isoformat(),
    }
    found = _plan(retention, before_us) if dry_run else _remove(retention, before_us, settings)
    if as_json:
        print_json(known | found)
    else:
        _print(known, found)


def _plan(retention: Retention, before_us: int) -> dict[str, Any]:
    counts: Counter[tuple[str, str, str]] = Counter()
    for some in retention.plan(before_us):
        counts += some
    rows = [
        {"chain": chain, "month": month, "tenant_id": tenant, "records": records}
        for (chain, month, tenant), records in sorted(counts.items())
    ]
    return {"would_remove": rows}


def _remove(retention: Retention, before_us: int, settings: Settings) -> dict[str, Any]:
    from oversight.app.handover import run_folder
    from oversight.app.reports import read_controller

    controller = read_controller(run_folder(settings.data_dir))
    totals: Counter[str] = Counter()
    for removed in retention.steps(before_us, [controller.digest] if controller else []):
        totals.update(removed._asdict())
    return {"removed": dict(totals)}


def _print(known: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    screen = console()
    aim = f"recorded before {known['before']} ({known['retention_months']} months)"
    if "removed" in found:
        gone = ", ".join(f"{count:,} {name}" for name, count in found["removed"].items() if count)
        screen.print(Text(f"removed {gone or 'nothing'}; {aim}"))
        return
    rows = found["would_remove"]
    if not rows:
        screen.print(Text(f"nothing would go; {aim}"))
        return
    table = Table("Records", "Month", "Tenant", "Would go")
    for row in rows:
        table.add_row(*map(Text, (row["chain"], row["month"], row["tenant_id"] or "-", f"{row['records']:,}")))
    screen.print(table)
    screen.print(Text(f"{sum(row['records'] for row in rows):,} records would go; {aim}"))
