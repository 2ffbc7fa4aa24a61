"""
Stops engaged on this machine alone, as files of the data folder: with no server, no store and no policy that compiles.

Workers heed them within a tenth of a second. The controller records them when the store answers, and then removes the
files; until then they hold for this replica only.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from oversight.app.handover import write_file
from oversight.engine.request import Stop

__all__ = ["EVERYTHING", "LocalStop", "LocalStops"]

EVERYTHING = Stop()
"""What a file that cannot be read stands for: somebody wanted something to stop."""

_LOCK = ".lock"


class LocalStop(NamedTuple):
    """
    One stop as its file has it: who engaged it, when and why and, once it is released here, the same of that.

    Times are in microseconds since 1970 (UTC).
    """

    stop: Stop
    author: str
    at_us: int
    justification: str
    released_at_us: int | None = None
    released_by: str = ""
    release_justification: str = ""


class LocalStops:
    """DATA_DIR/stops: one file a stop, written whole; also by commands while the server runs."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._folder = data_dir / "stops"

    def engaged(self) -> tuple[Stop, ...]:
        """Return what is stopped here, also by a file that cannot be read. Raises OSError for the folder alone."""
        return tuple(
            EVERYTHING if found is None else found.stop
            for found in self.read().values()
            if found is None or found.released_at_us is None
        )

    def read(self) -> dict[str, LocalStop | None]:
        """Return the files by id, None for one that cannot be read. Raises OSError for the folder alone."""
        try:
            names = sorted(path.name for path in self._folder.iterdir() if path.suffix == ".json")
        except FileNotFoundError:
            return {}
        found: dict[str, LocalStop | None] = {}
        for name in names:
            stop_id = name.removesuffix(".json")
            try:
                found[stop_id] = _parse((self._folder / name).read_bytes())
            except FileNotFoundError:
                continue  # recorded meanwhile
            except (OSError, ValueError, KeyError, TypeError):
                found[stop_id] = None
        return found

    def unreadable(self) -> tuple[Path, ...]:
        """Return the files that cannot be read, each of which stops everything. Raises OSError for the folder alone."""
        return tuple(self._path(stop_id) for stop_id, found in self.read().items() if found is None)

    def engage(self, stop: LocalStop) -> str:
        """Write *stop* so that it outlives a power loss; return its id. Raises OSError."""
        self._make_folder()
        stop_id = secrets.token_hex(8)
        self._write(stop_id, stop)
        return stop_id

    def release(self, stop: Stop, *, by: str, at_us: int, justification: str) -> int:
        """Release *stop* where it is engaged here; return how often it was. Raises OSError."""
        if not self._folder.is_dir():
            return 0
        released = 0
        with self._locked():
            for stop_id, found in self.read().items():
                if found is not None and found.stop == stop and found.released_at_us is None:
                    self._write(
                        stop_id,
                        found._replace(released_at_us=at_us, released_by=by, release_justification=justification),
                    )
                    released += 1
        return released

    def remove(self, stop_id: str, recorded: LocalStop) -> None:
        """Remove the file, unless it says more by now than what was *recorded*. Raises OSError."""
        with self._locked():
            if self.read().get(stop_id) == recorded:
                self._path(stop_id).unlink(missing_ok=True)

    def _write(self, stop_id: str, stop: LocalStop) -> None:
        path = self._path(stop_id)
        write_file(path, json.dumps({**stop._asdict(), "stop": stop.stop._asdict()}).encode(), durable=True)
        self._give_to_server(path)

    def _path(self, stop_id: str) -> Path:
        return self._folder / f"{stop_id}.json"

    def _make_folder(self) -> None:
        if not self._folder.is_dir():
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._give_to_server(self._folder)

    def _give_to_server(self, path: Path) -> None:
        # Whoever presses the button as root must not keep the server from seeing which.
        if os.geteuid() == 0:
            owner = self._data_dir.stat()
            os.chown(path, owner.st_uid, owner.st_gid)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        path = self._folder / _LOCK
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._give_to_server(path)
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        finally:
            os.close(file)


def _parse(content: bytes) -> LocalStop:
    # A store takes UTF-8 alone, and no stop may stay off the record for a letter of its reason.
    readable = json.dumps(json.loads(content), ensure_ascii=False).encode("utf-8", "replace")
    fields = json.loads(readable)
    return LocalStop(**{**fields, "stop": Stop(**fields["stop"])})
