"""When the evidence is complete: a day must not be tested on half of what was recorded, nor wait for the next one."""

from __future__ import annotations

from dataclasses import dataclass, field

from oversight.app.feed_watch import FeedWatch
from oversight.errors import StoreUnavailableError
from oversight.storage.evidence_feed import Fed


@dataclass
class FakeFeed:
    """A feed with so many batches before it has everything; and whether this process is elected."""

    batches: int = 0
    drained_us: int = 100
    elected: bool = True
    away: bool = False
    taken: list[int] = field(default_factory=list)

    def step(self) -> Fed:
        if self.away:
            raise StoreUnavailableError("the store is away")
        self.taken.append(self.drained_us)
        self.drained_us += 1  # the drain goes on meanwhile
        self.batches -= 1
        return Fed(more=self.batches >= 0)

    def is_elected(self) -> bool:
        return self.elected

    def close(self) -> None:
        pass


def watch(feed: FakeFeed) -> FeedWatch:
    """Return a watch over *feed* whose slices hold one batch."""
    return FeedWatch(
        feed,
        feed,
        through_us=lambda: 7,
        drained_through_us=lambda: feed.drained_us,
        slice_s=0.0,
        clock=lambda: 0.0,
        pause=lambda _: None,
    )


def test_it_is_complete_up_to_what_was_drained_before_the_last_look() -> None:
    """What came to the store during that look may be missing; what came before is in, though nothing comes any more."""
    feed = FakeFeed(batches=1)
    watched = watch(feed)

    watched.step()
    assert (True, 0) == (watched.hurries, watched.state.complete_us)
    watched.step()
    assert (False, 101, 7) == (watched.hurries, watched.state.complete_us, watched.state.through_us)


def test_who_is_not_elected_or_cannot_feed_knows_of_nothing_more() -> None:
    """Another keeper may be behind; and a store that is away has not been looked into."""
    feed = FakeFeed()
    watched = watch(feed)
    watched.step()
    for problem in ("elected", "away"):
        setattr(feed, problem, problem == "away")
        feed.drained_us = 500
        watched.step()
        assert 100 == watched.state.complete_us
        feed.elected, feed.away = True, False
