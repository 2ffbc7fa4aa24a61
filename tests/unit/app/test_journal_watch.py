"""A worker whose journal cannot record says so, and says when it can again."""

from __future__ import annotations

import logging

import pytest

from oversight.app.journal_watch import JournalWatch


class Journal:
    """A journal whose trouble is set."""

    def __init__(self, problem: str = "") -> None:
        """Begin with *problem*."""
        self.problem = problem
        self.upcoming = problem
        self.tended = 0

    def tend(self) -> None:
        """Take over what comes."""
        self.tended += 1
        self.problem = self.upcoming


def test_health_follows_the_journal(caplog: pytest.LogCaptureFixture) -> None:
    """Once for each change: health checks are not to be told ten times a second."""
    caplog.set_level(logging.INFO)
    journal, told = Journal(), list[bool]()
    watch = JournalWatch(journal, told.append)
    for upcoming in ("", "disk full", "disk full", "disk on fire", "", ""):
        journal.upcoming = upcoming
        watch.step()

    assert 6 == journal.tended
    assert [False, True] == told
    assert ["decisions cannot be recorded: disk full", "decisions are recorded again"] == caplog.messages


def test_a_worker_that_could_not_record_at_its_start_serves_when_it_can() -> None:
    """It was told at the start that it must not serve."""
    journal, told = Journal("disk full"), list[bool]()
    watch = JournalWatch(journal, told.append)
    watch.step()
    assert [] == told
    journal.upcoming = ""

    watch.step()

    assert [True] == told


def test_where_serving_goes_on_the_trouble_is_logged_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    """The operator has to know why tiers are raised."""
    journal = Journal()
    watch = JournalWatch(journal, None)
    journal.upcoming = "disk full"

    watch.step()

    assert ["decisions cannot be recorded: disk full"] == caplog.messages
