"""What the engine answers: plain values, numbered like the enums of the API."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

__all__ = [
    "Comparison",
    "Decision",
    "Escalation",
    "Evaluation",
    "OnExpiry",
    "Reason",
    "Scalar",
    "Tier",
    "Value",
]

Scalar = str | int | float | bool
"""One literal of a rule, or one value of a signal."""

Value = Scalar | tuple[Scalar, ...] | None
"""What a comparison saw or was compared with; None where the signal was absent."""


class Tier(IntEnum):
    """How much a person is in charge; a higher number is more human."""

    HUMAN_ON_THE_LOOP = 1
    HUMAN_IN_THE_LOOP = 2
    HUMAN_AS_THE_LOOP = 3


class Escalation(IntEnum):
    """Whether the conversation goes to a person, and how; a higher number is stronger."""

    NONE = 1
    OFFER = 2
    TRANSFER = 3


class Evaluation(IntEnum):
    """How a decision came about; ERROR is reported before STALE, STALE before the others."""

    MATCHED = 1
    DEFAULT = 2
    STALE = 3
    ERROR = 4


class OnExpiry(IntEnum):
    """What to do when the time for a review has run out."""

    HOLD = 1
    TRANSFER = 2


class Comparison(NamedTuple):
    """
    One comparison that made a rule match: *observed* *operator* *limit*.

    Enum signals show their rule-file names (`vip`). `limit_source` is `literal`, or the threshold's name, scope and
    origin (`autonomy_confidence[intent=order_change] file`).
    """

    signal: str
    observed: Value
    operator: str
    limit: Value
    limit_source: str


class Reason(NamedTuple):
    """One rule that matched, with what it asks for and the comparisons that made it match."""

    code: str
    rule_id: str
    message: str
    tier: int
    escalation: int
    comparisons: tuple[Comparison, ...]


class Decision(NamedTuple):
    """
    What was decided for one request, and by which snapshot.

    A named tuple: a frozen dataclass of this size takes four times as long to build, once a call.

    `decision_id` is 32 lower-case hex digits; `digest` 64, of the snapshot. `audit_probability` is in 0..1, and 0 for
    any tier but on the loop. `review_sla_s` is in seconds; None where the policy sets none. `recorded` is False only
    in a decision made anew because the journal could not write.
    """

    decision_id: str
    tier: Tier
    escalation: Escalation
    reasons: tuple[Reason, ...]
    shadow_reasons: tuple[Reason, ...]
    missing_signals: tuple[str, ...]
    evaluation: Evaluation
    policy: str
    policy_version: str
    commit: str
    digest: str
    threshold_revision: int
    audit_selected: bool
    audit_probability: float
    audit_key_id: str
    review_sla_s: int | None
    on_expiry: OnExpiry | None
    recorded: bool
