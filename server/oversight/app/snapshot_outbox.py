"""Snapshots on their way into the store: files that wait until it takes them, also over a restart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from oversight.app.handover import write_file
from oversight.storage.protocols import SnapshotStore

__all__ = ["SnapshotOutbox"]

_WAITS = ".json"
_SENT = ".sent"


class SnapshotOutbox:
    """
    DATA_DIR/snapshots: one document per digest that decisions come from, or that the store does not have yet.

    Without it, decisions made under rules that were replaced while the store was down could never be replayed. Two
    processes share the folder without a lock, because each changes only what is its own: the controller puts
    `DIGEST.json` and removes `DIGEST.sent`, the keeper makes one of the other once the store has it. Those `in_force`,
    by digest, stay after they were sent, for readers while the store is down; only the controller knows them.
    """

    def __init__(self, data_dir: Path) -> None:
        self.in_force: frozenset[str] = frozenset()
        self._folder = data_dir / "snapshots"
        self._sends_again = True

    def put(self, digest: str, document: str) -> None:
        """Keep *document* until it has been sent. Raises OSError."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        write_file(self._folder / f"{digest}{_WAITS}", document.encode(), durable=True)

    @contextmanager
    def holding(self, digests: Iterable[str]) -> Iterator[frozenset[str]]:
        """
        Let *digests* be those in force from the end on, and give those that are not here; after an error none is.

        At the end what was sent and is not in force any more goes.
        """
        before, coming = self.in_force, frozenset(digests)
        # The others too, meanwhile: until the end it is not known which ones decide.
        self.in_force = before | coming
        try:
            yield coming - before
        except BaseException:
            self.in_force = before
            raise
        self.in_force = coming
        self._tidy()

    def digests(self) -> frozenset[str]:
        """Return what is here: all that is in force, all that is about to be, and maybe others."""
        # What is sent meanwhile has one name or the other; asked for in this order it is never missed.
        return frozenset(path.stem for suffix in (_WAITS, _SENT) for path in self._folder.glob(f"*{suffix}"))

    def get(self, digest: str) -> str | None:
        """Return the document that is here under *digest*, None where none is."""
        for suffix in (_WAITS, _SENT):
            with suppress(OSError):
                return (self._folder / f"{digest}{suffix}").read_text(encoding="utf-8")
        return None

    def send(self, store: SnapshotStore) -> int:
        """
        Put what waits into *store*; return how many. Raises `StoreUnavailableError`, and nothing is lost by it.

        The first time, what an earlier process sent goes again: the store may be another one since.
        """
        waiting = sorted(self._folder.glob(f"*{_WAITS}"))
        again = sorted(self._folder.glob(f"*{_SENT}")) if self._sends_again else []
        sent = 0
        for path in (*again, *waiting):
            with suppress(FileNotFoundError):  # the controller has removed it
                store.put_snapshot(path.stem, path.read_text(encoding="utf-8"))
                # Put here again meanwhile, it is the same document: a digest has one.
                path.replace(path.with_suffix(_SENT))
                sent += 1
        self._sends_again = False
        return sent

    def _tidy(self) -> None:
        # One that stays because of an error is removed by a later publication; this one has been made.
        with suppress(OSError):
            for path in self._folder.glob(f"*{_SENT}"):
                if path.stem not in self.in_force:
                    path.unlink(missing_ok=True)
