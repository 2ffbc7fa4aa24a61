"""What outcomes teach, as the store keeps it: a row for each decision that was to be looked at or came to something."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

__all__ = [
    "Cell",
    "CellFilter",
    "DueAudit",
    "DuePage",
    "EvidenceKey",
    "EvidenceReader",
    "EvidenceRow",
    "FactSums",
    "HourCount",
    "JudgedRow",
    "LabelCounts",
    "Moments",
    "RateCounts",
    "ScoreSums",
    "Split",
]


class Split(StrEnum):
    """By what counts are split; the names are those of the fields of a `Cell`."""

    TENANT = "tenant_id"
    DEPARTMENT = "department"
    INTENT = "intent"
    TIER = "tier"
    MODEL_VERSION = "model_version"


class Cell(NamedTuple):
    """
    Decisions that have these in common; a text is empty where the requests had none.

    None in a count's cell: the counts are not split by it.
    """

    tenant_id: str | None = None
    department: str | None = None
    intent: str | None = None
    tier: int | None = None
    model_version: str | None = None


class CellFilter(NamedTuple):
    """
    Which decisions: those that meet every field that is not None; an empty text is "had none".

    `since_us` is in, `until_us` out; both are times of decisions, in microseconds since 1970 (UTC). Counts take whole
    hours: an hour in which one of them lies is in.
    """

    tenant_id: str | None = None
    department: str | None = None
    intent: str | None = None
    tier: int | None = None
    model_version: str | None = None
    since_us: int | None = None
    until_us: int | None = None


class RateCounts(NamedTuple):
    """
    What an error rate is made of, for one cell: just what `feedback.error_rates.error_rate` counts in its rows.

    `n`, `errors` and `missed` are in the equal-probability sample of the settled decisions, which end where a label is
    still to come (`open_end`) or not at all. `volume` and `labelled` count all decisions and all labels.
    """

    cell: Cell
    volume: int
    labelled: int
    n: int
    errors: int
    missed: int
    newest_label_us: int | None
    open_end: bool = False


class Moments(NamedTuple):
    """How many values, their sum, and the sum of their squares."""

    n: int = 0
    total: float = 0.0
    squares: float = 0.0


class FactSums(NamedTuple):
    """
    Facts of outcomes, counted for one cell and, where asked for, one day.

    `day` counts from 1970-01-01 (UTC), by the time of the decision; None where not split by it. `volume` counts
    decisions, the rest decisions with such an outcome, each by the fact that was observed last. `handled_ai`,
    `handled_human`, `handled_both`: who handled the contact. `confirmed`, `assumed`, `unresolved`: handled by the AI
    alone, not escalated, with that resolution. `repeats` of `repeats_known` had a repeat contact within 168 hours;
    `unexpected` of `unexpected_known` an unexpected escalation (`feedback.escalations.escalation_of`). Scores of
    satisfaction are those of contacts handled by the AI alone and by people, alone or with it.
    """

    cell: Cell
    day: int | None
    volume: int
    handled_ai: int
    handled_human: int
    handled_both: int
    confirmed: int
    assumed: int
    unresolved: int
    repeats: int
    repeats_known: int
    unexpected: int
    unexpected_known: int
    csat_ai: Moments
    csat_human: Moments


class HourCount(NamedTuple):
    """Decisions of one cell in one hour (counted from 1970, UTC), and the confidences that they came with."""

    cell: Cell
    hour: int
    decisions: int
    confidence: Moments


class EvidenceKey(NamedTuple):
    """The place of a decision in lists by time, then by id."""

    decided_at_us: int
    decision_id: str


class EvidenceRow(NamedTuple):
    """
    One decision that was to be looked at, or of which an outcome says something.

    Names, numbers and units of facts are those of `Outcome` in the API, each as it was observed last
    (`feedback.facts.latest`), None where nobody said; `verdict` and `review_time_s` are those of the last review, audit
    or census (`feedback.facts.review_of`), `repeat_contact` is what was said of a window of 168 hours. `probability` is
    the chance to be looked at (`feedback.labels`: 1 in a census), `drawn_probability` what the design gave it.
    `due_at_us` is None where nobody was to look. `basis`, `loss` and `labelled_at_us` are the label's; None without
    one. All four are None where another decision on the same draft of the same request stands for this one
    (`storage.evidence_drafts`). `rule_id` is the first reason's rule, empty for none. `planted` counts seeded errors
    that a reviewer was shown, `caught` those not approved. `corrected`: an outcome says that the draft was changed,
    refused or taken over, or points to a correction.
    """

    cell: Cell
    decision_id: str
    decided_at_us: int
    draw: float
    drawn_probability: float
    probability: float
    due_at_us: int | None
    basis: int | None
    loss: int | None
    labelled_at_us: int | None
    escalate: bool
    rule_id: str
    verdict: int | None
    handled_by: int | None
    escalated: bool | None
    escalation_expected: bool | None
    unexpected: bool | None
    resolution: int | None
    repeat_contact: bool | None
    csat: float | None
    review_time_s: float | None
    qa_score: float | None
    qa_rubric_version: str | None
    qa_subject: int | None
    sla_met: bool | None
    planted: int
    caught: int
    corrected: bool


class DueAudit(NamedTuple):
    """A decision that is to be looked at until `due_at_us`, and was not yet; `basis` is a `facts.LabelBasis`."""

    cell: Cell
    decision_id: str
    decided_at_us: int
    due_at_us: int
    basis: int


class DuePage(NamedTuple):
    """Some of them by time and id, and the key (due_at_us, decision_id) behind which more follow; None at the end."""

    audits: tuple[DueAudit, ...]
    following: EvidenceKey | None


class ScoreSums(NamedTuple):
    """Scores of quality by one rubric, for one tenant, department and intent; `subject` is the API's `qa_subject`."""

    cell: Cell
    rubric: str
    subject: int
    scores: Moments


class JudgedRow(NamedTuple):
    """A decision of which somebody said whether a person was needed, with the chance (0..1) that it was judged."""

    decision_id: str
    chance: float
    draw: float
    needed: bool


class LabelCounts(NamedTuple):
    """How many decisions on one intent by one model version have a label, of one tenant."""

    tenant_id: str
    intent: str
    model_version: str
    labels: int


class EvidenceReader(Protocol):
    """Answers out of the evidence, none of which looks at all decisions; each raises `StoreUnavailableError`."""

    def rate_counts(self, wanted: CellFilter, splits: Sequence[Sequence[Split]], now_us: int) -> list[list[RateCounts]]:
        """Return the counts for error rates of what is *wanted*, as the loop left out: by each split its cells."""
        ...

    def volume(self, wanted: CellFilter) -> int:
        """Return how many decisions are *wanted*, at all tiers."""
        ...

    def fact_sums(self, wanted: CellFilter, split: Sequence[Split], *, by_day: bool = False) -> list[FactSums]:
        """Return the facts of outcomes of what is *wanted*, for each cell of the *split* and, if so, each day."""
        ...

    def hours(self, wanted: CellFilter, split: Sequence[Split]) -> list[HourCount]:
        """Return the volume of what is *wanted*, for each cell of the *split* and each hour that had any."""
        ...

    def rows(self, wanted: CellFilter) -> Iterator[EvidenceRow]:
        """Yield the rows of what is *wanted*, cell by cell, in each by time; memory does not grow with their number."""
        ...

    def due(
        self, wanted: CellFilter, limit: int, after: EvidenceKey | None, *, overdue_before_us: int | None = None
    ) -> DuePage:
        """
        Return at most *limit* reviews and audits that are due and not done, the earliest due first.

        Those from behind *after*; with *overdue_before_us* only those due before. `tier` of *wanted* tells reviews
        (in the loop) from audits (on the loop).
        """
        ...

    def corrected(self, wanted: CellFilter, limit: int, after: EvidenceKey | None) -> list[EvidenceRow]:
        """Return at most *limit* rows with a correction, newest first, from behind *after*."""
        ...

    def score_sums(self, wanted: CellFilter) -> list[ScoreSums]:
        """Return the scores of quality of what is *wanted*, those without a subject or a rubric's version left out."""
        ...

    def judged(self, wanted: CellFilter, most: int) -> list[JudgedRow]:
        """
        Return the newest *most* decisions of which somebody said whether a person was needed.

        Of those on the loop only what was drawn for an audit or labelled by a census: of the others it was told for
        some reason.
        """
        ...

    def label_counts(self) -> list[LabelCounts]:
        """Return how many labels there are by tenant, intent and model version."""
        ...

    def through_us(self) -> int | None:
        """Return up to when records of the store are in the evidence; None before any are."""
        ...
