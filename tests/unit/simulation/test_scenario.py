"""Scenario files: those of the package, and what is wrong in others."""

from __future__ import annotations

from pathlib import Path

import pytest

from oversight.errors import InvalidPolicyError, UsageError
from oversight.feedback.signs import Sign
from oversight.simulation.scenario import find_scenario, packaged_scenarios, read_scenario

GOOD = """\
scenario: small
description: A small one.
days: 5
warm_up_days: 1
messages_per_day: 20
intents:
  - {intent: order_status, share: 0.5}
  - {intent: refund_request, share: 0.5}
changes:
  - from_day: 2
    intents: [order_status]
    to: {error_rate: 0.5}
expected: [csat_falls]
"""


def test_every_sign_has_a_scenario_of_the_package() -> None:
    """And there is one in which nothing happens, and one that only the error rate shows."""
    scenarios = {name: read_scenario(path) for name, path in packaged_scenarios().items()}

    assert set(Sign) == {sign for one in scenarios.values() for sign in one.expected_signs}
    assert all(name == one.scenario for name, one in scenarios.items())
    assert (None, frozenset()) == (scenarios["quiet"].onset_day, scenarios["quiet"].expected_signs)
    assert frozenset() == scenarios["drift"].expected_signs


def test_a_file_is_taken_as_well_as_a_name(tmp_path: Path) -> None:
    """People write their own."""
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD, encoding="utf-8")

    assert path == find_scenario(str(path))
    assert ("small", 5, 2) == (read_scenario(path).scenario, read_scenario(path).days, read_scenario(path).onset_day)


def test_a_name_that_is_none_is_answered_with_those_there_are() -> None:
    """Most are typing errors."""
    with pytest.raises(UsageError, match="did you mean quiet"):
        find_scenario("quite")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("days: 5", "days: 0", "3:|'days' must be at least 1"),
        (
            "share: 0.5}\n  - {intent: refund",
            "share: 0.4}\n  - {intent: refund",
            "6:|the shares of the intents make 0.9",
        ),
        ("intent: refund_request", "intent: order_status", "8:|the intent 'order_status' stands above already"),
        ("intents: [order_status]", "intents: [order_stats]", "11:|no intent 'order_stats'"),
        ("from_day: 2", "from_day: 5", "10:|the scenario ends before day 5"),
        ("warm_up_days: 1", "warm_up_days: 5", "4:|the scenario ends before its warm-up does"),
        ("{error_rate: 0.5}", "{error_rat: 0.5}", "12:|unknown key 'error_rat'"),
        ("{error_rate: 0.5}", "{error_rate: 1.5}", "12:|'error_rate' must be at most 1"),
        ("{error_rate: 0.5}", "{}", "10:|must change at least one field"),
        ("[csat_falls]", "[csat_rises]", "13:|'expected', item 1, is csat_falls"),
        ("scenario: small", "scenario: Small", "1:|'scenario' must be small letters"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    """As of rule files."""
    path = tmp_path / "mine.yaml"
    assert old in GOOD
    path.write_text(GOOD.replace(old, new), encoding="utf-8")

    with pytest.raises(InvalidPolicyError) as caught:
        read_scenario(path)

    line, _, words = said.rpartition("|")
    assert words in str(caught.value)
    assert f"mine.yaml:{line}" in str(caught.value)


def test_a_file_that_is_no_text_is_said_to_be(tmp_path: Path) -> None:
    """A picture by mistake must not end in a traceback."""
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(InvalidPolicyError, match="cannot be read as UTF-8"):
        read_scenario(path)
