"""The breaker in the keeper: from the rules that the controller kept to an event that every controller follows."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract.memory_control_store import MemoryControlStore
from oversight.app.breaker_steps import BreakerSteps
from oversight.app.kept_rules import KeptRules
from oversight.app.last_good import LastGood, LastGoodFile
from oversight.engine.control import SYSTEM
from oversight.errors import InvalidPolicyError
from oversight.feedback.signs import Finding, Sign, Standing, State
from oversight.policies import SnapshotSource
from oversight.storage.warning_store import StoredWarning, WarningKey
from threshold_desk import CENTRE

STEPS = "breaker: {steps: {autonomy: 0.02}}\n"
DAY = 20_000


def a_warning(state: State = State.CRITICAL) -> StoredWarning:
    key = WarningKey(Sign.CSAT_FALLS, "", "", "order_status")
    return StoredWarning(key, Standing(State.CRITICAL, 5), Finding(Sign.CSAT_FALLS, state, 120), "It fell.", 7)


class Place:
    """A data folder with rules, and how often its control store was opened."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = MemoryControlStore()
        self.opened = 0
        self.steps = BreakerSteps(KeptRules(folder), self._open, clock_us=lambda: 1_800_000_000_000_000)

    def keep(self, text: str) -> None:
        source = SnapshotSource({"centre.yaml": text}, "centre")
        LastGoodFile(self.folder).keep(LastGood(source.to_document(), "digest", 5))

    def _open(self) -> MemoryControlStore:
        self.opened += 1
        return self.store


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_critical_warning_becomes_an_event_by_the_service(place: Place) -> None:
    """By the rules as they are now, once a day."""
    place.keep(CENTRE + STEPS)
    for _ in range(2):
        place.steps.take([a_warning(), a_warning(State.WARN)], DAY)

    (event,) = place.store.events
    assert (SYSTEM, ("order_status", 0.87)) == (event.author, (event.settings[0].intent, event.settings[0].value))


def test_new_rules_count_at_once(place: Place) -> None:
    """A policy owner who adds a breaker, or takes it away, need not restart anything."""
    place.keep(CENTRE)
    place.steps.take([a_warning()], DAY)
    assert 0 == place.opened

    place.keep(CENTRE + STEPS)
    place.steps.take([a_warning()], DAY)
    place.keep(CENTRE)
    place.steps.take([a_warning()], DAY + 1)

    assert (1, 1) == (len(place.store.events), place.opened)


def test_the_word_alone_is_no_breaker(place: Place) -> None:
    """A comment may speak of one."""
    place.keep("# no breaker here\n" + CENTRE)
    place.steps.take([a_warning()], DAY)

    assert 0 == place.opened


def test_without_anything_critical_nothing_is_read_or_opened(place: Place) -> None:
    """Most servers never need the memory."""
    place.steps.take([a_warning(State.WARN)], DAY)
    place.steps.take_causes([], DAY)

    assert 0 == place.opened


def test_before_anything_is_published_there_is_no_breaker(place: Place) -> None:
    """A keeper may start before the controller; that is no problem."""
    rules = KeptRules(place.folder)
    assert rules.published() is None

    place.keep(CENTRE + STEPS)
    found = rules.published()
    assert found is not None
    assert {"autonomy": 0.02} == found.policies["centre"].breaker.steps


@pytest.mark.parametrize("document", [None, "{}", '{"engine_version": 0}'])
def test_rules_that_cannot_be_read_are_told(place: Place, document: str | None) -> None:
    """A step that cannot be taken must not pass for one that was not called for."""
    if document is not None:
        LastGoodFile(place.folder).keep(LastGood(document, "digest", 5))

    with pytest.raises(InvalidPolicyError, match=r"last_good\.json"):
        place.steps.take([a_warning()], DAY)
