"""Figures with their spread, the targets they are held against, and the verdict."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = ["TARGETS", "Figure", "Findings", "NotMeasuredError", "Table", "Target", "judge", "ratios"]


class NotMeasuredError(Exception):
    """Something could not be measured; the text is the reason, and what would help."""


class Target(NamedTuple):
    """
    What a figure has to reach.

    At least *must* (and ideally *aim*) where *higher* is better, at most where it is not; both None where a figure is
    only reported. *unit* follows the figure; ratios have none.
    """

    key: str
    title: str
    must: float | None = None
    aim: float | None = None
    higher: bool = True
    unit: str = ""


TARGETS: tuple[Target, ...] = (
    Target("unary_floor", "unary throughput / floor", 0.80, 0.90),
    Target("lone_floor", "p50 of a lone caller / floor", 1.25, 1.10, higher=False),
    Target("unary_cerbos", "unary throughput / Cerbos with its log in a file, one CPU each", 1.2, 1.5),
    Target("p99_cerbos", "saturated p99 / Cerbos", 0.8, 0.6, higher=False),
    Target("batch_cerbos", "BatchDecide(50), decisions/s / Cerbos with 50 resources a call", 3, 6),
    Target("metrics", "throughput with metrics on / off", 0.97),
    Target("traces", "throughput with 10 % of traces sampled / off", 0.90),
    Target("workers", "CPU time per call, 2 workers / 1 worker", 1.15, 1.05, higher=False),
    Target("rules", "engine time, 10,000 rules over 1,000 intents / 30 rules", 1.5, 1.2, higher=False),
    Target("p99_draining", "p99 while a backlog is drained / not, at half of saturation", 1.5, 1.1, higher=False),
    Target(
        "p99_swapping", "p99 while 10,000 rules are swapped every 10 s / not, at half of saturation", 1.5, 1.1, False
    ),
    Target("synced", "throughput with records synced to disk, 32 callers / floor", 0.5, 0.7),
    Target("memory", "resident memory of a worker after load, default policy", 80, 60, higher=False, unit="MiB"),
    Target("drain", "drained records/s / decisions/s of one worker", 3),
    Target("coalescing", "decisions/s of 64 callers of one client, coalesced / alone"),
)
"""Every figure that is held against something, in the order of the table."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure, once for each round."""

    rounds: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.rounds:
            raise NotMeasuredError("no round was made")

    @property
    def median(self) -> float:
        """The median of the rounds."""
        return statistics.median(self.rounds)

    @property
    def low(self) -> float:
        """The lowest round."""
        return min(self.rounds)

    @property
    def high(self) -> float:
        """The highest round."""
        return max(self.rounds)


class Table(NamedTuple):
    """Figures that are only reported: a title, what stands above the columns, and rows of text."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Findings:
    """What one experiment found: figures by the key of their target, or why there is none, and tables."""

    figures: Mapping[str, Figure | NotMeasuredError] = field(default_factory=dict)
    tables: tuple[Table, ...] = ()


def judge(target: Target, found: Figure | NotMeasuredError) -> str:
    """Return the verdict on the median of a figure, in words."""
    if isinstance(found, NotMeasuredError):
        return f"not measured: {found}"
    if target.must is None:
        return "no target"
    if _reaches(target, found.median, target.aim):
        return "aim met"
    return "met" if _reaches(target, found.median, target.must) else "missed"


def ratios(above: Sequence[float], below: Sequence[float]) -> Figure:
    """Return the ratio of two series round by round: what drifts between rounds drifts in both."""
    return Figure(tuple(one / other for one, other in zip(above, below, strict=True)))


def _reaches(target: Target, value: float, limit: float | None) -> bool:
    if limit is None:
        return False
    return value >= limit if target.higher else value <= limit
