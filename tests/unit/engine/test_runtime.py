"""What compiled rules call."""

from __future__ import annotations

import math
from typing import Any

import pytest

from oversight.engine.request import ServerFacts
from oversight.engine.runtime import age_s, attribute, choice_name, margin, observe, primary
from unit.engine.examples import a_request

FACTS = ServerFacts(labelled_outcomes=7)
SECOND_US = 1_000_000


@pytest.mark.parametrize(
    ("confidence", "runner_up", "expected"), [(0.9, 0.8, 0.1), (None, 0.8, None), (0.9, None, None), (0.5, 0.5, 0.0)]
)
def test_the_margin(confidence: float | None, runner_up: float | None, expected: float | None) -> None:
    """To nine decimals, so that 0.9 - 0.8 meets a limit of 0.1."""
    assert expected == margin(confidence, runner_up)


@pytest.mark.parametrize(
    ("measured_us", "expected"),
    [
        (None, None),
        (-30 * SECOND_US, 30.0),
        (0, 0.0),
        (5 * SECOND_US, 0.0),
        (5 * SECOND_US + 1, None),
        pytest.param(10**400, None, id="after-all-time"),
    ],
)
def test_the_age_of_signals(measured_us: int | None, expected: float | None) -> None:
    """Clocks may differ by five seconds; beyond that the time is wrong and the age unknown."""
    assert expected == age_s(measured_us, 0)


def test_signals_from_before_all_time_are_very_old() -> None:
    """A number too large for a float is no reason to fail."""
    age = age_s(-(10**400), 0)
    assert age is not None
    assert age > 10**9


@pytest.mark.parametrize(("tag", "expected"), [("en-GB", "en"), ("DE_at", "de"), ("fr", "fr"), ("", ""), (None, None)])
def test_the_primary_subtag(tag: str | None, expected: str | None) -> None:
    """Gateways write language tags in every way there is."""
    assert expected == primary(tag)


VALUES: list[tuple[Any, set[str]]] = [
    ("north", {"string"}),
    (1.5, {"double"}),
    (1, {"double", "int"}),
    (True, {"bool"}),
]


@pytest.mark.parametrize("kind", ["string", "double", "int", "bool"])
@pytest.mark.parametrize(("value", "kinds"), VALUES)
def test_an_attribute_has_its_declared_type(value: Any, kinds: set[str], kind: str) -> None:
    """`true` is not 1: a wrong type fails the rule rather than quietly not matching."""
    if kind in kinds:
        assert value == attribute({"a": value}, "a", kind)
    else:
        with pytest.raises(TypeError, match=f"attribute a is not of type {kind}"):
            attribute({"a": value}, "a", kind)


def test_an_absent_attribute_is_absent() -> None:
    """Whether there are others or not."""
    assert (None, None) == (attribute(None, "a", "int"), attribute({"b": 1}, "a", "int"))


@pytest.mark.parametrize(
    ("signal", "expected"),
    [
        ("intent", "thanks"),
        ("attributes.region", "north"),
        ("attributes.else", None),
        ("intent_margin", 0.5),
        ("signal_age_s", 2.0),
        ("labelled_outcomes", 7),
        ("churn_risk", None),
    ],
)
def test_observing_a_signal(signal: str, expected: Any) -> None:
    """The slow way to what compiled rules read."""
    request = a_request(
        attributes={"region": "north"},
        intent_confidence=0.75,
        intent_runner_up_confidence=0.25,
        signal_time_us=a_request().decided_at_us - 2 * SECOND_US,
        churn_risk=math.nan,
    )
    assert expected == observe(signal, request, FACTS)


def test_attributes_may_be_absent_altogether() -> None:
    """Most requests have none."""
    assert observe("attributes.region", a_request(), FACTS) is None


@pytest.mark.parametrize(
    ("signal", "value", "expected"),
    [("channel", 3, "voice"), ("channel", 99, 99), ("channel", None, None), ("turn_index", 3, 3)],
)
def test_enum_values_have_names(signal: str, value: Any, expected: Any) -> None:
    """As rule files write them."""
    assert expected == choice_name(signal, value)
