"""`oversight export`: corrections to train on, or decisions, as a file that is whole or not there."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from oversight.cli.connection import open_admin
from oversight.cli.export_rows import (
    CORRECTION_COLUMNS,
    DECISION_COLUMNS,
    context_of,
    correction_row,
    decision_row,
)
from oversight.cli.insight_options import FILTERS, SlowTimeoutS, filters_of
from oversight.cli.options import Admin, AsJson, Insecure, takes_fields
from oversight.cli.output import console, print_json
from oversight.cli.paging import Pages
from oversight.cli.row_writers import Column, check_out, writing
from oversight.feedback.corrections import learning_order

__all__ = ["app"]

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_ADMIN = "127.0.0.1:50052"
Out = Annotated[Path, typer.Option("--out", metavar="FILE", help="FILE.jsonl or FILE.parquet.")]
Limit = Annotated[
    int | None, typer.Option("--limit", min=1, metavar="N", help="Most rows; else all.", show_default=False)
]

# Those of ListRecords: it knows no model version, and without --since it begins at the beginning.
_RECORD_FILTERS = tuple(
    replace(field, meaning=field.meaning.partition(";")[0]) for field in FILTERS if field.name != "model_version"
)


@app.callback(invoke_without_command=True)
def _export(context: typer.Context) -> None:
    """Write corrections or decisions to a file."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("corrections", short_help="What people corrected, to train on.")
@takes_fields(FILTERS)
def export_corrections(
    given: Mapping[str, object],
    out: Out,
    everything: Annotated[bool, typer.Option("--all", help="Also those whose context is nearly another's.")] = False,
    limit: Limit = None,
    admin: Admin = _ADMIN,
    timeout_s: SlowTimeoutS = 30.0,
    insecure: Insecure = False,
    as_json: AsJson = False,
) -> None:
    """
    Write what people corrected: the decision's context, the verdict, where the corrected text is, and a weight.

    Those of which the AI was least sure come first, one of each context that is nearly another's. `propensity_weight`
    says how many decisions like it stand behind a row. Nothing personal is written: a file is out of reach of an
    erasure.
    """
    check_out(out)
    with open_admin(admin, timeout_s, insecure=insecure) as client, tempfile.TemporaryFile("w+b") as spool:
        pages = Pages(client.list_corrections, lambda page: page.corrections, filters_of(given))
        rows = _in_learning_order(map(correction_row, pages), spool, every=everything)
        count = _write(out, CORRECTION_COLUMNS, rows, limit)
    _say(out, count, "corrections", as_json=as_json)


@app.command("decisions", short_help="What is on record, newest first.")
@takes_fields(_RECORD_FILTERS)
def export_decisions(
    given: Mapping[str, object],
    out: Out,
    limit: Limit = None,
    admin: Admin = _ADMIN,
    timeout_s: SlowTimeoutS = 30.0,
    insecure: Insecure = False,
    as_json: AsJson = False,
) -> None:
    """
    Write decisions on record with their outcomes, newest first.

    What was personal is in it unless it is erased: the file is out of reach of an erasure, and yours to look after.
    """
    check_out(out)
    with open_admin(admin, timeout_s, insecure=insecure) as client:
        pages = Pages(client.list_records, lambda page: page.records, filters_of(given), limit)
        count = _write(out, DECISION_COLUMNS, map(decision_row, pages), limit)
    _say(out, count, "decisions", as_json=as_json)


def _in_learning_order(rows: Iterable[dict[str, Any]], spool: Any, *, every: bool) -> Iterator[dict[str, Any]]:
    """Yield *rows* least sure first; they wait in the file *spool*, so that memory holds their contexts alone."""
    places, contexts = {}, []
    for row in rows:
        context = context_of(row)
        if context.decision_id in places:
            # A decision whose outcomes change while pages are read may come twice.
            continue
        contexts.append(context)
        places[context.decision_id] = spool.tell()
        spool.write(json.dumps(row).encode() + b"\n")
    if every:
        # With its id in it no context is another's.
        contexts = [one._replace(context={**one.context, "decision_id": one.decision_id}) for one in contexts]
    for context in learning_order(contexts):
        spool.seek(places[context.decision_id])
        yield json.loads(spool.readline())


def _write(out: Path, columns: Mapping[str, Column], rows: Iterable[dict[str, Any]], limit: int | None) -> int:
    with writing(out, columns) as writer:
        for row in rows:
            if writer.rows == limit:
                break
            writer.write(row)
    return writer.rows


def _say(out: Path, count: int, what: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"file": str(out), "rows": count})
    else:
        console().print(f"{count:,} {what} in {out}", markup=False, soft_wrap=True)
