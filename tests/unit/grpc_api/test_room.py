"""Answers of any size: a client takes so much, and must be told what is not there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from oversight.feedback.error_rates import Counts, rate_of_counts
from oversight.grpc_api.convert.insight_replies import containment_to_proto, csat_to_proto, rates_to_proto
from oversight.grpc_api.convert.room import fitting
from oversight.insight.containment import Containments
from oversight.insight.rates import ErrorRates, GroupRate
from oversight.insight.satisfaction import CsatDelta, CsatDeltas
from oversight.insight.values import MOST_GROUPS, Containment, Grouped
from oversight.storage.evidence import Cell
from oversight.v1 import decision_pb2 as pb

MOST_CLIENTS_TAKE = 4 * 1024 * 1024
CELLS = [Cell(intent=f"{number:0128}", model_version="\u2603" * 128) for number in range(MOST_GROUPS)]
BEHIND = Grouped(left_out=7, through_us=None)
UNKNOWN = rate_of_counts(Counts(1, 0, 0, 0, 0, None), now_us=0, total_volume=1)


def error_rates() -> Any:
    """Return as many groups as there may be, with the longest names."""
    groups = tuple(GroupRate(cell, UNKNOWN, None) for cell in CELLS)
    return rates_to_proto(ErrorRates(GroupRate(Cell(), UNKNOWN, None), None, groups, BEHIND))


def containment() -> Any:
    """Return the same of containment."""
    total = Containment(Cell(), 1, 0, 0, 0, None, 0.0, 1.0, None)
    return containment_to_proto(Containments(total, tuple(total._replace(cell=cell) for cell in CELLS), BEHIND))


def satisfaction() -> Any:
    """Return the same of satisfaction."""
    total = CsatDelta(Cell(), 0, None, 0, None, None, None)
    return csat_to_proto(CsatDeltas(total, tuple(total._replace(cell=cell) for cell in CELLS), BEHIND))


@pytest.mark.parametrize(
    ("answer", "name"), [(error_rates, "rates"), (containment, "groups"), (satisfaction, "groups")]
)
def test_an_answer_is_never_larger_than_a_client_takes(answer: Callable[[], Any], name: str) -> None:
    """Whoever sends a new intent with every message must not keep everybody from an answer."""
    message = answer()
    shown = getattr(message, name)
    assert message.ByteSize() < MOST_CLIENTS_TAKE
    assert 0 < len(shown) < MOST_GROUPS
    assert MOST_GROUPS + 7 == len(shown) + message.left_out


def test_the_first_ones_fit() -> None:
    """They are the largest groups, or the worst warnings; nothing behind one that does not fit is shown."""
    messages = [pb.Comparison(signal="x" * size) for size in (10, 10, 90, 1)]
    kept, left_out = fitting(messages, most_bytes=60)
    assert (messages[:2], 2) == (kept, left_out)
