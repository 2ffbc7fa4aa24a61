"""The list of signals."""

from __future__ import annotations

import pytest

from oversight.engine.request import REQUEST_FIELDS
from oversight.engine.signals import ATTRIBUTE_TYPES, NEGATIONS, OPERATORS, OPERATORS_BY_KIND, SIGNALS


@pytest.mark.parametrize("operator", sorted(NEGATIONS))
def test_a_negation_negated_is_the_operator(operator: str) -> None:
    """`not` twice is nothing."""
    assert operator == NEGATIONS[NEGATIONS[operator]]


def test_every_operator_of_a_kind_can_be_negated() -> None:
    """Every operator that a rule file may use can stand under `not`."""
    written = {operator for operators in OPERATORS_BY_KIND.values() for operator in operators} - {"between"}
    assert written <= OPERATORS


def test_every_signal_of_the_request_is_a_field() -> None:
    """A rule on a signal that no request can carry would never match."""
    assert {name for name, signal in SIGNALS.items() if signal.origin == "request"} <= set(REQUEST_FIELDS)


def test_every_kind_has_operators() -> None:
    """A kind without operators could not be read."""
    kinds = {signal.kind for signal in SIGNALS.values()} | set(ATTRIBUTE_TYPES.values())
    assert kinds == set(OPERATORS_BY_KIND)
