"""`oversight simulate`: a contact centre that uses a real server, and what that server finds out about it."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from oversight.cli.connection import open_admin, open_client
from oversight.cli.options import AsJson
from oversight.cli.output import console, error_console, print_json
from oversight.cli.simulation_tables import Run, print_runs, runs_as_dict
from oversight.errors import UsageError
from oversight.simulation.centre import Centre
from oversight.simulation.scenario import Scenario, find_scenario, packaged_scenarios, read_scenario
from oversight.simulation.server import SimulatedServer

__all__ = ["run"]

_TIMEOUT_S = 60.0


def run(
    scenario: Annotated[
        str, typer.Argument(metavar="SCENARIO", help="A scenario of the package (--list) or a YAML file.")
    ] = "",
    listed: Annotated[bool, typer.Option("--list", help="List the scenarios of the package.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="The same messages, people and audits again.")] = 1,
    runs: Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="Runs, each of the next seed.")] = 1,
    policy: Annotated[Path | None, typer.Option(help="Folder of rule files; else the default policy.")] = None,
    keep: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Leave the servers' data in this folder, which is made.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """
    Play a simulated contact centre against a server of its own, and compare what the server finds with the truth.

    The server is the real one, on free loopback ports, with a clock that the simulation sets: weeks pass in minutes.
    Exit code 1 where a sign that the scenario has was not found.
    """
    if listed:
        _list(as_json=as_json)
        return
    if not scenario:
        raise UsageError("name a scenario or a file; `oversight simulate --list` shows those of the package")
    played = read_scenario(find_scenario(scenario))
    found = []
    with _stoppable(), _folder(keep) as folder:
        for number in range(seed, seed + runs):
            with _progress(played, number) as on_day:
                found.append(_play(played, number, folder / f"seed-{number}", policy, on_day))
    if as_json:
        print_json(runs_as_dict(played, found))
    else:
        print_runs(played, found, console())
    raise typer.Exit(1 if any(one.tally.missed for one in found) else 0)


def _play(scenario: Scenario, seed: int, folder: Path, policy: Path | None, on_day: Callable[[int], object]) -> Run:
    folder.mkdir(mode=0o700, parents=True)
    with (
        SimulatedServer(folder, seed=seed, policy=policy) as server,
        open_client(server.target, _TIMEOUT_S) as client,
        open_admin(server.admin, _TIMEOUT_S) as admin,
    ):
        centre = Centre(scenario, seed, server, client, admin, on_day=on_day)
        rates = centre.run()
    return Run(seed, centre.tally, rates)


@contextmanager
def _stoppable() -> Iterator[None]:
    """Let SIGTERM end the server and remove the data, as Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """Give a folder for the data, and remove it where nobody wants to keep it."""
    if keep is not None:
        if keep.exists():
            raise UsageError(f"--keep {keep}: it is there already; name a folder that is not")
        keep.mkdir(mode=0o700, parents=True)
        yield keep.resolve()
        return
    folder = Path(tempfile.mkdtemp(prefix="oversight-simulation-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _progress(scenario: Scenario, seed: int) -> Iterator[Callable[[int], object]]:
    """Draw a bar of days on a terminal."""
    errors = error_console()
    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as progress:
        task = progress.add_task(f"{scenario.scenario}, seed {seed}", total=scenario.days)
        yield lambda _: progress.advance(task)


def _list(*, as_json: bool) -> None:
    scenarios = [read_scenario(path) for path in packaged_scenarios().values()]
    if as_json:
        print_json({"scenarios": [{"scenario": one.scenario, "description": one.description} for one in scenarios]})
        return
    for one in scenarios:
        console().print(f"{one.scenario:<24}{one.description}")
