"""What every store of control events promises."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from contract.control_samples import a_change, a_release, a_setting, a_stop, an_event
from contract.memory_control_store import MemoryControlStore
from oversight.engine.control import ControlEvent, ControlState, ControlStore, EventKind, fold
from oversight.errors import StaleRevisionError
from oversight.storage.control_store import SqlControlStore
from oversight.storage.open import open_database
from oversight.storage.sqlite import file_url


@pytest.fixture(params=["sqlite", "postgresql", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ControlStore]:
    """Return an empty store of each kind."""
    if request.param == "memory":
        yield MemoryControlStore()
        return
    in_a_file = request.param == "sqlite"
    url = file_url(tmp_path / "control.db") if in_a_file else request.getfixturevalue("postgres_url")
    sql = SqlControlStore(open_database(url, read_only=False))
    yield sql
    sql.close()


def test_a_new_store_has_no_events(store: ControlStore) -> None:
    """A server that was never administered decides by its files."""
    assert () == tuple(store.events_after(0))


def test_every_field_of_an_event_comes_back(store: ControlStore) -> None:
    """What was decided, by whom and why must be shown years later."""
    full = an_event(
        EventKind.CHANGE_PROPOSED,
        author='Jürgen "J" ☃',
        justification="line one\nline two",
        settings=(
            a_setting(0.1 + 0.2, intent="refund", department="bank", currency="EUR", expires_at_us=2**60),
            a_setting(None),
        ),
        refers_to=7,
        lapses_at_us=2**61,
        evidence='{"share": 0.04}',
    )

    assert 1 == store.append(full, expected_revision=0)

    assert (full._replace(revision=1),) == tuple(store.events_after(0))


@pytest.mark.parametrize("event", [a_stop(), a_stop("bank"), a_stop(intent="refund"), a_release("bank", "refund")])
def test_a_stop_comes_back(store: ControlStore, event: ControlEvent) -> None:
    """Everything, a department, an intent, or the two together are four different stops."""
    store.append(event, expected_revision=0)

    assert (event._replace(revision=1),) == tuple(store.events_after(0))


def test_revisions_count_from_one_without_gaps(store: ControlStore) -> None:
    """They are what replies and records name."""
    assert [1, 2, 3] == [store.append(a_change(0.9), expected_revision=number) for number in range(3)]

    assert [2, 3] == [event.revision for event in store.events_after(1)]
    assert 3 == fold(ControlState(), store.events_after(0)).revision


@pytest.mark.parametrize("expected", [0, 2, 7])
def test_whoever_decided_by_another_revision_is_told(store: ControlStore, expected: int) -> None:
    """Two administrators at once: the second must look again before anything changes."""
    store.append(a_change(0.9), expected_revision=0)

    with pytest.raises(StaleRevisionError, match=f"revision 1, not at {expected}"):
        store.append(a_change(0.7), expected_revision=expected)

    assert 1 == len(store.events_after(0))


def test_of_many_at_once_one_wins(store: ControlStore) -> None:
    """All-or-nothing over all replicas, whoever is first."""

    def attempt(number: int) -> int:
        try:
            return store.append(a_change(0.9, intent=f"intent-{number}"), expected_revision=0)
        except StaleRevisionError:
            return 0

    with ThreadPoolExecutor(4) as pool:
        assert [0, 0, 0, 1] == sorted(pool.map(attempt, range(4)))
    assert 1 == len(store.events_after(0))
