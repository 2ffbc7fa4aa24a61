"""The controller's desk for thresholds: the settings it works by, and proposals that lapse."""

from __future__ import annotations

from typing import Any

from contract.memory_control_store import MemoryControlStore
from oversight.app.threshold_desk import ThresholdDesk
from oversight.engine.control import EventKind
from oversight.engine.snapshot import Stop
from oversight.settings import Settings
from oversight.thresholds.outcome import ChangeStatus
from threshold_desk import HOUR_US, NOW_US, MemoryRecords, a_setting, by, the_rules

LOOSER = a_setting(0.8)


class Running:
    """A desk at a time that can be set."""

    def __init__(self, **settings: Any) -> None:
        self.now_us = NOW_US
        self.store = MemoryControlStore()
        self.desk = ThresholdDesk(
            Settings(default_policy="centre", **settings),
            self.store,
            rules=the_rules,
            records=MemoryRecords(),
            clock_us=lambda: self.now_us,
        )
        self.changes = self.desk.use_cases.changes


def test_what_loosens_waits_where_the_setting_says_so() -> None:
    """And nowhere else: whoever wants two people has to say so."""
    assert ChangeStatus.IN_FORCE is Running().changes.update([LOOSER], by()).status
    strict = Running(loosening_needs_approval=True)
    assert ChangeStatus.PENDING is strict.changes.update([LOOSER], by()).status
    assert Stop() == strict.desk.use_cases.stops.engage(Stop(), "local", "at once").stop


def test_a_proposal_lapses_after_the_hours_of_the_setting() -> None:
    """A decision of last month must not come into force today."""
    running = Running(loosening_needs_approval=True, approval_ttl_h=0.5)
    running.changes.update([LOOSER], by())
    running.desk.step()
    assert 1 == len(running.store.events)

    running.now_us += HOUR_US // 2
    running.desk.step()

    assert EventKind.CHANGE_LAPSED is running.store.events[-1].kind


def test_a_store_that_is_down_is_for_the_next_time() -> None:
    """The loop goes on."""
    running = Running()
    running.store.down = True
    running.desk.step()
