"""Snapshots on their way into the store: files that wait until it takes them, also over a restart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from oversight.app.handover import write_file
from oversight.storage.protocols import SnapshotStore

__all__ = ["SnapshotOutbox"]


class SnapshotOutbox:
    """
    DATA_DIR/snapshots: one document per digest that the store does not have yet.

    Without it, decisions made under rules that were replaced while the store was down could never be replayed. Those
    `in_force`, by digest, stay here after they were sent, for readers while the store is down.
    """

    def __init__(self, data_dir: Path) -> None:
        self.in_force: frozenset[str] = frozenset()
        self._folder = data_dir / "snapshots"
        self._sent: set[str] = set()

    def put(self, digest: str, document: str) -> None:
        """Keep *document* until it has been sent. Raises OSError."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        write_file(self._folder / f"{digest}.json", document.encode(), durable=True)
        self._sent.discard(digest)

    @contextmanager
    def holding(self, digests: Iterable[str]) -> Iterator[frozenset[str]]:
        """Let *digests* be those in force from the end on, and give those that are not here; after an error none is."""
        before, coming = self.in_force, frozenset(digests)
        # The others too, meanwhile: until the end it is not known which ones decide.
        self.in_force = before | coming
        try:
            yield coming - before
        except BaseException:
            self.in_force = before
            raise
        self.in_force = coming

    def get(self, digest: str) -> str | None:
        """Return the document that waits under *digest*, None where none does."""
        try:
            return (self._folder / f"{digest}.json").read_text(encoding="utf-8")
        except OSError:
            return None

    def send(self, store: SnapshotStore) -> int:
        """Put what waits into *store*; return how many. Raises `StoreUnavailableError`, and nothing is lost by it."""
        sent = 0
        for path in sorted(self._folder.glob("*.json")):
            if path.stem not in self._sent:
                store.put_snapshot(path.stem, path.read_text(encoding="utf-8"))
                self._sent.add(path.stem)
                sent += 1
            if path.stem not in self.in_force:
                path.unlink()
                self._sent.discard(path.stem)
        return sent
