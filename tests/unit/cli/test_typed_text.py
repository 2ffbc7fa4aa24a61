"""Text as a shell hands it over, in any bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from oversight.cli.typed_text import takes_text
from oversight.errors import UsageError

BYTES = "caf\udce9"


def given_after(**typed: object) -> dict[str, object]:
    """Return what a command is given of what was *typed*."""
    given: dict[str, object] = {}
    takes_text(lambda **values: given.update(values))(**typed)
    return given


def test_what_can_be_read_is_left_as_it_is() -> None:
    """Of any kind."""
    typed = {"intent": "café", "names": ["a", "é"], "count": 3, "yes": True, "nothing": None}

    assert typed == given_after(**typed)


def test_a_path_may_have_any_bytes() -> None:
    """So may a file's name."""
    assert {"file": Path(BYTES)} == given_after(file=Path(BYTES))


def test_a_justification_is_read_as_far_as_it_can_be() -> None:
    """It is for people."""
    assert {"justification": "caf?"} == given_after(justification=BYTES)


@pytest.mark.parametrize("value", [BYTES, ["a", BYTES]])
def test_what_names_something_is_refused(value: object) -> None:
    """With another letter in it, it would be the name of something else."""
    with pytest.raises(UsageError, match=r"page-token: expected text in UTF-8, got other bytes .*: 'caf\?'"):
        given_after(page_token=value)


def test_every_command_takes_text(run) -> None:
    """One of them that did not would end in an internal error, or name somebody else."""
    for words in (("erase", BYTES), ("thresholds", "set", BYTES, "1"), ("explain", BYTES)):
        result = run(*words)
        assert (2, True) == (result.exit_code, "expected text in UTF-8" in result.stderr), result.stderr
