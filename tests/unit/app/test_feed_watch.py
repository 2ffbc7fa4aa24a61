"""The keeper's feed, seen from outside."""

from __future__ import annotations

import logging

import pytest

from oversight.app.feed_watch import FeedState, FeedWatch
from oversight.errors import StoreUnavailableError
from oversight.storage.election import SoleProcess
from oversight.storage.evidence_feed import Fed


class Records:
    """Records that wait, a clock that passes with each batch, and who is elected."""

    def __init__(self, batches: int, *, batch_s: float = 0.2, elected: bool = True) -> None:
        self.batches = batches
        self.now_s = 0.0
        self.elected = elected
        self.pauses: list[float] = []
        self.is_away = False
        self.fed = 0
        self._batch_s = batch_s

    def step(self) -> Fed:
        """Take a batch."""
        self._answer()
        if self.fed == self.batches:
            return Fed()
        self.fed += 1
        self.now_s += self._batch_s
        return Fed(decisions=1, more=True)

    def through_us(self) -> int | None:
        """Tell how many batches were taken."""
        self._answer()
        return self.fed or None

    def is_elected(self) -> bool:
        """Say so."""
        return self.elected

    def close(self) -> None:
        """Do nothing."""

    def _answer(self) -> None:
        if self.is_away:
            raise StoreUnavailableError("the store cannot be read: away")


def a_watch(records: Records) -> FeedWatch:
    return FeedWatch(
        records,
        records,
        through_us=records.through_us,
        slice_s=0.5,
        clock=lambda: records.now_s,
        pause=records.pauses.append,
    )


def test_a_backlog_is_fed_in_slices_without_waiting_in_between() -> None:
    """A store that is years old becomes evidence in the background; the report comes each second all the same."""
    records = Records(5)
    watch = a_watch(records)
    assert FeedState() == watch.state

    watch.step()
    assert (3, True, FeedState(3)) == (records.fed, watch.hurries, watch.state)
    watch.step()
    assert (5, False, FeedState(5)) == (records.fed, watch.hurries, watch.state)


@pytest.mark.parametrize(("batch_s", "pause_s"), [(0.2, 0.2), (0.001, 0.03)])
def test_between_two_batches_the_store_is_free_for_as_long_as_a_batch_takes(batch_s: float, pause_s: float) -> None:
    """The drain looks for SQLite's lock now and then, and must find it free."""
    records = Records(2, batch_s=batch_s)

    a_watch(records).step()

    assert [pytest.approx(pause_s)] * 2 == records.pauses


def test_whoever_is_not_elected_feeds_nothing_and_still_says_how_far_it_is() -> None:
    """Two keepers on one database: the work is done once, and each server's status is right."""
    records = Records(5, elected=False)
    records.fed = 4
    watch = a_watch(records)

    watch.step()

    assert (4, False, FeedState(4)) == (records.fed, watch.hurries, watch.state)


def test_a_store_that_is_away_is_waited_for_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is lost by it: cursors stay where they are."""
    records = Records(1)
    watch = a_watch(records)
    records.is_away = True
    with caplog.at_level(logging.ERROR):
        watch.step()
        watch.step()
    assert FeedState(None, "the store cannot be read: away") == watch.state
    assert 1 == len(caplog.records)
    assert not watch.hurries

    records.is_away = False
    watch.step()

    assert FeedState(1) == watch.state


def test_the_only_process_is_elected() -> None:
    """A data folder has one server."""
    only = SoleProcess()
    only.close()

    assert only.is_elected()
