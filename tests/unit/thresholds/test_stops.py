"""Stops: engaged at once, released with a reason, and by another person where two are needed."""

from __future__ import annotations

import pytest

from oversight.engine.control import ControlEvent, EngagedStop, EventKind
from oversight.engine.snapshot import Stop
from oversight.errors import JustificationMissingError, SecondPersonNeededError, StopNotEngagedError
from oversight.thresholds.stops import describe_stop
from threshold_desk import NOW_US, Desk, a_setting

BANK = Stop(department="bank")


def test_a_stop_is_engaged_and_released_on_record() -> None:
    """Who, when and why."""
    desk = Desk()

    engaged = desk.stops.engage(BANK, "ann", " it invents rates ")

    assert EngagedStop(BANK, "ann", NOW_US, "it invents rates", 1) == engaged
    assert (engaged,) == desk.stops.list_engaged().stops
    assert 2 == desk.stops.release(BANK, "ann", "mended")
    assert () == desk.stops.list_engaged().stops
    assert [EventKind.STOP_ENGAGED, EventKind.STOP_RELEASED] == [event.kind for event in desk.store.events]


def test_a_stop_comes_through_whoever_else_is_at_it() -> None:
    """Whoever stops must not be told to read again."""
    desk = Desk()
    other = ControlEvent(0, NOW_US, EventKind.THRESHOLDS_SET, "ben", "at once", (a_setting(0.9),))
    desk.store.intruders = [other] * 3

    assert 4 == desk.stops.engage(Stop(), "ann", "everything").revision


def test_engaging_again_is_harmless() -> None:
    """A button is pressed twice in a hurry."""
    desk = Desk()
    for _ in range(2):
        desk.stops.engage(BANK, "ann", "stop")
    assert [BANK] == [one.stop for one in desk.stops.list_engaged().stops]


@pytest.mark.parametrize("blank", ["", " "])
def test_both_need_a_reason(blank: str) -> None:
    """It is the first thing that everybody asks."""
    desk = Desk()
    with pytest.raises(JustificationMissingError):
        desk.stops.engage(BANK, "ann", blank)
    with pytest.raises(JustificationMissingError):
        desk.stops.release(BANK, "ann", blank)


def test_only_the_very_stop_is_released() -> None:
    """That of everything stands when that of a department goes."""
    desk = Desk()
    for caller in ("ann", "ben"):
        desk.stops.engage(Stop(), caller, "all")
    with pytest.raises(StopNotEngagedError, match=r"no stop of department bank is engaged; engaged: everything$"):
        desk.stops.release(BANK, "ann", "mended")


@pytest.mark.parametrize("author", ["ann", "local:ann"])
@pytest.mark.parametrize(("caller", "words"), [("ann", "'ann' engaged"), ("local", "without authentication")])
def test_where_two_are_needed_another_person_releases(author: str, caller: str, words: str) -> None:
    """But nobody waits for anybody to engage one."""
    desk = Desk(needs_approval=True)
    desk.stops.engage(BANK, author, "stop")
    with pytest.raises(SecondPersonNeededError, match=words):
        desk.stops.release(BANK, caller, "mended")
    assert 2 == desk.stops.release(BANK, "ben", "mended")


@pytest.mark.parametrize("second", ["ben", "local:root"])
def test_nobody_comes_free_because_another_engaged_it_too(second: str) -> None:
    """Else a colleague in a hurry, or a shell on the machine, would be the second person."""
    desk = Desk(needs_approval=True)
    desk.stops.engage(BANK, "ann", "stop")
    desk.stops.engage(BANK, second, "stop, I said")
    for caller in ("ann", second.removeprefix("local:")):
        with pytest.raises(SecondPersonNeededError, match=f"'{caller}' engaged"):
            desk.stops.release(BANK, caller, "mended")

    assert 3 == desk.stops.release(BANK, "cleo", "mended")
    assert () == desk.stops.list_engaged().stops


@pytest.mark.parametrize(
    ("stop", "words"),
    [
        (Stop(), "everything"),
        (BANK, "department bank"),
        (Stop(intent="refund"), "intent refund"),
        (Stop("bank", "refund"), "department bank and intent refund"),
    ],
)
def test_a_stop_is_called_by_its_scope(stop: Stop, words: str) -> None:
    """People read it."""
    assert words == describe_stop(stop)
