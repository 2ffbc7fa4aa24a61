"""What is sent: requests of the size they say, and policies that compile."""

from __future__ import annotations

import pytest

from bench.bodies import batch_of, request, request_of_size
from bench.many_rules import intents_of, rule_files
from bench.peer import check_message
from oversight.policies import SnapshotSource, compile_source


@pytest.mark.parametrize("size_bytes", [200, 1_000, 10_000])
def test_a_request_has_the_size_that_was_asked_for(size_bytes: int) -> None:
    """A table by size is about these sizes."""
    assert pytest.approx(size_bytes, rel=0.02, abs=15) == request_of_size(size_bytes).ByteSize()


def test_no_request_has_an_id() -> None:
    """With one, every call after the first would be the same decision again."""
    assert {""} == {one.request_id for one in (request(), *batch_of(3).requests)}


def test_rules_are_as_many_as_asked_for_over_all_files() -> None:
    """A policy that extends another has the rules of both."""
    source = SnapshotSource(files=rule_files(70, intents_of_a_file=3), default_policy="contact_centre")
    assert 3 == len(source.files)
    _, rules = compile_source(source)
    policy = rules.policies["contact_centre"]
    assert (70, frozenset(intents_of(70))) == (len(policy.rules), policy.intents)


def test_ten_thousand_rules_fit_into_files_of_a_mebibyte() -> None:
    """A larger file is refused, and the row with it."""
    assert max(len(text) for text in rule_files(10_000).values()) <= 1 << 20


def test_cerbos_is_asked_about_every_message() -> None:
    """Fifty resources in one call are compared with fifty requests in one."""
    assert 40 < len(check_message(50)) / len(check_message(1)) < 50
