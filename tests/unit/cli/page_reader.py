"""What a page says: its text, its numbers, and what it would load."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

__all__ = ["Page", "numbers_in", "read_page"]

_LOADING = {"script", "link", "iframe", "img", "object", "embed", "video", "audio", "source", "base", "form"}


class Page(HTMLParser):
    """A page that was read: `text`, `numbers` (each with what people see), `loads` (what comes from elsewhere)."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.numbers: list[tuple[float, str]] = []
        self.loads: list[str] = []
        self.classes: list[str] = []
        self.unclosed: list[str] = []
        self._value: float | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.classes += (given.get("class") or "").split()
        if tag in _LOADING or any(name in given for name in ("src", "href", "xlink:href", "srcset", "onclick")):
            self.loads.append(tag)
        if tag == "data":
            self._value = float(given["value"] or "nan")
        if tag not in ("meta", "!doctype"):
            self.unclosed.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.unclosed.pop()

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.unclosed.pop(), f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._value is not None:
            self.numbers.append((self._value, data))
            self._value = None


def read_page(path: Path) -> Page:
    """Return what is in the file."""
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    page.close()
    assert [] == page.unclosed
    return page


def numbers_in(value: Any) -> Iterator[float]:
    """Yield every number in a JSON value."""
    if isinstance(value, dict):
        for item in value.values():
            yield from numbers_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from numbers_in(item)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield float(value)
