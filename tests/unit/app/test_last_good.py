"""The rules that a server with broken files starts with."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from oversight.app.last_good import LastGood, LastGoodFile

SECOND_US = 1_000_000
GOOD = LastGood('{"files": {}}', "d" * 64, 1_000 * SECOND_US)


def test_what_was_kept_is_read_by_the_next_run(tmp_path: Path) -> None:
    """Source, digest and time."""
    LastGoodFile(tmp_path).keep(GOOD)

    assert GOOD == LastGoodFile(tmp_path).read()
    assert 0o600 == stat.S_IMODE((tmp_path / "last_good.json").stat().st_mode)


def test_nothing_kept_is_nothing_read(tmp_path: Path) -> None:
    """The first start ever."""
    assert LastGoodFile(tmp_path).read() is None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"document": "x"}', '{"document": "x", "digest": "", "confirmed_at_us": null}']
)
def test_a_spoilt_file_is_nothing_read(tmp_path: Path, text: str) -> None:
    """A start must not fail on what was only meant to help."""
    (tmp_path / "last_good.json").write_text(text)

    assert LastGoodFile(tmp_path).read() is None


def test_the_age_counts_from_the_last_confirmation(tmp_path: Path) -> None:
    """Not from the day on which the rules were written."""
    file = LastGoodFile(tmp_path)
    file.keep(GOOD)

    file.confirm(GOOD.digest, GOOD.confirmed_at_us + 60 * SECOND_US)

    assert GOOD._replace(confirmed_at_us=1_060 * SECOND_US) == LastGoodFile(tmp_path).read()


def test_confirmations_are_not_written_every_second(tmp_path: Path) -> None:
    """A little older is the safe side, and disks wear."""
    file = LastGoodFile(tmp_path)
    file.keep(GOOD)

    file.confirm(GOOD.digest, GOOD.confirmed_at_us + 9 * SECOND_US)
    assert GOOD == file.read()

    file.confirm(GOOD.digest, GOOD.confirmed_at_us + 9 * SECOND_US, at_once=True)
    assert GOOD._replace(confirmed_at_us=1_009 * SECOND_US) == file.read()


def test_a_confirmation_of_other_rules_makes_these_no_younger(tmp_path: Path) -> None:
    """Killed between the two writes, the time would belong to the rules before."""
    file = LastGoodFile(tmp_path)
    file.confirm("e" * 64, GOOD.confirmed_at_us + 60 * SECOND_US)
    file.keep(GOOD)

    assert GOOD == LastGoodFile(tmp_path).read()


def test_a_spoilt_time_makes_rules_no_younger(tmp_path: Path) -> None:
    """Then they are as old as when they were kept."""
    LastGoodFile(tmp_path).keep(GOOD)
    (tmp_path / "last_good_confirmed.json").write_text(json.dumps({"digest": GOOD.digest}))

    assert GOOD == LastGoodFile(tmp_path).read()
