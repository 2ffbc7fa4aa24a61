"""Use cases over a store that goes back under them, as after a restore or a fail-over to what was behind."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, delete, select, update

from contract.control_samples import AT_US, a_change
from contract.memory_control_store import MemoryControlStore
from oversight.engine.control import ControlStore
from oversight.engine.snapshot import Stop
from oversight.errors import StaleRevisionError
from oversight.storage import tables
from oversight.storage.control_store import SqlControlStore
from oversight.storage.open import open_database, open_engine
from oversight.storage.sqlite import file_url
from oversight.thresholds.effects import EffectKind
from oversight.thresholds.log import ControlLog
from oversight.thresholds.outcome import ChangeStatus
from threshold_desk import Desk, a_setting, by

Back = Callable[[], None]
"""Brings a store back to what it had when this was made."""
Restorable = tuple[ControlStore, Callable[[], Back]]

_EVENTS, _HEADS = tables.control_events, tables.chain_heads


@pytest.fixture(params=["sqlite", "postgresql", "memory"])
def restorable(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Restorable]:
    """Return an empty store of each kind, and what backs it up."""
    if request.param == "memory":
        memory = MemoryControlStore()
        yield memory, lambda: _memory_backup(memory)
        return
    file = tmp_path / "control.db"
    url = file_url(file) if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    store = SqlControlStore(open_database(url, read_only=False))
    yield store, (lambda: _file_backup(file)) if request.param == "sqlite" else (lambda: _server_backup(url))
    store.close()


def _memory_backup(store: MemoryControlStore) -> Back:
    kept = list(store.events)

    def back() -> None:
        store.events = list(kept)

    return back


def _file_backup(file: Path) -> Back:
    copy = file.with_name("backup.db")
    _copy(file, copy)
    return lambda: _copy(copy, file)


def _copy(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as other:
        one.backup(other)


def _server_backup(url: str) -> Back:
    with _connected(url) as connection:
        head = dict(connection.execute(select(_HEADS)).mappings().one())

    def back() -> None:
        with _connected(url) as connection:
            connection.execute(delete(_EVENTS).where(_EVENTS.c.revision > head["chain_seq"]))
            connection.execute(update(_HEADS).values(head))

    return back


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    engine = open_engine(url, read_only=False)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def test_a_stop_is_engaged_after_the_store_went_back(restorable: Restorable) -> None:
    """An emergency stop must not be refused because of history that is no more."""
    store, back_up = restorable
    desk = Desk(store=store)
    desk.changes.update([a_setting(0.9)], by())
    go_back = back_up()
    for _ in range(5):
        desk.stops.engage(Stop("bank"), "ann", "rates")
    assert 6 == desk.log.state().revision
    go_back()

    assert 2 == desk.stops.engage(Stop(), "ann", "all of it").revision
    assert [Stop()] == [one.stop for one in desk.stops.list_engaged().stops]
    assert [2, 1] == [event.revision for event in desk.changes.list_events(10, None)]


def test_a_loosening_is_one_by_the_history_that_there_is(restorable: Restorable) -> None:
    """What was lost had 0.7; 0.9 is in force, and whoever sets 0.8 needs a second person."""
    store, back_up = restorable
    desk = Desk(store=store, needs_approval=True)
    desk.changes.update([a_setting(0.9)], by())
    go_back = back_up()
    lost = desk.changes.update([a_setting(0.7)], by())
    desk.changes.approve(lost.revision, by("ben"))
    assert 0.7 == next(iter(desk.log.state().values.values())).value
    go_back()
    others = Desk(store=store)
    for number in range(3):
        others.stops.engage(Stop(f"department-{number}"), "eve", "rates")

    outcome = desk.changes.update([a_setting(0.8)], by())

    assert (ChangeStatus.PENDING, EffectKind.LOOSENS, 5) == (outcome.status, outcome.kind, outcome.revision)
    assert 0.9 == next(one.before for one in outcome.effects if one.policy == "centre")
    assert {0.9} == {one.value for one in desk.log.state().values.values()}


def test_as_many_other_events_are_not_the_same_history(restorable: Restorable) -> None:
    """The number of the newest event does not say which one it is."""
    store, back_up = restorable
    log = ControlLog(store, clock_us=lambda: AT_US)
    store.append(a_change(0.9, policy="centre"), expected_revision=0)
    go_back = back_up()
    store.append(a_change(0.7), expected_revision=1)
    log.state()
    go_back()
    store.append(a_change(0.8), expected_revision=1)

    assert [0.9, 0.8] == [one.value for one in log.state().values.values()]


def test_what_was_decided_by_the_lost_history_is_refused(restorable: Restorable) -> None:
    """Whoever read revision 2 has seen what is not there any more."""
    store, back_up = restorable
    desk = Desk(store=store)
    desk.changes.update([a_setting(0.9)], by())
    go_back = back_up()
    desk.changes.update([a_setting(0.7)], by())
    go_back()

    with pytest.raises(StaleRevisionError, match="at revision 1, not at 2"):
        desk.changes.update([a_setting(0.8)], by(expected_revision=2))
