"""What the service says about thresholds, as frozen values; fields, units and ranges are those of docs/api.md."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from oversight_client.enums import (
    CertificateStatus,
    ChangeStatus,
    Direction,
    Effect,
    ThresholdEventKind,
    ThresholdSource,
)

__all__ = [
    "CandidateProof",
    "PendingChange",
    "Recommendation",
    "StopScope",
    "ThresholdEffect",
    "ThresholdEvent",
    "ThresholdHistory",
    "ThresholdPreview",
    "ThresholdScope",
    "ThresholdSet",
    "ThresholdSetting",
    "ThresholdUpdate",
    "ThresholdValue",
    "TierMix",
]


@dataclass(frozen=True, slots=True)
class ThresholdScope:
    """Where a value applies; what is empty means every one."""

    intent: str = ""
    department: str = ""
    currency: str = ""


@dataclass(frozen=True, slots=True)
class ThresholdValue:
    """One threshold as it is in force in a scope; `file_value` is what would be if no live value were."""

    name: str
    description: str
    value: float
    file_value: float
    minimum: float
    maximum: float
    tightens: Direction
    source: ThresholdSource
    set_for: ThresholdScope


@dataclass(frozen=True, slots=True)
class ThresholdSetting:
    """One live value; None as `value` removes it, `expires_at` (UTC) is when it ends by itself, None never."""

    policy: str
    name: str
    scope: ThresholdScope
    value: float | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class PendingChange:
    """A change that waits for a second person until `lapses_at`."""

    revision: int
    author: str
    at: datetime
    justification: str
    settings: tuple[ThresholdSetting, ...]
    lapses_at: datetime | None


@dataclass(frozen=True, slots=True)
class ThresholdSet:
    """What is in force in one scope of a policy; give `revision` to the next change."""

    revision: int
    policy: str
    scope: ThresholdScope
    values: tuple[ThresholdValue, ...]
    live: tuple[ThresholdSetting, ...]
    pending: tuple[PendingChange, ...]


@dataclass(frozen=True, slots=True)
class ThresholdEffect:
    """What becomes of one threshold in one scope of one policy, at once or `since` a time that is to come."""

    policy: str
    name: str
    scope: ThresholdScope
    before: float
    after: float
    effect: Effect
    since: datetime | None


@dataclass(frozen=True, slots=True)
class TierMix:
    """How many decisions had each tier."""

    human_on_the_loop: int
    human_in_the_loop: int
    human_as_the_loop: int


@dataclass(frozen=True, slots=True)
class ThresholdPreview:
    """
    The newest decisions on record, decided again with the values before and after, as they are in force at once.

    What comes later, effects with `since`, is not in it.
    """

    decisions: int
    erased: int
    not_replayable: int
    before: TierMix
    after: TierMix


@dataclass(frozen=True, slots=True)
class ThresholdUpdate:
    """
    A change and what became of it; `preview` is there where it was only validated and records could be read.

    `rules_digest` is that of the rules by which it was checked: the calls that change something take it as
    *expected_rules_digest*.
    """

    status: ChangeStatus
    revision: int
    settings: tuple[ThresholdSetting, ...]
    effects: tuple[ThresholdEffect, ...]
    effect: Effect
    needs_approval: bool
    preview: ThresholdPreview | None
    lapses_at: datetime | None
    rules_digest: str


@dataclass(frozen=True, slots=True)
class StopScope:
    """What a stop is about; both empty is everything."""

    department: str
    intent: str


@dataclass(frozen=True, slots=True)
class ThresholdEvent:
    """One event of the history, never altered."""

    revision: int
    at: datetime
    kind: ThresholdEventKind
    author: str
    justification: str
    settings: tuple[ThresholdSetting, ...]
    effects: tuple[ThresholdEffect, ...]
    refers_to: int
    lapses_at: datetime | None
    stop: StopScope | None


@dataclass(frozen=True, slots=True)
class ThresholdHistory:
    """Some events, newest first; more follow while `next_page_token` is not empty."""

    changes: tuple[ThresholdEvent, ...]
    next_page_token: str


@dataclass(frozen=True, slots=True)
class CandidateProof:
    """What the labels say about one value of a threshold."""

    threshold: float
    n: int
    errors: int
    missed: int
    upper_bound: float
    p_value: float
    autonomy: float
    tested: bool


@dataclass(frozen=True, slots=True)
class Recommendation:
    """
    The most lenient proven value of a threshold, or an honest no (`threshold` is None).

    It changes nothing: a person applies it. `candidates` go from strict to lenient; `delta` is the chance of error that
    this answer spent. Nothing is said of `other_model_versions`, which the value would govern, too.
    """

    status: CertificateStatus | None
    threshold: float | None
    n: int
    errors: int
    missed: int
    upper_bound: float
    autonomy: float
    labels_needed: int
    eligible: int
    candidates: tuple[CandidateProof, ...]
    policy: str
    name: str
    signal: str
    model_version: str
    value_in_force: float
    autonomy_in_force: float
    call: int
    delta: float
    stored: bool
    digest: str
    erased: int
    evidence_through: datetime | None
    other_model_versions: tuple[str, ...]
