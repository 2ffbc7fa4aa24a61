"""Rows on a screen of any width."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from oversight.cli.listing import Listing


def printed(width: int) -> str:
    """Return what a screen of so many columns shows of two rows."""
    listing = Listing(["Decision", "Intent"], ["AI less people", "Error rate"], "Title", verdicts=True)
    listing.add("0123456789abcdef" * 2, "card_status", "+1.50", "2.00 %", "worse")
    listing.add("fedcba9876543210" * 2, "", "-", "-", "-")
    screen = Console(file=StringIO(), width=width, highlight=False)
    listing.print(screen)
    assert isinstance(screen.file, StringIO)
    return "".join(f"{line.rstrip()}\n" for line in screen.file.getvalue().splitlines())


def test_a_wide_screen_has_a_table():
    """One line a row, with headings above."""
    lines = printed(120).splitlines()
    (row,) = [line for line in lines if "card_status" in line]
    assert ["0123456789abcdef" * 2, "card_status", "+1.50", "2.00", "%", "worse"] == row.split()
    assert any("Decision" in line and "Error rate" in line for line in lines)


def test_a_narrow_screen_cuts_nothing_off():
    """Half an id is no id, and half a number is another number."""
    text = printed(60)
    assert f"{'0123456789abcdef' * 2}, card_status\n  worse: AI less people +1.50; error rate 2.00 %\n" in text
    assert f"{'fedcba9876543210' * 2}\n  AI less people -; error rate -\n" in text
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 60


def test_both_have_the_title():
    """Four tables follow each other."""
    assert "Title" in printed(120)
    assert "Title" in printed(60)
