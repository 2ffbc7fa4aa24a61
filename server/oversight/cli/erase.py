"""`oversight erase`: a person is forgotten, the records of what was decided stay."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
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
from oversight.errors import UsageError
from oversight.journal.leftovers import blank_torn, find_segments
from oversight.settings import Settings

__all__ = ["run"]

_LOOKS_AGAIN_S = 0.2


def run(
    subject: Annotated[str, typer.Argument(help="The person's subject_ref, as callers send it.")],
    tenant: Annotated[
        str | None, typer.Option("--tenant", metavar="TEXT", help="Only of this tenant_id; else of every one.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; it cannot be undone.")] = False,
    wait_s: Annotated[
        float, typer.Option("--wait", metavar="SECONDS", help="Longest wait until journals hold nothing more.")
    ] = 0.0,
    data_dir: DataDir = None,
    store: StoreUrl = None,
    store_password_file: PasswordFile = None,
    id_key_file: IdKeyFile = None,
    as_json: AsJson = False,
) -> None:
    """
    Erase the personal parts of every decision about a person: request_id, conversation, subject and attributes.

    Records that are still on their way to the store are stored without theirs. Exit code 1 while journals of this data
    folder still hold some; then run it again. Works while servers run.
    """
    from oversight.app.clock import now_us
    from oversight.storage.erasure import Erasure

    if not subject:
        raise UsageError("SUBJECT is empty: a subject_ref is needed")
    given = {"data_dir": data_dir, "store": store, "store_password_file": store_password_file}
    settings = read_given(**given, id_key_file=id_key_file)
    key = needed_id_key(settings)
    database = open_existing(settings, read_only=False)
    if not yes:
        _ask(subject, tenant, place_of(settings))
    erased = Erasure(database.engine, id_key=key, clock_us=now_us).erase_subject(subject, tenant)
    left, blanked = _see_to_journals(settings.data_dir / "journal", subject, wait_s)
    found = {
        "store": place_of(settings),
        "parts": erased.parts,
        "pending_segments": [str(path) for path in left],
        "blanked_files": [str(path) for path in blanked],
    }
    if as_json:
        print_json(found)
    else:
        _print(found, settings, console())
    raise typer.Exit(1 if left else 0)


def _ask(subject: str, tenant: str | None, place: str) -> None:
    if not sys.stdin.isatty():
        raise UsageError("--yes is needed where nobody can be asked: what is erased cannot be brought back")
    whose = f"of tenant {tenant}" if tenant is not None else "of every tenant"
    if not typer.confirm(f"Erase {subject!r} {whose} from {place}? It cannot be undone."):
        raise typer.Exit(1)


def _see_to_journals(root: Path, subject: str, wait_s: float) -> tuple[list[Path], list[Path]]:
    """Return the segments that still hold records of *subject* after *wait_s*, and files where they were blanked."""
    before = find_segments(root, subject)
    end_s = time.monotonic() + wait_s
    while (left := [path for path in before if path.exists()]) and time.monotonic() < end_s:
        time.sleep(_LOOKS_AGAIN_S)
    return left, blank_torn(root, subject)


def _print(found: dict[str, Any], settings: Settings, console: Console) -> None:
    console.print(Text(f"{found['parts']:,} personal parts erased from {found['store']}"))
    for path in found["blanked_files"]:
        console.print(Text(f"blanked what belonged to the subject in {path}"))
    if found["pending_segments"]:
        console.print(
            Text(
                f"not done yet: {len(found['pending_segments'])} journal files still hold records of the subject. The "
                "drain stores them without their personal part and removes the files, at the latest "
                f"{settings.journal_segment_age_s:.0f} s after their last record (setting journal_segment_age_s). Run "
                "the same command again then, or with --wait.",
                style="yellow",
            )
        )
    if settings.store:
        console.print(
            Text("journals of replicas elsewhere cannot be seen from here: run it with the data folder of each")
        )
