"""Changes that wait for a second person: who may approve them, until when, and what is approved."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from oversight.engine.control import SYSTEM, ControlEvent, EventKind, Setting
from oversight.errors import (
    NotPendingError,
    SecondPersonNeededError,
    StaleRevisionError,
)
from oversight.rules.scopes import EVERYWHERE
from oversight.thresholds.effects import EffectKind
from oversight.thresholds.outcome import ChangeStatus
from threshold_desk import CENTRE, HOUR_US, NOW_US, Desk, a_setting, by, kinds, the_rules, value

TIGHTER = a_setting(0.97)
LOOSER = a_setting(0.80, policy="centre")


def test_a_tightening_waits_for_nobody() -> None:
    """More oversight must never be late."""
    desk = Desk(needs_approval=True)
    assert ChangeStatus.IN_FORCE is desk.changes.update([TIGHTER], by("local")).status


def test_a_loosening_waits_for_a_second_person() -> None:
    """What one person decides alone is one mistake away."""
    desk = Desk(needs_approval=True)

    outcome = desk.changes.update([LOOSER], by("ann", "fewer reviews"))

    assert (ChangeStatus.PENDING, True, NOW_US + 2 * HOUR_US, 0.85) == (
        *(outcome.status, outcome.needs_approval, outcome.lapses_at_us),
        value(desk),
    )
    (waiting,) = desk.tables.read("", EVERYWHERE).pending
    assert (1, "ann", "fewer reviews", (LOOSER,)) == (
        *(waiting.revision, waiting.author),
        *(waiting.justification, waiting.settings),
    )

    approved = desk.changes.approve(1, by("ben", "I agree", expected_revision=1))

    assert (ChangeStatus.IN_FORCE, 2, 0.80, ()) == (
        *(approved.status, approved.revision),
        *(value(desk), desk.tables.read("", EVERYWHERE).pending),
    )
    event = desk.store.events[-1]
    assert (EventKind.CHANGE_APPROVED, "ben", "I agree", (LOOSER,), 1) == (
        *(event.kind, event.author, event.justification),
        *(event.settings, event.refers_to),
    )


def test_a_tightening_that_ends_by_itself_is_a_loosening_to_come() -> None:
    """Nobody decides at the time it ends, so two decide now."""
    desk = Desk(needs_approval=True)
    outcome = desk.changes.update([TIGHTER._replace(expires_at_us=NOW_US + HOUR_US)], by())
    assert (ChangeStatus.PENDING, EffectKind.LOOSENS) == (outcome.status, outcome.kind)


@pytest.mark.parametrize(("caller", "words"), [("ann", "'ann' proposed change 1"), ("local", "without authentication")])
def test_the_author_and_nobody_in_particular_cannot_approve(caller: str, words: str) -> None:
    """Four eyes are two people."""
    desk = Desk(needs_approval=True)
    desk.changes.update([LOOSER], by("ann"))
    with pytest.raises(SecondPersonNeededError, match=words):
        desk.changes.approve(1, by(caller))
    assert [EventKind.CHANGE_PROPOSED] == kinds(desk)
    assert ChangeStatus.VALIDATED is desk.changes.approve(1, by(caller, validate_only=True)).status


def test_without_authentication_nothing_is_proposed_that_nobody_could_approve() -> None:
    """It is refused in words instead of waiting for ever."""
    desk = Desk(needs_approval=True)
    with pytest.raises(SecondPersonNeededError, match="configure authentication, or tighten only"):
        desk.changes.update([LOOSER], by("local"))
    assert [] == desk.store.events


def ways_to_end(desk: Desk) -> dict[str, Callable[[], object]]:
    def wait() -> None:
        desk.now_us += 2 * HOUR_US

    return {
        "approved": lambda: desk.changes.approve(1, by("ben")),
        "rejected": lambda: desk.changes.reject(1, "ben", "too early"),
        "late": wait,
        "never": lambda: None,
    }


@pytest.mark.parametrize("way", ["approved", "rejected", "late", "never"])
def test_a_change_is_approved_once_and_in_time(way: str) -> None:
    """An approval that is replayed must do nothing."""
    desk = Desk(needs_approval=True)
    desk.changes.update([LOOSER], by("ann"))
    ways_to_end(desk)[way]()
    before = len(desk.store.events)

    with pytest.raises(NotPendingError) as refused:
        desk.changes.approve(2 if way == "never" else 1, by("ben"))
    if way != "never":
        with pytest.raises(NotPendingError):
            desk.changes.reject(1, "ben", "no")

    assert (before, {"revision": "2" if way == "never" else "1"}) == (len(desk.store.events), refused.value.metadata)


def test_an_author_may_take_a_proposal_back() -> None:
    """To reject is to leave things as they are."""
    desk = Desk(needs_approval=True)
    desk.changes.update([LOOSER], by("ann"))
    assert 2 == desk.changes.reject(1, "ann", "a slip")
    assert (EventKind.CHANGE_REJECTED, 1) == (desk.store.events[-1].kind, desk.store.events[-1].refers_to)


def test_what_is_approved_is_what_was_proposed() -> None:
    """The second person looked at 0.85 becoming 0.80; by now it would be 0.97 becoming 0.80."""
    desk = Desk(needs_approval=True)
    desk.changes.update([LOOSER], by("ann"))
    desk.changes.update([TIGHTER], by("eve"))

    with pytest.raises(NotPendingError, match="would do something else now"):
        desk.changes.approve(1, by("ben"))
    desk.changes.reject(1, "ben", "it is another change by now")

    desk.changes.update([LOOSER], by("ann"))
    desk.rules = the_rules(centre=CENTRE.replace("min: 0.60", "min: 0.82"))
    with pytest.raises(
        NotPendingError, match=r"^change 4 cannot come into force by now: 0\.8 is out of bounds: .*anew$"
    ):
        desk.changes.approve(4, by("ben"))


def test_an_approval_is_of_the_revision_that_was_read() -> None:
    """As every change can be."""
    desk = Desk(needs_approval=True)
    desk.changes.update([LOOSER], by("ann"))
    desk.changes.update([a_setting(50, "amount")], by("ann"))
    with pytest.raises(StaleRevisionError):
        desk.changes.approve(1, by("ben", expected_revision=1))


def test_what_waited_too_long_lapses_on_record() -> None:
    """By the service itself, once, whoever of the replicas sees it first."""
    desk = Desk(needs_approval=True)
    for _ in range(2):
        desk.changes.update([LOOSER], by("ann"))
    assert 0 == desk.changes.lapse()
    desk.now_us += 2 * HOUR_US
    desk.store.intruders = [ControlEvent(0, NOW_US, EventKind.CHANGE_LAPSED, SYSTEM, "other", refers_to=1)]

    assert [0, 1, 0] == [desk.changes.lapse() for _ in range(3)]

    assert [EventKind.CHANGE_LAPSED] * 2 == kinds(desk)[2:]
    assert (SYSTEM, 2) == (desk.store.events[-1].author, desk.store.events[-1].refers_to)


def ending_in(hours: float) -> Setting:
    return LOOSER._replace(expires_at_us=NOW_US + round(hours * HOUR_US))


@pytest.mark.parametrize(("hours", "waits_h"), [(1.5, 1.5), (3, 2)])
def test_a_proposal_waits_until_its_values_end_and_no_longer(hours: float, waits_h: float) -> None:
    """Afterwards nobody could approve it; it is as any other that waited too long, and on record as one."""
    desk = Desk(needs_approval=True)
    lapses_at_us = NOW_US + round(waits_h * HOUR_US)
    changes = [a_setting(50, "amount"), ending_in(hours)]
    assert lapses_at_us == desk.changes.update(changes, by()).lapses_at_us
    desk.now_us = lapses_at_us - 1
    assert 0 == desk.changes.lapse()
    assert ChangeStatus.VALIDATED is desk.changes.approve(1, by("ben", validate_only=True)).status

    desk.now_us = lapses_at_us

    assert () == desk.tables.read("", EVERYWHERE).pending
    for validate_only in (True, False):
        with pytest.raises(NotPendingError, match="was not approved in time") as refused:
            desk.changes.approve(1, by("ben", validate_only=validate_only))
        assert {"revision": "1"} == refused.value.metadata
    assert 1 == desk.changes.lapse()
    assert (EventKind.CHANGE_LAPSED, 1) == (desk.store.events[-1].kind, desk.store.events[-1].refers_to)


@pytest.mark.parametrize("lapses_at_us", [NOW_US + 2 * HOUR_US, None])
def test_a_proposal_that_an_earlier_version_lets_wait_longer_lapses_with_its_values_too(
    lapses_at_us: int | None,
) -> None:
    """It stands in the store as it was written, for as long as three days."""
    desk = Desk(needs_approval=True)
    event = ControlEvent(0, NOW_US, EventKind.CHANGE_PROPOSED, "ann", "why", (ending_in(1),), lapses_at_us=lapses_at_us)
    desk.store.append(event, expected_revision=0)
    assert [1] == [one.revision for one in desk.tables.read("", EVERYWHERE).pending]
    desk.now_us += HOUR_US

    assert () == desk.tables.read("", EVERYWHERE).pending
    with pytest.raises(NotPendingError, match="was not approved in time"):
        desk.changes.approve(1, by("ben"))
    assert 1 == desk.changes.lapse()
