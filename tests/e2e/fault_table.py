"""One table of every fault that was injected, with what was missing or twice on record afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest

__all__ = ["FAULTS", "FaultTable", "Row"]

_HEADS = ("fault", "store", "rounds", "replies", "missing", "duplicates", "outcomes", "missing", "duplicates")


class Row(NamedTuple):
    """
    What a fault did, counted in decisions and outcomes.

    `replies` are decisions that a caller was told are on record, `outcomes` those acknowledged; `missing` of them are
    not in the store, `duplicates` are there more than once.
    """

    fault: str
    store: str
    rounds: int
    replies: int
    missing: int
    duplicates: int
    outcomes: int
    missing_outcomes: int
    duplicate_outcomes: int

    @property
    def is_clean(self) -> bool:
        """Whether there were replies, and each decision and outcome is on record once."""
        lost = self.missing + self.duplicates + self.missing_outcomes + self.duplicate_outcomes
        return self.replies > 0 and self.outcomes > 0 and lost == 0


@dataclass(slots=True)
class FaultTable:
    """The rows of one run of the tests, and the faults that could not be injected here with the reason."""

    rows: list[Row]
    skipped: list[tuple[str, str, str]]

    def add(self, row: Row) -> None:
        """Keep *row*, and fail if anything is missing or twice, or if the fault met no replies."""
        self.rows.append(row)
        assert row.is_clean, row

    def skip(self, fault: str, store: str, reason: str) -> None:
        """Note that *fault* cannot be injected here."""
        self.skipped.append((fault, store, reason))

    def to_plain(self) -> list[list[tuple[Any, ...]]]:
        """Return the table as one process of a run hands it to the one that prints it."""
        return [[tuple(row) for row in self.rows], list(self.skipped)]

    def take_plain(self, plain: list[list[tuple[Any, ...]]]) -> None:
        """Add the table that `to_plain` returned in another process."""
        rows, skipped = plain
        self.rows += [Row(*row) for row in rows]
        self.skipped += [(fault, store, reason) for fault, store, reason in skipped]

    def lines(self) -> list[str]:
        """Return the table as text, numbers to the right."""
        rows = [
            _HEADS,
            *(tuple(f"{value:,}" if isinstance(value, int) else value for value in row) for row in self.rows),
        ]
        widths = [max(len(row[place]) for row in rows) for place in range(len(_HEADS))]
        lines = [
            " | ".join(
                text.ljust(width) if place < 2 else text.rjust(width)
                for place, (text, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in rows
        ]
        lines.insert(1, "-+-".join("-" * width for width in widths))
        return lines + [f"not injected: {fault} ({store}): {reason}" for fault, store, reason in self.skipped]


FAULTS = pytest.StashKey[FaultTable]()
"""Where a run has its table."""
