"""The one table of statuses: it has every error that can end a call, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from oversight.errors import CallError, InvalidRequestError, OverloadedError, OversightError, SetupError
from oversight.grpc_api.status import STATUSES, item_error
from oversight.v1.errors_pb2 import ErrorReason, ItemError

ERRORS_PROTO = Path(__file__).parents[3] / "proto" / "oversight" / "v1" / "errors.proto"
NOT_IN_THE_TABLE = {"ERROR_REASON_UNSPECIFIED", "ERROR_REASON_INTERNAL"}
"""Absent, and what stands for every error that nobody foresaw."""


def _leaves(error: type[OversightError]) -> set[type[OversightError]]:
    """Return the errors under *error* that are raised: those declared with it that have none below them."""
    below = [one for one in error.__subclasses__() if one.__module__ == "oversight.errors"]
    return set().union(*map(_leaves, below)) if below else {error}


def test_every_error_that_can_end_a_call_has_a_status() -> None:
    """One without would reach the caller as INTERNAL, which says nothing."""
    assert _leaves(CallError) == set(STATUSES)


def test_no_error_of_the_setup_has_a_status() -> None:
    """They name files and folders of the machine, which are no caller's business."""
    assert set() == _leaves(SetupError) & set(STATUSES)
    assert len(_leaves(SetupError)) > 1


def test_every_reason_of_the_api_is_given_by_one_error() -> None:
    """A reason that is never given is a promise not kept; one given twice cannot be told apart."""
    given = [ErrorReason.Name(reason) for _, reason in STATUSES.values()]

    assert sorted(set(ErrorReason.keys()) - NOT_IN_THE_TABLE) == sorted(given)


def test_the_api_documents_each_reason_with_its_status() -> None:
    """Integrators read the comment and write their handling from it."""
    documented = {reason: status for status, reason in _documented(ERRORS_PROTO.read_text())}

    assert "INTERNAL" == documented.pop("ERROR_REASON_INTERNAL")
    assert {ErrorReason.Name(reason): code.name for code, reason in STATUSES.values()} == documented


def _documented(text: str) -> list[tuple[str, str]]:
    """Return status and reason of each value: the first word of its comment, and its name."""
    return re.findall(r"^ +// ([A-Z_]+): .*\n(?: +//.*\n)* +(ERROR_REASON_\w+) = \d+;", text, re.MULTILINE)


@pytest.mark.parametrize("error", [InvalidRequestError("intent", "too long"), OverloadedError("wait")])
def test_an_item_of_a_batch_fails_as_the_call_would(error: CallError) -> None:
    """Whoever handles one handles both."""
    code, reason = STATUSES[type(error)]

    assert item_error(error) == ItemError(
        code=code.value[0], reason=reason, message=str(error), metadata=error.metadata
    )
