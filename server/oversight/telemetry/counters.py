"""What one process has counted since it started: plain integers, read by metrics and by `oversight status`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from oversight.engine.decision import Evaluation, Tier

__all__ = ["Counters"]


class Counters:
    """
    Counts of one process, since its start.

    Any thread may count at any time. There is no lock: CPython switches threads at calls and at the ends of loops,
    never between the read and the write of `+=` on an integer, and a counter in an OpenTelemetry instrument would cost
    a hundred times as much on the call path.
    """

    __slots__ = ("_calls", "_decisions", "_failures", "_lost", "_outcomes", "_refused", "_synced", "_syncs")

    def __init__(self) -> None:
        self._decisions: dict[tuple[int, int], int] = {
            (int(tier), int(evaluation)): 0 for tier in Tier for evaluation in Evaluation
        }
        self._calls: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._outcomes = 0
        self._lost = 0
        self._failures: defaultdict[str, int] = defaultdict(int)
        self._refused: defaultdict[str, int] = defaultdict(int)
        self._syncs = 0
        self._synced = 0

    def count_decision(self, tier: int, evaluation: int) -> None:
        """Count one decision that was answered; both are the engine's numbers."""
        self._decisions[tier, evaluation] += 1

    def count_outcome(self) -> None:
        """Count one outcome that was acknowledged."""
        self._outcomes += 1

    def count_lost(self, records: int) -> None:
        """Count *records* that could not be put on record: how blind the operator is."""
        self._lost += records

    def count_failure(self, cause: str) -> None:
        """Count one call whose records could not be written, by the `cause` of its `RecordUnavailableError`."""
        self._failures[cause] += 1

    def count_sync(self, syncs: int, calls: int) -> None:
        """Count *syncs* of the journal, and the *calls* that went on then."""
        self._syncs += syncs
        self._synced += calls

    def count_refused_caller(self, cause: str) -> None:
        """Count one call that was refused for who sent it, by the cause (`access.identity.RefusedError`, `role`)."""
        self._refused[cause] += 1

    def count_call(self, method: str, code: str) -> None:
        """Count one finished call of *method* (`oversight.v1.DecisionService/Decide`) with a gRPC status name."""
        self._calls[method, code] += 1

    @property
    def lost(self) -> int:
        """Records that could not be written."""
        return self._lost

    @property
    def outcomes(self) -> int:
        """Outcomes acknowledged."""
        return self._outcomes

    @property
    def syncs(self) -> int:
        """Syncs of the journal."""
        return self._syncs

    @property
    def synced(self) -> int:
        """Calls that waited for a sync of the journal."""
        return self._synced

    def failures(self) -> Mapping[str, int]:
        """Return calls whose records could not be written by cause, as they are now."""
        return dict(self._failures)

    def refused_callers(self) -> Mapping[str, int]:
        """Return calls refused for who sent them by cause, as they are now."""
        return dict(self._refused)

    def decisions(self) -> Mapping[tuple[int, int], int]:
        """Return decisions answered by (tier, evaluation), as they are now."""
        return self._decisions.copy()

    def calls(self) -> Mapping[tuple[str, str], int]:
        """Return finished calls by (method, status name), as they are now."""
        return dict(self._calls)

    def as_dict(self) -> dict[str, object]:
        """
        Return everything in a form that JSON can carry.

        `decisions` is the total, `tiers` and `evaluations` split it by name, `calls` maps a method to status names,
        `record_failures` a cause to the calls whose records could not be written, `refused_callers` one to the calls
        that were refused for who sent them.
        """
        tiers = {tier.name: 0 for tier in Tier}
        evaluations = {evaluation.name: 0 for evaluation in Evaluation}
        for (tier, evaluation), count in self.decisions().items():
            tiers[Tier(tier).name] += count
            evaluations[Evaluation(evaluation).name] += count
        calls: dict[str, dict[str, int]] = {}
        for (method, code), count in sorted(self.calls().items()):
            calls.setdefault(method, {})[code] = count
        return {
            "decisions": sum(tiers.values()),
            "tiers": tiers,
            "evaluations": evaluations,
            "outcomes": self._outcomes,
            "records_lost": self._lost,
            "record_failures": self.failures(),
            "refused_callers": self.refused_callers(),
            "syncs": self._syncs,
            "synced_calls": self._synced,
            "calls": calls,
        }
