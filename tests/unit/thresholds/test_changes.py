"""Changing thresholds: all or nothing, by the newest revision, with a reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from oversight.engine.control import ControlEvent, EventKind, Setting
from oversight.errors import (
    InvalidRequestError,
    JustificationMissingError,
    OutOfBoundsError,
    StaleRevisionError,
    StaleRulesError,
    StoreUnavailableError,
)
from oversight.rules.scopes import EVERYWHERE
from oversight.thresholds.effects import EffectKind, effects_from_evidence
from oversight.thresholds.outcome import ChangeStatus, Outcome, Terms
from oversight.thresholds.values import RulesInForce
from threshold_desk import BANK, CARDS, CENTRE, HOUR_US, NOW_US, Desk, a_setting, by, the_rules, value

TIGHTER = a_setting(0.97)
LOOSER = a_setting(0.80, policy="centre")


def test_a_change_is_one_event_with_who_why_before_and_after() -> None:
    """It is what an auditor is shown, for ever."""
    desk = Desk()

    outcome = desk.changes.update([TIGHTER], by("ann", "  complaints went up "))

    assert (ChangeStatus.IN_FORCE, 1, EffectKind.TIGHTENS, False) == (
        *(outcome.status, outcome.revision, outcome.kind),
        outcome.needs_approval,
    )
    (event,) = desk.store.events
    assert ControlEvent(1, NOW_US, EventKind.THRESHOLDS_SET, "ann", "complaints went up", (TIGHTER,), 0) == (
        event._replace(evidence="")
    )
    first = effects_from_evidence(event.evidence)[0]
    assert ("bank", "autonomy", EVERYWHERE, 0.88, 0.97, EffectKind.TIGHTENS, None) == first
    assert [0.97, 0.97, 0.97, 0.90] == [
        *(value(desk, policy) for policy in ("centre", "bank", "cards")),
        value(desk, intent="order_change"),
    ], "the file's narrower scope stays as it is"


@pytest.mark.parametrize("number", [0, 1, 2])
def test_one_wrong_change_of_several_leaves_all_undone(number: int) -> None:
    """Half a change is a state that nobody decided on."""
    desk = Desk()
    changes = [TIGHTER, a_setting(0.6, "handover"), a_setting(50, "amount")]
    changes[number] = changes[number]._replace(value=1e9)

    with pytest.raises(OutOfBoundsError, match=rf"changes\[{number}\].value"):
        desk.changes.update(changes, by())

    assert [] == desk.store.events


@pytest.mark.parametrize("text", ["", "  \n\t "])
def test_nothing_is_changed_without_a_reason(text: str) -> None:
    """An auditor asks why; "" is no answer."""
    desk = Desk(needs_approval=True)
    calls: list[Callable[[], Any]] = [
        lambda: desk.changes.update([TIGHTER], by(justification=text)),
        lambda: desk.changes.roll_back(0, by(justification=text)),
        lambda: desk.changes.reject(1, "ann", text),
    ]
    for call in calls:
        with pytest.raises(JustificationMissingError):
            call()
    assert [] == desk.store.events


def test_of_two_admins_at_once_one_is_told_to_read_again() -> None:
    """Both decided on what the other has changed."""
    desk = Desk()
    read = desk.tables.read("", EVERYWHERE).revision

    desk.changes.update([TIGHTER], by("ann", expected_revision=read))
    with pytest.raises(StaleRevisionError) as refused:
        desk.changes.update([a_setting(0.9)], by("ben", expected_revision=read))

    assert ({"expected": "0", "found": "1"}, 0.97) == (refused.value.metadata, value(desk))


def test_who_comes_first_between_check_and_event_wins() -> None:
    """The store decides, not a clock."""
    desk = Desk()
    desk.store.intruders = [ControlEvent(0, NOW_US, EventKind.THRESHOLDS_SET, "ben", "first", (a_setting(0.9),))]

    with pytest.raises(StaleRevisionError):
        desk.changes.update([TIGHTER], by(expected_revision=0))
    assert [0.9, 1] == [value(desk), len(desk.store.events)]


def test_without_an_expected_revision_everything_is_checked_anew_behind_the_other() -> None:
    """What was a tightening may be a loosening by then, and is told and recorded as one."""
    desk = Desk()
    desk.store.intruders = [ControlEvent(0, NOW_US, EventKind.THRESHOLDS_SET, "ben", "first", (a_setting(0.98),))]

    outcome = desk.changes.update([TIGHTER], by())

    assert (2, EffectKind.LOOSENS) == (outcome.revision, outcome.kind)


@pytest.mark.parametrize("validate_only", [False, True])
def test_rules_that_changed_since_a_change_was_looked_at_change_nothing(validate_only: bool) -> None:
    """What was shown as a tightening may be a loosening by the rules that are in force by then."""
    desk = Desk()
    desk.changes.update([TIGHTER], by())
    calls: list[Callable[[Terms], Outcome]] = [
        lambda terms: desk.changes.update([a_setting(0.98)], terms),
        lambda terms: desk.changes.roll_back(0, terms),
    ]
    looked = [call(by(validate_only=True)).rules_digest for call in calls]
    desk.rules = the_rules(centre=CENTRE.replace("default: 100", "default: 90"), bank=BANK, cards=CARDS)
    for digest, call in zip(looked, calls, strict=True):
        with pytest.raises(StaleRulesError) as refused:
            call(by(expected_rules_digest=digest, validate_only=validate_only))
        assert {"expected": digest, "found": desk.rules.digest} == refused.value.metadata
    assert 1 == len(desk.store.events)

    for call in calls:
        anew = call(by(validate_only=True)).rules_digest
        assert anew == call(by(expected_rules_digest=anew)).rules_digest
    assert 3 == len(desk.store.events)


def test_an_approval_is_by_the_rules_that_were_looked_at() -> None:
    """The values may come to the same by other rules, and to other tiers: the second person was shown the tiers."""
    desk = Desk(needs_approval=True)
    desk.changes.update([LOOSER], by("ann"))
    looked = desk.changes.approve(1, by("ben", validate_only=True))
    before = desk.rules
    desk.rules = the_rules(centre=CENTRE.replace("below: $autonomy", "at_most: $autonomy"), bank=BANK, cards=CARDS)
    with pytest.raises(StaleRulesError):
        desk.changes.approve(1, by("ben", expected_rules_digest=looked.rules_digest))
    assert 1 == len(desk.store.events)
    desk.rules = before
    assert 2 == desk.changes.approve(1, by("ben", expected_rules_digest=looked.rules_digest)).revision


def test_a_store_that_always_has_others_first_ends_the_call() -> None:
    """Not the server's patience."""
    desk = Desk()
    other = ControlEvent(0, NOW_US, EventKind.THRESHOLDS_SET, "ben", "again", (a_setting(0.9),))
    desk.store.intruders = [other] * 100

    with pytest.raises(StaleRevisionError):
        desk.changes.update([TIGHTER], by())


def test_to_validate_changes_nothing_and_needs_no_reason() -> None:
    """Whoever looks first should not have to write first."""
    desk = Desk()

    outcome = desk.changes.update([TIGHTER], by(justification="", validate_only=True))

    assert (ChangeStatus.VALIDATED, 0, []) == (outcome.status, outcome.revision, desk.store.events)
    with pytest.raises(OutOfBoundsError):
        desk.changes.update([a_setting(7.0)], by(validate_only=True))


@pytest.mark.parametrize("expires_at_us", [NOW_US, NOW_US - 1, 0])
def test_a_value_that_would_have_ended_already_is_refused(expires_at_us: int) -> None:
    """It would look done and do nothing."""
    with pytest.raises(InvalidRequestError, match="expires_at"):
        Desk().changes.update([TIGHTER._replace(expires_at_us=expires_at_us)], by())


def test_a_removed_value_gives_way_to_the_files() -> None:
    """And only one that is there can be removed."""
    desk = Desk()
    desk.changes.update([TIGHTER], by())

    outcome = desk.changes.update([a_setting(None)], by())

    assert (EffectKind.LOOSENS, 0.85) == (outcome.kind, value(desk))
    with pytest.raises(InvalidRequestError, match="no live value of 'autonomy'"):
        desk.changes.update([a_setting(None)], by())


def test_a_value_whose_threshold_is_gone_can_still_be_removed() -> None:
    """A reload must not leave behind what nobody can clear."""
    desk = Desk()
    desk.changes.update([a_setting(0.89, policy="bank"), a_setting(0.6, "handover", intent="order_status")], by())
    desk.rules = the_rules(centre=CENTRE.replace("handover", "hand_over"))
    desk.records.add(intent="order_status", response_confidence=0.55)
    removals = [a_setting(None, policy="bank"), a_setting(None, "handover", intent="order_status")]

    assert desk.changes.update(removals, by(validate_only=True)).preview is not None
    for one in removals:
        desk.changes.update([one], by())

    assert {} == desk.log.state().values


def test_a_rollback_restores_the_values_of_a_revision() -> None:
    """In one event that says where it went back to; what has ended since stays so."""
    desk = Desk()
    desk.changes.update([TIGHTER], by())
    desk.changes.update([a_setting(50, "amount")._replace(expires_at_us=NOW_US + HOUR_US)], by())
    desk.changes.update([a_setting(0.9), a_setting(0.6, "handover"), a_setting(20, "amount")], by())

    outcome = desk.changes.roll_back(2, by("ben"))

    assert (ChangeStatus.IN_FORCE, 4, 2) == (outcome.status, outcome.revision, desk.store.events[-1].refers_to)
    assert [0.97, 0.5, 50] == [value(desk, name=name) for name in ("autonomy", "handover", "amount")]
    desk.now_us += HOUR_US
    desk.changes.update([a_setting(20, "amount")], by())
    desk.changes.roll_back(2, by())
    assert [0.97, 0.5, 100] == [value(desk, name=name) for name in ("autonomy", "handover", "amount")]


@pytest.mark.parametrize(("revision", "words"), [(-1, "from 0 to 1"), (2, "from 0 to 1"), (1, "nothing to change")])
def test_a_rollback_needs_another_revision_that_there_is(revision: int, words: str) -> None:
    """Anything else is a slip."""
    desk = Desk()
    desk.changes.update([TIGHTER], by())
    with pytest.raises(InvalidRequestError, match=f"to_revision.*{words}"):
        desk.changes.roll_back(revision, by())


@pytest.mark.parametrize(
    ("values", "rules", "words"),
    [
        (
            [a_setting(0.89, policy="bank", intent="card_lost")],
            the_rules(centre=CENTRE),
            "autonomy 0.89 in bank for intent card_lost: there is no policy 'bank'; set the values that you want anew",
        ),
        (
            [a_setting(0.6, "handover"), a_setting(50, "amount")],
            the_rules(centre=CENTRE.replace("handover", "hand_over")),
            "handover 0.6 in centre: policy 'centre' has no threshold 'handover' (did you mean 'hand_over'?)",
        ),
        (
            [a_setting(0.62, "autonomy")],
            the_rules(centre=CENTRE.replace("min: 0.60", "min: 0.70")),
            "autonomy 0.62 in centre: 0.62 is out of bounds: 'autonomy' must be from 0.7 to 0.99",
        ),
    ],
)
def test_a_rollback_to_what_the_rules_do_not_allow_any_more_says_so_of_its_own_field(
    values: list[Setting], rules: RulesInForce, words: str
) -> None:
    """Nobody sent changes whose number would say anything; leaving the value out would be another change than asked."""
    desk = Desk()
    desk.changes.update(values, by())
    desk.changes.roll_back(0, by())
    desk.rules = rules

    with pytest.raises(InvalidRequestError) as refused:
        desk.changes.roll_back(1, by())

    assert {"field": "to_revision"} == refused.value.metadata
    assert str(refused.value).startswith("to_revision: revision 1 has a value that the rules do not allow any more, ")
    assert words in str(refused.value)
    assert 2 == len(desk.store.events)


def test_a_rollback_takes_away_what_the_rules_do_not_know_any_more() -> None:
    """It is one of the ways out of the alarm."""
    desk = Desk()
    desk.changes.update([a_setting(0.6, "handover")], by())
    desk.rules = the_rules(centre=CENTRE.replace("handover", "hand_over"))

    desk.changes.roll_back(0, by())

    assert {} == desk.log.state().values


def test_a_rollback_to_looser_values_needs_a_second_person_too() -> None:
    """Else it would be the way round them; what waits says where it goes back to."""
    desk = Desk(needs_approval=True)
    desk.changes.update([TIGHTER], by())
    desk.changes.update([a_setting(0.98)], by())

    outcome = desk.changes.roll_back(1, by("ann"))

    assert (ChangeStatus.PENDING, 0.98) == (outcome.status, value(desk))
    assert (EventKind.CHANGE_PROPOSED, 1) == (desk.store.events[-1].kind, desk.store.events[-1].refers_to)
    desk.changes.approve(outcome.revision, by("ben"))
    assert 0.97 == value(desk)

    outcome = desk.changes.roll_back(0, by("ann"))
    desk.changes.approve(outcome.revision, by("ben"))
    assert 0.85 == value(desk)


def test_the_history_is_listed_newest_first_page_by_page() -> None:
    """Every event once."""
    desk = Desk()
    for number in range(7):
        desk.changes.update([a_setting(0.9 + number / 100)], by())

    pages = [desk.changes.list_events(3, before) for before in (None, 5, 2, 1)]

    assert [[7, 6, 5], [4, 3, 2], [1], []] == [[event.revision for event in page] for page in pages]


def test_while_the_store_is_down_nothing_is_changed() -> None:
    """And the caller is told so."""
    desk = Desk()
    desk.store.down = True
    with pytest.raises(StoreUnavailableError):
        desk.changes.update([TIGHTER], by())
