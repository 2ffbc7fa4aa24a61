"""Pages of a list, one after the other."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from oversight.cli.paging import Pages
from oversight.errors import UsageError


class Page(NamedTuple):
    """Some numbers, and where more begin."""

    numbers: list[int]
    next_page_token: str


class Counting:
    """Lists 0 to 9, at most three a page; the calls are kept."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, str]] = []

    def __call__(self, *, page_size: int, page_token: str) -> Page:
        self.calls.append((page_size, page_token))
        first = int(page_token or 0)
        last = min(10, first + min(3, page_size))
        return Page(list(range(first, last)), str(last) if last < 10 else "")


def pages(counting: Counting, limit: int | None = None, page_token: str = "") -> Pages[Page, int]:
    return Pages(counting, lambda page: page.numbers, {}, limit, page_token)


def test_a_page_is_asked_for_when_its_turn_comes():
    """A year of decisions is exported in the memory of one page."""
    counting = Counting()
    numbers = iter(pages(counting))
    assert [0, 1, 2] == [next(numbers) for _ in range(3)]
    assert [(1_000, "")] == counting.calls
    assert 3 == next(numbers)
    assert [(1_000, ""), (1_000, "3")] == counting.calls


def test_all_of_it_or_as_much_as_was_asked_for():
    """And where more begin."""
    assert list(range(10)) == list(pages(Counting()))
    some = pages(Counting(), limit=4)
    assert ([0, 1, 2, 3], "4") == (list(some), some.following)
    assert [8, 9] == list(pages(Counting(), page_token=str(8)))


def test_a_filter_that_cannot_be_sent_is_the_users_fault():
    """Exit code 2, in words."""
    with pytest.raises(UsageError, match="unexpected keyword"):
        list(Pages(Counting(), lambda page: page.numbers, {"weather": "fine"}))
