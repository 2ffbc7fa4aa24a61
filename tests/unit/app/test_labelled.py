"""How many labels there are, on its way from the store to the workers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from oversight.app.handover import clear_run, run_folder
from oversight.app.labelled import LabelledWatch, labelled_stamp, read_labelled
from oversight.errors import StoreUnavailableError
from oversight.storage.evidence import LabelCounts


class Counts:
    """What the store counts; away where that is None."""

    def __init__(self, *counts: LabelCounts) -> None:
        self.found: Sequence[LabelCounts] | None = counts

    def __call__(self) -> Sequence[LabelCounts]:
        """Return it."""
        if self.found is None:
            raise StoreUnavailableError("the store cannot be read: away")
        return self.found


ONE = LabelCounts("acme", "refund", "m1", 5)
OTHER = LabelCounts("", "", "modèle-\u2603", 7)


def test_what_was_counted_is_read(tmp_path: Path) -> None:
    """By tenant, intent and model version; empty where requests have none."""
    assert ({}, None) == (read_labelled(tmp_path), labelled_stamp(tmp_path))

    LabelledWatch(tmp_path, Counts(ONE, OTHER)).step()

    assert {("acme", "refund", "m1"): 5, ("", "", "modèle-\u2603"): 7} == read_labelled(tmp_path)


def test_it_is_written_only_where_it_changed(tmp_path: Path) -> None:
    """Workers read it again for each new file, and there are many of them."""
    counts = Counts(ONE)
    watch = LabelledWatch(tmp_path, counts)
    watch.step()
    before = labelled_stamp(tmp_path)
    watch.step()
    assert before == labelled_stamp(tmp_path)

    counts.found = (ONE._replace(labels=6),)
    watch.step()

    assert before != labelled_stamp(tmp_path)
    assert {("acme", "refund", "m1"): 6} == read_labelled(tmp_path)


def test_without_the_store_what_was_written_stays(tmp_path: Path) -> None:
    """Labels do not go away; not to know newer ones is on the safe side."""
    counts = Counts(ONE)
    watch = LabelledWatch(tmp_path, counts)
    watch.step()
    counts.found = None

    watch.step()

    assert {("acme", "refund", "m1"): 5} == read_labelled(tmp_path)


def test_no_more_are_handed_on_than_a_worker_should_keep(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Somebody sends a new intent with every message; of those left out no label is known, which is more careful."""
    counts = [LabelCounts("acme", f"intent-{number}", "", number) for number in range(1, 6)]

    LabelledWatch(tmp_path, Counts(*counts), most=2).step()

    assert {("acme", "intent-5", ""): 5, ("acme", "intent-4", ""): 4} == read_labelled(tmp_path)
    assert "the 3 with the fewest count as none" in caplog.text


def test_too_many_are_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """They are looked at every three seconds; a log full of that hides everything else."""
    counts = Counts(ONE, OTHER)
    watch = LabelledWatch(tmp_path, counts, most=1)
    watch.step()
    counts.found = (ONE, OTHER, ONE._replace(model_version="m2"))
    watch.step()
    assert 1 == len(caplog.records)

    counts.found = (ONE,)
    watch.step()
    counts.found = (ONE, OTHER)
    watch.step()
    assert 2 == len(caplog.records), "it was well meanwhile"


@pytest.mark.parametrize("content", ["", "{", "{}x", "[1]", '[["a","b","c"]]', '[["a","b","c","many"]]', "7"])
def test_a_damaged_file_is_as_if_no_label_were_known(tmp_path: Path, content: str) -> None:
    """Rules then take an intent for unproven: more human, and no worker stops."""
    (tmp_path / "labelled.json").write_text(content)

    assert {} == read_labelled(tmp_path)


def test_what_an_earlier_run_counted_is_not_taken_over(tmp_path: Path) -> None:
    """Its store may have been another."""
    run = run_folder(tmp_path)
    clear_run(tmp_path)
    LabelledWatch(run, Counts(ONE)).step()

    clear_run(tmp_path)

    assert {} == read_labelled(run)
