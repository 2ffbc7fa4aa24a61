"""Stops of one machine: files that hold without a server."""

from __future__ import annotations

from pathlib import Path

import pytest

from oversight.app.local_stops import EVERYTHING, LocalStop, LocalStops
from oversight.engine.request import Stop

STOP = LocalStop(Stop("bank", "refund"), "local:ann", 5, "wrong answers")


@pytest.fixture
def stops(tmp_path: Path) -> LocalStops:
    """The stops of an empty data folder."""
    return LocalStops(tmp_path)


def test_where_nobody_stopped_anything_nothing_is_stopped(stops: LocalStops) -> None:
    """The folder is made by the first stop."""
    assert ((), {}) == (stops.engaged(), stops.read())
    assert 0 == stops.release(Stop(), by="local:ann", at_us=6, justification="over")


def test_a_stop_is_engaged_until_it_is_released(stops: LocalStops, tmp_path: Path) -> None:
    """Who, when and why of both stay in the file until they are on record."""
    stop_id = stops.engage(STOP)
    assert ((STOP.stop,), {stop_id: STOP}) == (stops.engaged(), LocalStops(tmp_path).read())

    assert 0 == stops.release(Stop("bank"), by="local:ben", at_us=9, justification="over")
    assert 1 == stops.release(STOP.stop, by="local:ben", at_us=9, justification="over")

    released = STOP._replace(released_at_us=9, released_by="local:ben", release_justification="over")
    assert ((), {stop_id: released}) == (stops.engaged(), stops.read())
    assert 0 == stops.release(STOP.stop, by="local:ben", at_us=9, justification="over")


def test_a_file_that_says_more_than_was_recorded_stays(stops: LocalStops) -> None:
    """Somebody released the stop while it was put on record."""
    stop_id = stops.engage(STOP)
    stops.release(STOP.stop, by="local:ben", at_us=9, justification="over")

    stops.remove(stop_id, STOP)
    assert [stop_id] == list(stops.read())

    stops.remove(stop_id, STOP._replace(released_at_us=9, released_by="local:ben", release_justification="over"))
    assert {} == stops.read()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"stop": {}}', '{"stop": {"planet": "x"}}', "\udcff"])
def test_a_file_that_cannot_be_read_stops_everything(stops: LocalStops, tmp_path: Path, content: str) -> None:
    """Somebody wanted something to stop, and nobody knows what."""
    stops.engage(STOP)
    (tmp_path / "stops" / "torn.json").write_bytes(content.encode(errors="surrogateescape"))

    assert {STOP.stop, EVERYTHING} == set(stops.engaged())
    assert (tmp_path / "stops" / "torn.json",) == stops.unreadable()
    assert [None] == [found for stop_id, found in stops.read().items() if stop_id == "torn"]


def test_nobody_else_can_read_who_stopped_what(stops: LocalStops, tmp_path: Path) -> None:
    """A justification may name people."""
    stop_id = stops.engage(STOP)

    assert (0o700, 0o600) == tuple(
        path.stat().st_mode & 0o777 for path in (tmp_path / "stops", tmp_path / "stops" / f"{stop_id}.json")
    )


def test_a_folder_that_is_none_is_an_error(stops: LocalStops, tmp_path: Path) -> None:
    """Whoever decides must know that stops may be missing."""
    (tmp_path / "stops").touch()

    with pytest.raises(OSError, match="stops"):
        stops.engaged()
