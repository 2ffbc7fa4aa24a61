"""What stands behind PolicyService, in memory or in a folder, for tests of the admin port."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from oversight.app.file_check import FileCheck
from oversight.app.last_good import LastGoodFile
from oversight.app.policy_watch import PolicyWatch
from oversight.app.reloading import Reloading
from oversight.app.server_status import server_status
from oversight.app.snapshot_outbox import SnapshotOutbox
from oversight.app.status import read_status
from oversight.errors import StoreUnavailableError
from oversight.policy_desk import FileChecker, PolicyDesk
from oversight.settings import Settings
from oversight.storage.snapshot_listing import SnapshotKey, StoredSnapshot
from servers import write_policy

NOW_US = 1_800_000_000_000_000


class MemorySnapshots:
    """Snapshots in memory, as store and as list; `down` makes them fail."""

    def __init__(self) -> None:
        self.stored: list[StoredSnapshot] = []
        self.down = False

    def put_snapshot(self, digest: str, document: str) -> None:
        """Keep it, published at a moment of its own."""
        self.stored.append(StoredSnapshot(digest, NOW_US + len(self.stored), document))

    def get_snapshot(self, digest: str) -> str | None:
        if self.down:
            raise StoreUnavailableError("the store is down")
        return next((one.document for one in self.stored if one.digest == digest), None)

    def list_snapshots(self, limit: int, after: SnapshotKey | None) -> Sequence[StoredSnapshot]:
        if self.down:
            raise StoreUnavailableError("the store is down")
        newest = sorted(self.stored, key=lambda one: (one.published_us, one.digest), reverse=True)
        return [one for one in newest if after is None or (one.published_us, one.digest) < after][:limit]


class RuleFolder:
    """A folder of rules that a controller's watch follows, in *folder*, and the desk over it."""

    def __init__(self, folder: Path, check_files: FileChecker | None = None, **settings: object) -> None:
        self.rules = folder / "rules"
        self.data = folder / "data"
        (self.data / "run").mkdir(parents=True)
        write_policy(self.rules)
        self.settings = Settings(policy=self.rules, data_dir=self.data).model_copy(update=settings)
        self.outbox = SnapshotOutbox(self.data)
        self.snapshots = MemorySnapshots()
        self.woken = 0
        self.watch = PolicyWatch(
            self.settings,
            self.data / "run",
            last_good=LastGoodFile(self.data),
            outbox=self.outbox,
            clock_us=lambda: NOW_US,
        )
        self.reloading = Reloading(self.watch, digest=lambda: self.watch.state.digest, wake=self._wake)
        self.watch.start()
        self.store()
        self.desk = PolicyDesk(
            snapshots=self.snapshots,
            lister=self.snapshots,
            publishing=self.reloading,
            check_files=check_files or FileCheck(self.settings),
            read_status=lambda: server_status(read_status(self.data, clock_us=lambda: NOW_US)),
        )

    def store(self) -> None:
        """Bring what was published into the store, as the drain does."""
        self.outbox.send(self.snapshots)

    def _wake(self) -> None:
        self.woken += 1
