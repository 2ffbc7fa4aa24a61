"""The sums of a replay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from oversight.feedback.facts import ErrorCategory, OutcomeFacts, QaSubject, Verdict
from oversight.feedback.intervals import exact_interval
from oversight.feedback.labels import loss_of
from oversight_client.enums import Escalation, Tier
from oversight_client.values import Decision

__all__ = ["Tally", "is_error"]

NO_DEPARTMENT = "(none)"


def is_error(outcome: Mapping[str, object]) -> bool | None:
    """
    Return whether *outcome*'s facts say that the AI was wrong; None where they say nothing.

    Wrong: rejected, edited in what it says, taken over for a fault of the AI's, or a critical point of quality missed
    by it (`feedback.labels`). Seeded errors and what somebody merely volunteered enter no rate.
    """
    if outcome.get("planted") or outcome.get("label_basis") == "volunteered":
        return None
    facts = OutcomeFacts(
        observed_at_us=0,
        verdict=_number(Verdict, outcome.get("verdict")),
        error_category=_number(ErrorCategory, outcome.get("error_category")),
        qa_subject=_number(QaSubject, outcome.get("qa_subject")),
        qa_critical_fail=bool(outcome.get("qa_critical_fail")),
    )
    loss = loss_of(facts)
    return None if loss is None else bool(loss)


def _number(kind: type[IntEnum], name: object) -> int | None:
    return kind.__members__.get(str(name).upper())


@dataclass(slots=True)
class _TierCount:
    count: int = 0
    labelled: int = 0
    errors: int = 0

    def as_dict(self, messages: int) -> dict[str, object]:
        """Return the counts with share and rate; the rate is None without labels: nothing is known then."""
        low, high = exact_interval(self.errors, self.labelled) if self.labelled else (None, None)
        return {
            "count": self.count,
            "share": self.count / messages if messages else 0.0,
            "errors": self.errors,
            "labelled": self.labelled,
            "error_rate": self.errors / self.labelled if self.labelled else None,
            "error_low": low,
            "error_high": high,
        }


class _Tiers:
    def __init__(self) -> None:
        self._counts = {tier: _TierCount() for tier in Tier}

    def add(self, tier: Tier, wrong: bool | None) -> None:
        count = self._counts[tier]
        count.count += 1
        count.labelled += wrong is not None
        count.errors += wrong is True

    def as_dict(self) -> dict[str, object]:
        messages = sum(count.count for count in self._counts.values())
        return {str(tier): count.as_dict(messages) for tier, count in self._counts.items()}


@dataclass(slots=True)
class Tally:
    """
    What was decided, summed up; one thread adds.

    `failed` counts rows, each once: those that could not be read, were refused, got no answer, or whose outcome did.
    `unrecorded` counts decisions that the server could not put on record. `repeated` counts rows whose decision another
    row had already: the same request twice, of which one label enters the rates.
    """

    failed: int = 0
    unrecorded: int = 0
    repeated: int = 0
    _messages: int = 0
    _labelled_by_id: dict[str, bool] = field(default_factory=dict)
    _tiers: _Tiers = field(default_factory=_Tiers)
    _departments: dict[str, _Tiers] = field(default_factory=dict)
    _escalations: Counter[str] = field(default_factory=Counter)
    _reasons: Counter[str] = field(default_factory=Counter)

    @property
    def decided(self) -> int:
        """How many messages were decided."""
        return self._messages

    def add(self, decision: Decision, department: str, outcome: Mapping[str, object]) -> bool:
        """Count one decision and, where *outcome* has facts, whether the AI was wrong; return if it is repeated."""
        labelled = self._labelled_by_id.get(decision.decision_id)
        wrong = None if labelled else is_error(outcome)
        if decision.decision_id:
            self._labelled_by_id[decision.decision_id] = bool(labelled) or wrong is not None
        self.repeated += labelled is not None
        self._messages += 1
        self._tiers.add(decision.tier, wrong)
        self._departments.setdefault(department or NO_DEPARTMENT, _Tiers()).add(decision.tier, wrong)
        self._escalations[str(decision.escalation)] += 1
        self._reasons.update({reason.code for reason in decision.reasons})
        self.unrecorded += not decision.recorded
        return labelled is not None

    def as_dict(self, seconds: float) -> dict[str, object]:
        """
        Return every figure for machines; *seconds* is how long it took.

        `messages` counts those decided; `reasons` counts messages per code, every reason of a message, commonest
        first; tiers and escalations are all there, also with 0. Intervals are exact, at 95 %.
        """
        return {
            "messages": self._messages,
            "tiers": self._tiers.as_dict(),
            "escalations": {str(name): self._escalations[str(name)] for name in Escalation},
            "reasons": dict(sorted(self._reasons.items(), key=lambda item: (-item[1], item[0]))),
            "departments": {name: {"tiers": self._departments[name].as_dict()} for name in sorted(self._departments)},
            "decisions_per_s": self._messages / seconds if seconds > 0 else 0.0,
            "failed": self.failed,
            "unrecorded": self.unrecorded,
            "repeated": self.repeated,
        }
