"""How many calls a second were due, were sent and were answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from oversight.cli.load_generator.measurement import Measurement
from oversight.cli.load_generator.shares import Plan
from oversight.cli.load_generator.transport import OK

__all__ = ["KEPT", "Rates"]

KEPT = 0.95
"""Share of the rate that was due which must have been sent; a run that sent less measured something else."""


@dataclass(frozen=True, slots=True)
class Rates:
    """
    Calls a second, and decisions a second.

    `due_per_s` differs from the rate asked for by the chance in Poisson arrivals. Calls that were sent after the end
    took longer than the run, and count for less: ten seconds' calls sent in twenty are half the rate.
    """

    due_per_s: float
    sent_per_s: float
    answered_per_s: float
    decisions_per_s: float

    @classmethod
    def of(cls, plan: Plan, measured: Measurement) -> Self:
        """Return the rates of what was *measured*, up to where it was stopped if it was."""
        run_s = plan.duration_s if measured.stopped_s is None else min(plan.duration_s, measured.stopped_s)
        if run_s <= 0:
            return cls(0.0, 0.0, 0.0, 0.0)
        answered = measured.latency_ns[OK].count if OK in measured.latency_ns else 0
        answering_s = max(run_s, measured.last_answered_s)
        return cls(
            due_per_s=(measured.sent + measured.skipped) / run_s,
            sent_per_s=measured.sent / max(run_s, measured.last_sent_s),
            answered_per_s=answered / answering_s,
            decisions_per_s=measured.decisions / answering_s,
        )

    @property
    def kept(self) -> bool:
        """Whether the generator sent what was due, as fast as it was due."""
        return self.due_per_s > 0 and self.sent_per_s >= KEPT * self.due_per_s
