"""What outcomes teach, as frozen values; field names, units and ranges are those of docs/api.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from oversight_client.enums import LabelBasis, RateState, Tier, WarningSign, WarningState
from oversight_client.values import StoredDecision

__all__ = [
    "Correction",
    "CorrectionPage",
    "DueAudit",
    "DueAuditPage",
    "ErrorRate",
    "ErrorRateReport",
    "InsightGroup",
    "OversightWarning",
    "WarningReport",
]


@dataclass(frozen=True, slots=True)
class InsightGroup:
    """Decisions that share these values; None in what the answer is not split by, empty where requests named none."""

    tenant_id: str | None = None
    department: str | None = None
    intent: str | None = None
    tier: Tier | None = None
    model_version: str | None = None


@dataclass(frozen=True, slots=True)
class ErrorRate:
    """
    How often the AI errs in one group: `errors` of `n` labels, between `low` and `high`.

    Where `state` is INSUFFICIENT_DATA nothing is proven yet, and `labels_needed` says how many labels are missing.
    """

    group: InsightGroup
    state: RateState | None
    n: int
    errors: int
    rate: float | None
    low: float
    high: float
    volume: int
    volume_share: float
    labelled_share: float
    missed_share: float
    newest_label_at: datetime | None
    labels_needed: int


@dataclass(frozen=True, slots=True)
class ErrorRateReport:
    """
    How often the AI errs, in everything that was asked for and in each group, those with most decisions first.

    `on_the_loop`: in what customers got unreviewed; None where another tier was asked for.
    """

    total: ErrorRate
    rates: tuple[ErrorRate, ...]
    left_out: int
    evidence_through: datetime | None
    on_the_loop: ErrorRate | None


@dataclass(frozen=True, slots=True)
class OversightWarning:
    """How one sign stands in one place: `state` is what counts, `found` what the last test found by itself."""

    sign: WarningSign | None
    tenant_id: str
    department: str
    intent: str | None
    rule_id: str | None
    state: WarningState | None
    found: WarningState | None
    message: str
    value: float | None
    low: float | None
    high: float | None
    baseline: float | None
    n: int
    p_value: float | None
    e_value: float | None
    details: Mapping[str, float]
    raised_at: datetime | None
    quiet_since: datetime | None
    tested_at: datetime | None


@dataclass(frozen=True, slots=True)
class WarningReport:
    """
    How the signs stand, worst first; `problem` says why the last test could not be done, empty where it could.

    `ok` and `insufficient_data` count the signs that stand so, listed or not.
    """

    warnings: tuple[OversightWarning, ...]
    left_out: int
    tested_at: datetime | None
    problem: str
    ok: int
    insufficient_data: int


@dataclass(frozen=True, slots=True)
class DueAudit:
    """A review or an audit that is due and not done; once `overdue` it counts as an error in certificates."""

    decision_id: str
    decided_at: datetime
    due_at: datetime
    label_basis: LabelBasis | None
    overdue: bool
    tenant_id: str
    department: str
    intent: str
    model_version: str


@dataclass(frozen=True, slots=True)
class DueAuditPage:
    """Some reviews and audits, the earliest due first; more follow while `next_page_token` is not empty."""

    audits: tuple[DueAudit, ...]
    next_page_token: str


@dataclass(frozen=True, slots=True)
class Correction:
    """
    A decision whose draft people corrected.

    `loss` is 1 where the AI was wrong, None where no verdict counts; `propensity_weight` how many decisions like it
    stand behind it, None where nobody knows.
    """

    decision: StoredDecision
    loss: int | None
    propensity_weight: float | None


@dataclass(frozen=True, slots=True)
class CorrectionPage:
    """Some corrections, newest first; more follow while `next_page_token` is not empty."""

    corrections: tuple[Correction, ...]
    next_page_token: str
