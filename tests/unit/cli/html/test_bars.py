"""Intervals beside a reference, as SVG."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from oversight.cli.html.bars import Bar, draw_bars


def drawn(*bars, span=(0.0, 0.1)):
    """Return the lines of *bars*, the reference's place, and the whole."""
    figure = draw_bars("rates & more", bars, span=span, reference=(0.05, "target"), shown=lambda value: f"{value:.2f}")
    tree = ElementTree.fromstring(figure)  # noqa: S314  # just made
    lines = [line.attrib for line in tree.iter("line") if line.get("class") == "bar"]
    (reference,) = [float(line.attrib["x1"]) for line in tree.iter("line") if line.get("class") == "reference"]
    return lines, reference, tree


def test_an_interval_lies_beside_the_reference_where_it_should():
    """Below is left of the line, above is right of it, and both ends count."""
    (below, above, both), reference, _ = drawn(
        Bar("a", 0.02, 0.01, 0.03, "below", "good"),
        Bar("b", 0.08, 0.06, 0.09, "above", "bad"),
        Bar("c", 0.05, 0.04, 0.06, "open", "open"),
    )
    assert float(below["x2"]) < reference < float(above["x1"])
    assert float(both["x1"]) < reference < float(both["x2"])
    assert float(both["x2"]) == pytest.approx(float(above["x1"]))


def test_what_goes_on_beyond_the_axis_has_an_arrow_and_stays_inside():
    """A rate nobody knows may be anything up to 1."""
    (line,), _, tree = drawn(Bar("a", None, 0.0, 1.0, "not known", "unknown"))
    assert 670 == float(line["x2"])
    assert 1 == len(list(tree.iter("path")))
    assert [] == list(tree.iter("circle")), "what is not known has no point"
    assert line["stroke-dasharray"], "and looks unlike what is known without any colour"


def test_each_bar_says_in_words_what_its_colour_says():
    """People who see no red read it."""
    _, _, tree = drawn(Bar("retail <banking>", 0.02, 0.01, 0.03, "below the target", "good"))
    words = [text.text for text in tree.iter("text")]
    assert "below the target" in words
    assert "retail <banking>" in words
    assert ["retail <banking>: below the target"] == [title.text for title in tree.iter("title")]


def test_the_axis_is_marked_at_round_values():
    """2.3 %, 4.6 % and 6.9 % cannot be read between."""
    _, _, tree = drawn(Bar("a", 0.02, 0.01, 0.03, "", "good"), span=(-0.115, 0.115))
    marks = [text.text or "" for text in tree.iter("text") if re.fullmatch(r"-?0\.\d\d", text.text or "")]
    assert ["-0.10", "-0.05", "0.00", "0.05", "0.10"] == [mark.replace("-0.00", "0.00") for mark in marks]


def test_a_long_name_is_cut_where_it_is_drawn_and_whole_where_one_points():
    """Names of intents have up to 128 characters."""
    _, _, tree = drawn(Bar("x" * 100, 0.02, 0.01, 0.03, "w", "good"))
    assert f"{'x' * 39}…" in [text.text for text in tree.iter("text")]
    assert f"{'x' * 100}: w" in [title.text for title in tree.iter("title")]
