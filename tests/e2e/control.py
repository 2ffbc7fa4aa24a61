"""What an administrator does, put straight into the store of control events of a server that runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from oversight.engine.control import ControlEvent, ControlState, fold
from oversight.errors import StaleRevisionError
from oversight.storage.control_store import SqlControlStore
from oversight.storage.open import open_database
from oversight.storage.sqlite import file_url


class Administrator:
    """Appends events behind whatever is there."""

    def __init__(self, store: SqlControlStore) -> None:
        self.store = store

    def do(self, event: ControlEvent) -> int:
        """Append *event*; return its revision."""
        while True:
            revision = self.state().revision
            try:
                return self.store.append(event, expected_revision=revision)
            except StaleRevisionError:
                continue

    def state(self) -> ControlState:
        """Return what is decided."""
        return fold(ControlState(), self.store.events_after(0))


@contextmanager
def administrator(place: Path | str) -> Iterator[Administrator]:
    """Yield the administrator of the data folder, or of the database, that is given."""
    url = file_url(place / "control.db") if isinstance(place, Path) else place
    store = SqlControlStore(open_database(url, read_only=False))
    yield Administrator(store)
    store.close()
