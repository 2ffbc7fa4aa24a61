"""What journals hold of somebody who was erased."""

from __future__ import annotations

from pathlib import Path

from oversight.journal.framing import frame
from oversight.journal.leftovers import blank_torn, find_segments
from oversight.journal.reader import SegmentReader


def a_folder(root: Path) -> Path:
    folder = root / "worker-0"
    folder.mkdir(parents=True)
    return folder


def test_segments_with_records_of_the_person_are_named(tmp_path: Path) -> None:
    """Until the drain has removed them, the person is not forgotten."""
    folder = a_folder(tmp_path)
    (folder / "000000000001-aa.journal").write_bytes(frame(b"about anna") + frame(b"about bob"))
    (folder / "000000000002-bb.journal").write_bytes(frame(b"about bob"))
    (folder / "000000000003-cc.torn").write_bytes(frame(b"about anna"))

    assert [folder / "000000000001-aa.journal"] == find_segments(tmp_path, "anna")
    assert [] == find_segments(tmp_path / "none", "anna")


def test_of_a_torn_segment_only_what_is_the_person_s_is_blanked(tmp_path: Path) -> None:
    """The rest may still be of use to whoever looks into the damage."""
    torn = a_folder(tmp_path) / "000000000001-aa.torn"
    bob, anna, cut = frame(b"about bob"), frame(b"about anna"), frame(b"more about anna, cut off")[:-7]
    garbage = b"\xff\xfe\xfd\xfc" * 8
    torn.write_bytes(bob + anna + garbage + bob + cut)

    assert [torn] == blank_torn(tmp_path, "anna")

    assert bob + bytes(len(anna)) + garbage + bob + bytes(len(cut)) == torn.read_bytes()
    with SegmentReader(torn, 0) as reader:
        assert [b"about bob", b"about bob"] == [entry.payload for entry in reader]
    assert [] == blank_torn(tmp_path, "anna")


def test_without_torn_segments_there_is_nothing_to_do(tmp_path: Path) -> None:
    """As on every healthy machine."""
    a_folder(tmp_path)

    assert [] == blank_torn(tmp_path, "anna")
