"""The report and its place in a document."""

from __future__ import annotations

import json

import pytest

from bench.figures import TARGETS, Figure, NotMeasuredError, Table
from bench.machine import ROOT
from bench.report import BEGIN, END, as_document, count, render, replace_between, spread

FACTS = ["Measured on a machine."]
TABLE = Table("Absolute", ("", "p50 ms"), (("a|b", "0.210"),))


def row_of(report: str, title: str) -> list[str]:
    """Return the cells of the row that begins with *title*."""
    (line,) = [line for line in report.splitlines() if line.startswith(f"| {title} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_row_shows_target_median_spread_and_verdict() -> None:
    """A reader holds the figure against its target without looking anywhere else."""
    report = render(FACTS, {"unary_floor": Figure((0.71, 0.853, 0.99))}, (), rounds=3)
    expected = ["unary throughput / floor", "≥ 0.8", "≥ 0.9", "0.85", "0.71..0.99", "met"]
    assert expected == row_of(report, "unary throughput / floor")


def test_units_stand_beside_figures_and_targets() -> None:
    """A bare 80 could be anything."""
    title = "resident memory of a worker after load, default policy"
    report = render(FACTS, {"memory": Figure((57.44,))}, (), rounds=1)
    assert [title, "≤ 80 MiB", "≤ 60 MiB", "57.4 MiB", "57.4..57.4", "aim met"] == row_of(report, title)


def test_every_target_has_its_row_whatever_was_measured() -> None:
    """A figure that is left out must be seen to be left out."""
    report = render(FACTS, {"batch_cerbos": NotMeasuredError("npm is missing")}, (), rounds=1)
    assert ["not measured: npm is missing"] == row_of(report, TARGETS[4].title)[-1:]
    others = [row_of(report, target.title)[-1] for target in TARGETS if target.key != "batch_cerbos"]
    assert {"not measured: no experiment was asked for it"} == set(others)


def test_tables_follow_with_their_titles_and_cells_stay_cells() -> None:
    """A bar in a name would shift every figure behind it."""
    assert render(FACTS, {}, (TABLE,), rounds=1).endswith(
        "### Absolute\n\n|  | p50 ms |\n| --- | --- |\n| a\\|b | 0.210 |"
    )


def test_only_what_is_between_the_marks_is_replaced() -> None:
    """The prose around it is written by people."""
    document = f"Before.\n\n{BEGIN}\nold\n{END}\n\nAfter.\n"
    once = replace_between(document, "\nnew | table\n\n")
    assert f"Before.\n\n{BEGIN}\nnew | table\n{END}\n\nAfter.\n" == once
    assert once == replace_between(once, "new | table")


def test_the_document_has_its_marks() -> None:
    """Without them, a run of twenty minutes ends without a place for its table."""
    assert "table\n<!--" in replace_between((ROOT / "docs" / "performance.md").read_text("utf-8"), "table")


@pytest.mark.parametrize(
    "document",
    ["no marks", BEGIN, END, f"{END}\n{BEGIN}", f"{BEGIN}{BEGIN}{END}", f"{BEGIN}{END}{END}", f"{END}{BEGIN}{END}"],
)
def test_a_document_without_clear_marks_is_left_alone(document: str) -> None:
    """Guessing could delete a chapter."""
    with pytest.raises(ValueError, match="expected one"):
        replace_between(document, "new")


@pytest.mark.parametrize(
    ("value", "shown"), [(12345.6, "12,346"), (123.4, "123"), (12.34, "12.3"), (1.234, "1.23"), (0.1234, "0.123")]
)
def test_figures_have_the_digits_that_say_something(value: float, shown: str) -> None:
    """More digits would pretend to a precision that no run has."""
    assert shown == count(value)


def test_a_spread_is_shown_where_there_is_one() -> None:
    """A single round has none, and must not look as if it had."""
    assert ("1.50 (1.00..2.00)", "1.50") == (spread([1.0, 2.0, 1.5]), spread([1.5]))


def test_the_document_for_machines_has_every_round() -> None:
    """Who doubts a median wants the rounds."""
    figures: dict[str, Figure | NotMeasuredError] = {
        "unary_floor": Figure((0.8, 0.6)),
        "metrics": NotMeasuredError("no metrics arrived"),
    }
    said = json.loads(json.dumps(as_document(FACTS, figures, (TABLE,))))
    assert [0.8, 0.6] == said["figures"]["unary_floor"]["rounds"]
    assert "missed" == said["figures"]["unary_floor"]["verdict"]
    assert "no metrics arrived" == said["figures"]["metrics"]["not_measured"]
    assert {target.key for target in TARGETS} == said["figures"].keys()
    assert [["a|b", "0.210"]] == said["tables"][0]["rows"]
