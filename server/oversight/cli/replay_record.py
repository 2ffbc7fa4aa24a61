"""`oversight replay-record`: decide what is on record again, offline, and say whether it comes out the same."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from oversight.cli.fields import Field
from oversight.cli.options import AsJson, DataDir, takes_fields
from oversight.cli.output import console, print_json
from oversight.cli.store_options import PasswordFile, StoreUrl, read_given
from oversight.errors import UsageError
from oversight.settings import Settings

__all__ = ["run"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PAGE = 500
_SHOWN = 20
_COLOURS: Mapping[str, str] = {"EQUAL": "green", "ERASED": "yellow", "DIFFERENT": "red", "NOT_REPLAYABLE": "red"}

DecisionId = Annotated[str, typer.Argument(metavar="[DECISION_ID]", help="The decision; else --since or --all.")]
All = Annotated[bool, typer.Option("--all", help="Every decision in the store, newest first.")]
Limit = Annotated[int, typer.Option("--limit", min=1, metavar="N", help="Most decisions, with --since and --all.")]


@takes_fields((Field("since", "time", "every decision made at this time or later"),))
def run(
    given: Mapping[str, Any],
    decision_id: DecisionId = "",
    every: All = False,
    limit: Limit = 1_000_000_000,
    data_dir: DataDir = None,
    store: StoreUrl = None,
    store_password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """
    Decide a record again by its stored snapshot, at its time and with its facts; needs no server.

    Says EQUAL, DIFFERENT with each field, ERASED (what can still be compared is), or NOT_REPLAYABLE where the snapshot
    is missing. Exit code 1 where anything differs or cannot be replayed.
    """
    since = given.get("since")
    if sum((bool(decision_id), since is not None, every)) != 1:
        raise UsageError("name one decision, or say --since TIME, or --all")
    archive = _open(read_given(data_dir=data_dir, store=store, store_password_file=store_password_file))
    if decision_id:
        shown = archive.replay_one(decision_id)
        print_json(shown) if as_json else _print_one(shown, console())
        raise typer.Exit(0 if shown["holds"] else 1)
    counts = _Counts()
    for shown in archive.replay_since(None if since is None else (since - _EPOCH) // timedelta(microseconds=1), limit):
        counts.add(shown)
    print_json(counts.as_dict()) if as_json else _print_counts(counts, console())
    raise typer.Exit(0 if counts.holds else 1)


@dataclass(slots=True)
class _Counts:
    """How many came out how; `failed` are the first that do not hold."""

    verdicts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_COLOURS, 0))
    failures: int = 0
    failed: list[Mapping[str, Any]] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.failures

    def add(self, shown: Mapping[str, Any]) -> None:
        self.verdicts[shown["verdict"]] += 1
        if not shown["holds"]:
            self.failures += 1
            if len(self.failed) < _SHOWN:
                self.failed.append(shown)

    def as_dict(self) -> dict[str, Any]:
        counted = {name.lower(): count for name, count in self.verdicts.items()}
        return {"decisions": sum(counted.values()), **counted, "failures": self.failures, "failed": self.failed}


class _Archive:
    """The store and the journals of a data folder, read without a server."""

    def __init__(self, reading: Any, listing: Any, reader: Any, replay: Any) -> None:
        self._reading = reading
        self._listing = listing
        self._reader = reader
        self._replay = replay

    def replay_one(self, decision_id: str) -> dict[str, Any]:
        """Return the replay of a decision, also of one that is in a journal still."""
        return self._shown(self._reading.find(decision_id).stored)

    def replay_since(self, since_us: int | None, limit: int) -> Iterator[dict[str, Any]]:
        """Yield the replays of what is in the store, newest first."""
        from oversight.storage.records import RecordFilter  # as in `_open`

        after = None
        while limit:
            page = self._listing.list_decisions(RecordFilter(since_us=since_us), min(limit, _PAGE), after)
            yield from map(self._shown, page.decisions)
            limit -= len(page.decisions)
            after = page.following
            if after is None:
                return

    def _shown(self, stored: Any) -> dict[str, Any]:
        done = self._replay(stored, self._reader.get_snapshot(stored.decision.digest))
        return {
            "decision_id": done.decision_id,
            "verdict": done.verdict.value,
            "holds": done.holds,
            "differences": [
                {"field": one.field, "recorded": _plain(one.recorded), "replayed": _plain(one.replayed)}
                for one in done.differences
            ],
            "not_compared": list(done.not_compared),
            "note": done.note,
        }


def _open(settings: Settings) -> _Archive:
    # Help and wrong options must not wait for SQLAlchemy and the rules to load.
    from oversight.app.keys import load_keys
    from oversight.app.store import open_store_reader
    from oversight.app.store_reader import StoreReader
    from oversight.engine.request import REQUEST_FIELDS, Request
    from oversight.grpc_api.convert.frames import decode_frame
    from oversight.grpc_api.convert.requests import request_to_proto
    from oversight.journal.search import JournalSearch
    from oversight.reading import Reading
    from oversight.replay import replay
    from oversight.storage.listing import SqlListing

    keys = load_keys(settings)

    def canonical(request: Request) -> bytes:
        fields = zip(REQUEST_FIELDS, request, strict=False)
        return request_to_proto(fields).SerializeToString(deterministic=True)

    reader = StoreReader(settings)
    reading = Reading(
        reader=reader,
        journals=JournalSearch(settings.data_dir / "journal", partial(decode_frame, keys=keys)),
        drained_through_us=lambda: 0,
        clock_us=lambda: 1,
    )
    listing = SqlListing(open_store_reader(settings).reading)
    return _Archive(reading, listing, reader, lambda stored, text: replay(stored, text, keys, canonical))


def _plain(value: Any) -> Any:
    """Return *value* ready for JSON: enums by name, named tuples as objects."""
    if hasattr(value, "_asdict"):
        return {name: _plain(item) for name, item in value._asdict().items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value.name if hasattr(value, "name") else value


def _print_one(shown: Mapping[str, Any], console: Console) -> None:
    console.print(Text.assemble((shown["verdict"], f"bold {_COLOURS[shown['verdict']]}"), f"  {shown['decision_id']}"))
    if shown["note"]:
        console.print(Text(shown["note"]))
    if shown["not_compared"]:
        console.print(Text(f"not compared: {', '.join(shown['not_compared'])}"))
    if shown["differences"]:
        table = Table("Field", "On record", "Replayed")
        for one in shown["differences"]:
            table.add_row(Text(one["field"]), Text(str(one["recorded"])), Text(str(one["replayed"])))
        console.print(table)
    elif shown["holds"]:
        console.print("every field that was compared came out as it is on record")


def _print_counts(counts: _Counts, console: Console) -> None:
    found = counts.as_dict()
    parts = [f"{found[name.lower()]:,} {name}" for name in _COLOURS]
    console.print(Text(f"{found['decisions']:,} decisions: {', '.join(parts)}"))
    for shown in counts.failed:
        fields = ", ".join(one["field"] for one in shown["differences"])
        console.print(Text(f"  {shown['decision_id']} {shown['verdict']}: {fields or shown['note']}", style="red"))
    if counts.failures > len(counts.failed):
        sys.stderr.write(f"oversight: {counts.failures - len(counts.failed):,} more are not shown\n")
