"""The state in force is the fold of what administrators decided."""

from __future__ import annotations

import pytest

from contract.control_samples import AT_US, a_change, a_release, a_setting, a_stop, an_event, of_file
from oversight.engine.control import ControlEvent, ControlState, EngagedStop, EventKind, PendingChange, fold
from oversight.engine.limits import LiveValue
from oversight.engine.snapshot import Stop

LIVE = LiveValue("contact_centre", "autonomy_confidence", 0.9)


def folded(*events: ControlEvent) -> ControlState:
    return fold(ControlState(), (event._replace(revision=number) for number, event in enumerate(events, 1)))


def test_nothing_is_in_force_before_the_first_event() -> None:
    """Then the files alone decide."""
    assert (0, (), ()) == (folded().revision, folded().live(AT_US), folded().stops)


def test_a_value_is_in_force_until_it_is_removed() -> None:
    """None gives the scope back to the file."""
    assert (LIVE,) == folded(a_change(0.9)).live(AT_US)
    assert (LIVE._replace(value=0.8),) == folded(a_change(0.9), a_change(0.8)).live(AT_US)
    assert () == folded(a_change(0.9), a_change(None), a_change(None)).live(AT_US)


def test_scopes_are_values_of_their_own() -> None:
    """A value for one department must not replace the one for all."""
    state = folded(a_change(0.9), a_change(0.8, department="bank"), a_change(None, intent="refund"))

    assert {(LIVE, LIVE._replace(value=0.8, department="bank"))} == {state.live(AT_US)}


@pytest.mark.parametrize(("at_us", "expected"), [(AT_US - 1, (LIVE,)), (AT_US, ()), (AT_US + 1, ())])
def test_a_value_is_over_at_its_time(at_us: int, expected: tuple[LiveValue, ...]) -> None:
    """Whoever loosens for an evening need not come back at night."""
    assert expected == folded(a_change(0.9, expires_at_us=AT_US)).live(at_us)


def test_a_proposal_changes_nothing_until_it_is_approved() -> None:
    """Four eyes: the author alone cannot loosen."""
    proposal = an_event(EventKind.CHANGE_PROPOSED, settings=(a_setting(0.7),), lapses_at_us=AT_US + 5)
    proposed = folded(proposal)
    assert () == proposed.live(AT_US)
    waiting = PendingChange(1, "anna", AT_US, "complaints", (a_setting(0.7),), AT_US + 5)
    assert {1: waiting} == dict(proposed.pending)

    approval = an_event(EventKind.CHANGE_APPROVED, settings=(a_setting(0.7),), refers_to=1)
    approved = folded(proposal, approval)
    assert ((LIVE._replace(value=0.7),), {}) == (approved.live(AT_US), dict(approved.pending))


@pytest.mark.parametrize("kind", [EventKind.CHANGE_REJECTED, EventKind.CHANGE_LAPSED])
def test_a_proposal_that_is_over_is_gone(kind: EventKind) -> None:
    """Nobody may approve it any more."""
    state = folded(an_event(EventKind.CHANGE_PROPOSED, settings=(a_setting(0.7),)), an_event(kind, refers_to=1))

    assert (2, {}, ()) == (state.revision, dict(state.pending), state.live(AT_US))


def test_a_stop_holds_until_it_is_released() -> None:
    """Each stop is released by itself."""
    state = folded(a_stop(), a_stop("bank"), a_release())

    assert (EngagedStop(Stop("bank"), "anna", AT_US, "complaints", 2),) == state.stops


def test_a_stop_engaged_by_others_is_everyones() -> None:
    """Whoever engaged it is known until it is released, and how often they pressed is not."""
    state = folded(a_stop(), a_stop(author="ben"), a_stop())

    assert [("ben", 2), ("anna", 3)] == [(one.author, one.revision) for one in state.stops]
    assert (Stop(),) == state.stopped


def test_a_release_of_what_is_not_engaged_is_nothing() -> None:
    """Two people may release at once."""
    assert () == folded(a_release("bank")).stops


def test_a_release_on_one_machine_ends_what_was_engaged_there_and_nothing_else() -> None:
    """Whoever lets go of a stop of their machine cannot see what others have stopped since."""
    state = folded(
        a_stop("bank"),
        a_stop("bank", author="local:ann", evidence=of_file("a")),
        a_stop("bank", author="local:ann", evidence=of_file("b")),
        a_release("bank", evidence=of_file("a")),
    )

    assert [("anna", ""), ("local:ann", "b")] == [(one.author, one.local_stop) for one in state.stops]
    assert (Stop("bank"),) == state.stopped


def test_a_stop_engaged_behind_that_of_a_machine_outlives_its_release() -> None:
    """The file's events are recorded when the store answers, which may be long after."""
    state = folded(
        a_stop(evidence=of_file("a")),
        a_stop(author="ben"),
        a_release(evidence=of_file("a")),
    )

    assert ["ben"] == [one.author for one in state.stops]


def test_a_release_through_the_admin_port_ends_every_stop_of_its_scope() -> None:
    """However they were engaged: it is on record who let go of all of them."""
    state = folded(a_stop("bank"), a_stop("bank", evidence=of_file("a")), a_stop(), a_release("bank"))

    assert (Stop(),) == state.stopped


@pytest.mark.parametrize("evidence", ["{", "[]", '{"host": "one"}'])
def test_evidence_that_names_no_file_is_of_the_admin_port(evidence: str) -> None:
    """It is a text for people: whatever it says, an event can be folded."""
    assert [""] == [one.local_stop for one in folded(a_stop(evidence=evidence)).stops]
    assert () == folded(a_stop(), a_release(evidence=evidence)).stops


@pytest.mark.parametrize("revision", [0, 1, 3])
def test_a_gap_is_an_error(revision: int) -> None:
    """An event that is missing would leave a state that was never in force."""
    state = folded(a_change(0.9))

    with pytest.raises(ValueError, match=f"event {revision} does not follow 1"):
        fold(state, [a_change(0.8)._replace(revision=revision)])


def test_a_stop_event_without_a_stop_is_an_error() -> None:
    """It must not be taken for a stop of nothing."""
    with pytest.raises(ValueError, match="event 1 is a STOP_ENGAGED without a stop"):
        folded(an_event(EventKind.STOP_ENGAGED))


def test_a_fold_leaves_the_state_before_as_it_was() -> None:
    """Others decide by it meanwhile."""
    before = folded(a_change(0.9), a_stop())
    fold(before, [a_change(None)._replace(revision=3), a_release()._replace(revision=4)])

    assert ((LIVE,), 1) == (before.live(AT_US), len(before.stops))
