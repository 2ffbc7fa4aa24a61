"""Pages of a list, one after the other, up to as many entries as were asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Generic, Protocol, TypeVar

import typer

from oversight.cli.connection import send

__all__ = ["AsJsonLines", "Limit", "PageToken", "Pages"]

AsJsonLines = Annotated[bool, typer.Option("--json", help="Print JSON Lines, one entry each; an object for errors.")]
Limit = Annotated[int, typer.Option("--limit", min=1, metavar="N", help="Most entries to show.")]
PageToken = Annotated[
    str, typer.Option("--page-token", metavar="TEXT", help="Go on where an earlier call with the same filters ended.")
]

_LARGEST_PAGE = 1_000


class _Page(Protocol):
    """One page of a list."""

    @property
    def next_page_token(self) -> str: ...


P = TypeVar("P", bound=_Page)
T = TypeVar("T")


class Pages(Generic[P, T]):
    """
    What *call* lists with *filters*, *limit* entries at most (None: all), those of each page by *entries*.

    Iterating asks for a page when its turn comes; `following` is then where more begin, or empty.
    """

    def __init__(
        self,
        call: Callable[..., P],
        entries: Callable[[P], Sequence[T]],
        filters: Mapping[str, Any],
        limit: int | None = None,
        page_token: str = "",
    ) -> None:
        self.following = page_token
        self._call = call
        self._entries = entries
        self._filters = filters
        self._left = limit

    def __iter__(self) -> Iterator[T]:
        while self._left != 0:
            size = _LARGEST_PAGE if self._left is None else min(self._left, _LARGEST_PAGE)
            page = send(self._call, {**self._filters, "page_size": size, "page_token": self.following})
            found = self._entries(page)
            if self._left is not None:
                self._left -= len(found)
            self.following = page.next_page_token
            yield from found
            if not self.following:
                return
