"""Stops of one machine, from the command line: files of the data folder, whatever runs or does not."""

from __future__ import annotations

import os
import pwd
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from oversight.app.clock import now_us
from oversight.app.last_control import LastControlFile
from oversight.app.local_stops import LocalStop, LocalStops
from oversight.app.status import read_status
from oversight.engine.request import Stop
from oversight.errors import UsageError
from oversight.thresholds.stops import describe_stop

__all__ = ["engage_here", "list_here", "release_here"]


def engage_here(data_dir: Path, department: str, intent: str, justification: str) -> dict[str, Any]:
    """Engage a stop in *data_dir* and return what was done; raise `UsageError` where no server has its data there."""
    _check_folder(data_dir)
    stop = LocalStop(_stop(department, intent), _author(), now_us(), justification)
    stop_id = LocalStops(data_dir).engage(stop)
    runs = read_status(data_dir).state != "stopped"
    note = (
        "it holds on the workers of this replica within 0.2 s, and is put on record when the store answers"
        if runs
        else "no server runs here: it holds as soon as one does, and is put on record when the store answers"
    )
    return {"state": "LOCAL", **_plain(stop), "id": stop_id, "note": note}


def release_here(data_dir: Path, department: str, intent: str, justification: str) -> dict[str, Any]:
    """
    Release the stop in *data_dir* and return what was done, with a note of stops that hold all the same.

    Raises `UsageError` where it is not engaged on this machine alone.
    """
    _check_folder(data_dir)
    stops = LocalStops(data_dir)
    stop = _stop(department, intent)
    if not stops.release(stop, by=_author(), at_us=now_us(), justification=justification):
        torn = [str(path) for path in stops.unreadable()]
        unread = f"; {', '.join(torn)} cannot be read and stops everything: remove it by hand" if torn else ""
        raise UsageError(
            "this stop is not engaged on this machine alone: one that is on record is released through the admin port "
            f"(without --data-dir){unread}"
        )
    released = {"state": "LOCAL", "department": department, "intent": intent}
    last = LastControlFile(data_dir).read()
    if last is None or not last.state.stops:
        return released
    recorded = "; ".join(f"{describe_stop(one.stop)} (by {one.author})" for one in last.state.stops)
    note = f"on record and still engaged: {recorded}; released through the admin port (without --data-dir)"
    return {**released, "note": note}


def list_here(data_dir: Path) -> dict[str, Any]:
    """Return the stops of this machine, and those on record as they were last seen here."""
    _check_folder(data_dir)
    found: list[dict[str, Any]] = []
    for stop_id, one in LocalStops(data_dir).read().items():
        if one is None:
            torn = LocalStop(Stop(), "unknown", 0, f"{stop_id}.json cannot be read: it stops everything")
            found.append({"state": "LOCAL", **_plain(torn), "id": stop_id})
        elif one.released_at_us is None:
            found.append({"state": "LOCAL", **_plain(one), "id": stop_id})
    last = LastControlFile(data_dir).read()
    for each in last.state.stops if last is not None else ():
        recorded = LocalStop(each.stop, each.author, each.at_us, each.justification)
        found.append({"state": "RECORDED", **_plain(recorded), "revision": each.revision})
    return {"stops": found}


def _check_folder(data_dir: Path) -> None:
    if not (data_dir / "serve.lock").exists() and not (data_dir / "keys").is_dir():
        raise UsageError(
            f"no server has its data in {data_dir}: a stop there would stop nothing; name the folder of the server "
            "(setting data_dir)"
        )


def _stop(department: str, intent: str) -> Stop:
    return Stop(department or None, intent or None)


def _author() -> str:
    try:
        return f"local:{pwd.getpwuid(os.getuid()).pw_name}"
    except KeyError:
        return f"local:{os.getuid()}"


def _plain(stop: LocalStop) -> dict[str, Any]:
    return {
        "department": stop.stop.department or "",
        "intent": stop.stop.intent or "",
        "author": stop.author,
        "at": datetime.fromtimestamp(stop.at_us / 1e6, UTC).isoformat(),
        "justification": stop.justification,
    }
