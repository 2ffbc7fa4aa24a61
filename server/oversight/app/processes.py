"""The processes of one server below the supervisor: which there are, and whether each is ready."""

from __future__ import annotations

from collections.abc import Sequence

from oversight.app.children import PROGRAM, Child
from oversight.app.cpus import Cpus, count_workers
from oversight.app.handover import run_folder
from oversight.app.reports import reporting_pid
from oversight.settings import Settings

__all__ = ["Processes"]


class Processes:
    """
    One controller, one keeper and the workers, of which `serving` are to serve; each runs *program*.

    A lone worker has another beside it, unless the setting `standby` says no: as complete, and without work until the
    first one ends. `passing` are replacements that are not ready yet and predecessors that are finishing.
    """

    def __init__(self, settings: Settings, cpus: Cpus, *, program: Sequence[str] = PROGRAM) -> None:
        self._run = run_folder(settings.data_dir)
        self.serving = count_workers(settings, cpus)
        self.standby = self.serving == 1 and settings.standby
        self.controller = Child("controller", ["controller"], settings, program=program)
        self.keeper = Child("keeper", ["keeper"], settings, program=program)
        in_turn = ["--in-turn"] if self.standby else []
        self.workers = [
            Child(f"worker-{index}", ["worker", "--index", str(index), *in_turn], settings, program=program)
            for index in range(self.serving + self.standby)
        ]
        self.passing: list[Child] = []

    @property
    def single(self) -> Sequence[Child]:
        """Those of which there is one: two would publish over each other, or drain the same journals."""
        return self.controller, self.keeper

    @property
    def kept(self) -> Sequence[Child]:
        """Those that are started again when they die."""
        return *self.workers, *self.single

    @property
    def all(self) -> Sequence[Child]:
        """Every process that may be running."""
        return *self.kept, *self.passing

    def is_ready(self, child: Child) -> bool:
        """Tell whether *child* has reported: a controller once it has published, a worker once it serves."""
        return child.pid != 0 and child.pid == reporting_pid(self._run, child.name)
