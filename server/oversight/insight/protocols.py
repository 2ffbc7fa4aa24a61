"""What insights need of the store beside the evidence, and no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from oversight.engine.decision import Reason

__all__ = ["ReasonReader"]


class ReasonReader(Protocol):
    """Reads the reasons of decisions, many at once."""

    def find_reasons(self, ids: Sequence[str]) -> Mapping[str, tuple[Reason, ...]]:
        """Return the reasons by decision id; decisions that are gone are left out. Raises `StoreUnavailableError`."""
        ...
