"""Snapshots on their way into the store: files that wait until it takes them, also over a restart."""

from __future__ import annotations

from pathlib import Path

from oversight.app.handover import write_file
from oversight.storage.protocols import SnapshotStore

__all__ = ["SnapshotOutbox"]


class SnapshotOutbox:
    """
    DATA_DIR/snapshots: one document per digest that the store does not have yet.

    Without it, decisions made under rules that were replaced while the store was down could never be replayed.
    """

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "snapshots"

    def put(self, digest: str, document: str) -> None:
        """Keep *document* until it has been sent. Raises OSError."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        write_file(self._folder / f"{digest}.json", document.encode(), durable=True)

    def get(self, digest: str) -> str | None:
        """Return the document that waits under *digest*, None where none does."""
        try:
            return (self._folder / f"{digest}.json").read_text(encoding="utf-8")
        except OSError:
            return None

    def send(self, store: SnapshotStore) -> int:
        """Put what waits into *store*; return how many. Raises `StoreUnavailableError`, and nothing is lost by it."""
        waiting = sorted(self._folder.glob("*.json"))
        for path in waiting:
            store.put_snapshot(path.stem, path.read_text(encoding="utf-8"))
            path.unlink()
        return len(waiting)
