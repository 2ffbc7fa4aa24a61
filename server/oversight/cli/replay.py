"""`oversight replay`: decide every message of a file, record what is known of each, and sum up."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskProgressColumn, TimeRemainingColumn

from oversight.cli.connection import open_client
from oversight.cli.mapping import ColumnMap, parse_maps, takes
from oversight.cli.options import AsJson, Insecure, Target, Tenant, TimeoutS
from oversight.cli.output import console, error_console, print_json
from oversight.cli.playing import Played, Player
from oversight.cli.row_files import open_rows
from oversight.cli.rows import Rows
from oversight.cli.tables import print_replay
from oversight.cli.tally import Tally
from oversight_client.batches import MAX_BATCH

__all__ = ["RunningCount", "run"]

_NAMED_ROWS = 20
"""Rows of each kind that are named one by one; a file of another format would otherwise fill the screen."""


def run(
    file: Annotated[Path, typer.Argument(help="Messages: JSON Lines or CSV, either may be gzipped (.gz), or Parquet.")],
    maps: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="FIELD=COLUMN", help="Read a field from a column of another name; repeatable."),
    ] = None,
    batch: Annotated[int, typer.Option(min=1, max=MAX_BATCH, metavar="N", help="Messages of one call.")] = 100,
    concurrency: Annotated[int, typer.Option(min=1, max=256, help="Calls at the same time.")] = 4,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="Only the first N rows.")] = None,
    tenant: Tenant = "",
    target: Target = "127.0.0.1:50051",
    timeout_s: TimeoutS = 5.0,
    insecure: Insecure = False,
    as_json: AsJson = False,
) -> None:
    """
    Decide every message of a file, record the outcome where a row has one, and sum up.

    Columns named like request or outcome fields are taken as they are, and the columns of a set of labelled intents
    (message_id, model_id, predicted_intent, confidence, confidence_margin, sentiment, correct) too. Others are ignored,
    or read with --map. Exit code 1 where a row failed or none was decided.
    """
    tally, errors, chosen = Tally(), error_console(), parse_maps(maps or ())
    with open_rows(file, takes(chosen)) as rows, open_client(target, timeout_s, insecure=insecure) as client:
        columns = ColumnMap(chosen, tenant=tenant, columns=rows.columns, typed=rows.typed)
        player = Player(client, columns, concurrency=concurrency, batch=batch)
        count = RunningCount(tally, errors, rows.unit)
        began = time.monotonic()
        # Closed before the client is: a run that is cut short lets the calls under way end first.
        with closing(player.play(islice(rows, limit))) as played:
            _show_progress(rows, count.add_all(played, most_unanswered=2 * concurrency * batch), errors)
        seconds = time.monotonic() - began
    count.name_rest()
    _warn(file, tally, columns, errors)
    summary = tally.as_dict(seconds)
    if as_json:
        print_json(summary)
    else:
        print_replay(summary, console())
    raise typer.Exit(0 if tally.decided and not tally.failed else 1)


def _warn(file: Path, tally: Tally, columns: ColumnMap, errors: Console) -> None:
    for column in columns.unseen:
        errors.print(f"oversight: no row had the column {column!r} of --map")
    if not tally.decided:
        errors.print(f"oversight: {file}: no message was decided")


class RunningCount:
    """Adds up what was played, and names the rows that failed or repeat another."""

    def __init__(self, tally: Tally, errors: Console, unit: str) -> None:
        """Add to *tally*, and name rows on *errors* by their number, which counts *unit*s."""
        self._tally = tally
        self._errors = errors
        self._unit = unit
        self._unanswered = 0

    def add_all(self, played_rows: Iterator[Played], *, most_unanswered: int) -> Iterator[Played]:
        """Count each of *played_rows* and pass it on; stop after *most_unanswered* in a row without an answer."""
        for played in played_rows:
            self._add(played)
            yield played
            if self._unanswered >= most_unanswered:
                self._errors.print(f"oversight: {self._unanswered} rows in a row got no answer; the rest is left out")
                return

    def name_rest(self) -> None:
        """Say how many rows were not named."""
        for rows, what in ((self._tally.failed, "failed"), (self._tally.repeated, "are repeated")):
            if (rest := rows - _NAMED_ROWS) > 0:
                self._errors.print(f"… and {rest:,} more rows {what}")

    def _add(self, played: Played) -> None:
        if played.message and played.decision:
            department = str(played.message.request.get("department", ""))
            repeated = self._tally.add(played.decision, department, played.message.outcome)
            if repeated and self._tally.repeated <= _NAMED_ROWS:
                words = "repeated: another row is the same request; one label counts"
                self._errors.print(f"{self._unit} {played.line}: {words}")
        self._unanswered = self._unanswered + 1 if played.unanswered else 0
        if played.problem:
            self._tally.failed += 1
            if self._tally.failed <= _NAMED_ROWS:
                self._errors.print(f"{self._unit} {played.line}: {played.problem}")


def _show_progress(rows: Rows, played_rows: Iterator[Played], errors: Console) -> None:
    """Draw *played_rows*, as a share of the file's bytes, until there are no more; only on a terminal."""
    bar = (DownloadColumn(), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*bar, console=errors, transient=True, disable=not errors.is_terminal) as progress:
        task = progress.add_task("replay", total=rows.size_bytes)
        shown_bytes = 0
        for _ in played_rows:
            # Files are read in blocks of many rows, and drawing costs as much as a decision.
            if (position_bytes := rows.position_bytes) != shown_bytes:
                shown_bytes = position_bytes
                progress.update(task, completed=shown_bytes)
