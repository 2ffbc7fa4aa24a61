"""How the AI, customers, reviewers and auditors of a simulated contact centre behave, and how that changes."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from oversight.rules.document import Document

__all__ = ["AFTER_DAYS", "Change", "Conduct"]

AFTER_DAYS = 8
"""Days after a contact at which it is reported whether the customer came back within a week."""

Share = Annotated[float, Field(ge=0, le=1)]
Score = Annotated[float, Field(ge=1, le=5)]


class Conduct(Document):
    """
    What is true on one day. Shares are 0..1, of what their description names.

    The audit sample is drawn by the server; all else that happens is drawn by these.
    """

    volume: float = Field(1.0, ge=0, le=100, description="Messages, as a multiple of messages_per_day.")
    model_version: str = Field(
        "assistant-1", min_length=1, max_length=128, description="Model that drafts the replies."
    )
    error_rate: Share = Field(0.03, description="Share of drafts that are wrong; rarer where the AI is confident.")
    csat_mean: Score = Field(4.2, description="Mean satisfaction with right replies of the AI, 1..5.")
    csat_human_mean: Score = Field(4.3, description="Mean satisfaction where people handled the contact, 1..5.")
    csat_spread: float = Field(0.7, ge=0, le=4, description="Standard deviation of satisfaction, in points.")
    csat_error_cost: float = Field(1.0, ge=0, le=4, description="Points that a wrong reply costs.")
    csat_response_rate: Share = Field(
        0.2, description="Share of contented customers (a score from 3) who give a score."
    )
    csat_bias: float = Field(1.5, ge=0, le=10, description="How much oftener customers below 3 give theirs.")
    repeat_rate: Share = Field(0.12, description="Share of customers who come back within a week.")
    escalation_rate: Share = Field(
        0.02, description="Share of replies sent without a person after which one was needed."
    )
    complaint_rate: Share = Field(0.15, description="Share of customers with a wrong reply who complain unasked.")
    skip_rate: Share = Field(0.0, description="Share of reviews in a quiet hour that nobody does.")
    busy_skip_rate: Share = Field(0.0, description="The same in the busiest hour; between them it grows with the load.")
    stamp_rate: Share = Field(0.0, description="Share of reviews that are approved without looking.")
    planted_rate: Share = Field(0.04, description="Share of reviews beside which a seeded error is shown.")
    catch_rate: Share = Field(0.97, description="Share of wrong drafts that a reviewer who looks recognises.")
    review_time_s: float = Field(45, gt=0, le=3600, description="Median seconds of a review by somebody who looks.")
    audit_skip_rate: Share = Field(0.0, description="Share of audits that nobody does.")
    audit_delay_days: int = Field(2, ge=0, le=30, description="Days after which the last audits of a day are done.")


class Change(Document):
    """
    What is different from a day on: any field of `Conduct`, for some intents or for all.

    With `over_days` numbers move there in equal steps; what is no number changes on the first of these days.
    """

    from_day: int = Field(ge=0, le=1000, description="First day, counted from 0.")
    over_days: int = Field(0, ge=0, le=1000, description="Days until it is reached; 0 is at once.")
    intents: list[str] = Field(default=[], max_length=100, description="Intents concerned; none given: all.")
    to: Conduct = Field(description="The fields that change, and their new values.")

    @model_validator(mode="after")
    def _changes_something(self) -> Change:
        if not self.to.model_fields_set:
            raise ValueError("must change at least one field")
        return self

    def apply(self, before: Conduct, day: int) -> Conduct:
        """Return *before* as it is on *day* with this change."""
        if day < self.from_day:
            return before
        share = 1.0 if not self.over_days else min(1.0, (day - self.from_day + 1) / self.over_days)
        update: dict[str, Any] = {}
        for name in self.to.model_fields_set:
            old, new = getattr(before, name), getattr(self.to, name)
            update[name] = old + (new - old) * share if isinstance(new, float) else new
        return before.model_copy(update=update)
