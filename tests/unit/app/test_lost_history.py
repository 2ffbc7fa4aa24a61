"""A store whose history is not the one that was in force: nothing becomes freer by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract.control_samples import AT_US, a_change, a_stop
from oversight.app.last_control import LastControlFile
from oversight.engine.control import ControlEvent
from oversight.engine.snapshot import Stop
from unit.app.control_place import ControlPlace

OTHERS = (
    pytest.param([a_change(0.8, name="other")._replace(revision=1)], 1, id="an older backup"),
    pytest.param([], 0, id="empty"),
    pytest.param(
        [a_change(0.8, name="other")._replace(revision=1), *(a_change(0.7)._replace(revision=n) for n in (2, 3))],
        3,
        id="gone on elsewhere",
    ),
)
"""Histories that are not the one of `lost`, and their newest revision."""


@pytest.fixture
def lost(tmp_path: Path) -> ControlPlace:
    """A place with a value and a stop in force, before its store has another history."""
    place = ControlPlace(tmp_path)
    place.store.append(a_change(0.9), expected_revision=0)
    place.store.append(a_stop("bank", at_us=AT_US + 1), expected_revision=1)
    place.start()
    return place


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize(("events", "revision"), OTHERS)
def test_what_another_history_lacks_stays_and_is_never_confirmed(
    lost: ControlPlace, events: list[ControlEvent], revision: int, restarted: bool
) -> None:
    """A wrong database, a fail-over that lost the newest events or an older backup must not let the AI go."""
    lost.store.events = events
    if restarted:
        lost.start()
    lost.control.step()
    lost.control.confirm_at_once()
    lost.start()

    state = lost.control.state
    assert ((Stop("bank"),), revision) == (lost.published().stops, lost.published().threshold_revision)
    assert (0.7 if revision == 3 else 0.9, 0) == (lost.limit(), state.confirmed_at_us)
    assert f"revision 2 is not in it, its newest is {revision}" in state.problem


@pytest.mark.parametrize(("events", "revision"), OTHERS)
def test_another_history_holds_once_it_is_accepted(
    lost: ControlPlace, events: list[ControlEvent], revision: int
) -> None:
    """Somebody restored a backup on purpose, and says so."""
    lost.store.events = events
    lost.control.step()
    assert lost.control.state.problem

    LastControlFile(lost.data).forget()
    lost.control.step()

    state = lost.control.state
    assert ((), revision) == (lost.published().stops, lost.published().threshold_revision)
    assert (AT_US, "", 0.7 if revision == 3 else 0.85) == (state.confirmed_at_us, state.problem, lost.limit())
    lost.start()
    assert "" == lost.control.state.problem


def test_the_history_that_is_back_is_confirmed_again(lost: ControlPlace) -> None:
    """The right database was put back, and nobody need accept anything."""
    events = lost.store.events
    lost.store.events = []
    lost.control.step()
    lost.store.events = events
    lost.control.step()

    state = lost.control.state
    assert (AT_US, "", 2) == (state.confirmed_at_us, state.problem, state.control.revision)


def test_changes_and_stops_of_another_history_are_in_force(lost: ControlPlace) -> None:
    """What the admin port answered is a promise, whatever was lost before it."""
    lost.store.events = []
    lost.control.step()
    lost.store.append(a_change(0.97), expected_revision=0)
    lost.store.append(a_stop("shop"), expected_revision=1)

    lost.control.step()

    assert (0.97, (Stop("shop"), Stop("bank"))) == (lost.limit(), lost.published().stops)
    assert 0 == lost.control.state.confirmed_at_us
