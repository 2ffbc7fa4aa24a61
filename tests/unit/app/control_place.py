"""A controller's publication and watch over a store of control events in memory, in a folder of a test."""

from __future__ import annotations

from pathlib import Path

from contract.control_samples import AT_US
from contract.memory_control_store import MemoryControlStore
from oversight.app.control_watch import ControlWatch
from oversight.app.handover import clear_run, run_folder
from oversight.app.last_control import LastControlFile
from oversight.app.last_good import LastGoodFile
from oversight.app.local_stops import LocalStops
from oversight.app.policy_watch import PolicyWatch
from oversight.app.publication import Publication
from oversight.app.snapshot_file import load_snapshot
from oversight.app.snapshot_outbox import SnapshotOutbox
from oversight.engine.snapshot import Snapshot
from oversight.settings import Settings
from servers import write_policy


class Clock:
    """Microseconds that pass when told to."""

    now_us = AT_US

    def __call__(self) -> int:
        """Return the time."""
        return self.now_us


class ControlPlace:
    """A data folder, rules, and a control store; `start` is what a new run of the controller does."""

    def __init__(self, folder: Path) -> None:
        self.rules = folder / "rules"
        self.data = folder / "data"
        self.data.mkdir()
        self.clock = Clock()
        self.store = MemoryControlStore()
        self.stops = LocalStops(self.data)
        write_policy(self.rules)

    def start(self) -> None:
        """Begin as a new controller."""
        clear_run(self.data)
        self.outbox = SnapshotOutbox(self.data)
        self.publication = Publication(run_folder(self.data), outbox=self.outbox, clock_us=self.clock)
        self.control = ControlWatch(
            self.store,
            self.publication,
            local_stops=self.stops,
            last=LastControlFile(self.data),
            clock_us=self.clock,
        )
        self.policy = PolicyWatch(
            Settings(policy=self.rules, data_dir=self.data),
            self.publication,
            last_good=LastGoodFile(self.data),
            clock_us=self.clock,
        )
        self.control.start()
        self.policy.start()

    def published(self) -> Snapshot:
        """Return what workers load."""
        return load_snapshot(run_folder(self.data))

    def limit(self, intent: str | None = None) -> float:
        """Return the small policy's threshold as it is published."""
        entry = self.published().policies["contact_centre"].limits.value("autonomy_confidence", intent, None, None)
        return entry.value

    def rewrite(self, *changes: tuple[str, str]) -> None:
        """Replace words of the rules."""
        path = self.rules / "contact_centre.yaml"
        text = path.read_text()
        for before, after in changes:
            assert before in text
            text = text.replace(before, after)
        path.write_text(text)
