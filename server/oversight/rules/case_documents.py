"""The documents of a case file: requests, and what must be decided about them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from oversight.rules.document import Document
from oversight.rules.documents import EscalationName, Moment, Name, TierName
from oversight.rules.report import NOWHERE
from oversight.rules.yaml_tree import Entries

__all__ = ["CaseDocument", "CaseFileDocument", "ExpectDocument", "ServerDocument", "StopDocument"]

EVERYTHING = "everything"
"""How a case writes a stop for everything."""

Codes = list[Annotated[str, Field(min_length=1, max_length=128)]]


def _signals(given: object) -> object:
    if not isinstance(given, Entries):
        raise ValueError("must hold signals with their values")  # noqa: TRY004 - what pydantic collects
    return given


# Not a dict to pydantic: that would copy it and lose the place of every key.
Signals = Annotated[Any, AfterValidator(_signals)]


class ServerDocument(Document):
    """What the server knows beside the request."""

    labelled_outcomes: int = Field(0, ge=0, description="Labelled outcomes for this intent and model.")
    policy_age_s: int = Field(0, ge=0, description="Seconds since the policy was last confirmed.")
    threshold_age_s: int = Field(0, ge=0, description="Seconds since the thresholds were last confirmed.")
    record_unavailable: bool = Field(default=False, description="True: the decision cannot be put on record.")


class StopDocument(Document):
    """An oversight stop: of a department, an intent, the two together; or written `everything`."""

    department: str | None = Field(None, min_length=1, max_length=64)
    intent: str | None = Field(None, min_length=1, max_length=128)

    @model_validator(mode="before")
    @classmethod
    def _everything(cls, given: Any) -> Any:
        if given == EVERYTHING:
            return {}
        if given == {} or isinstance(given, str):
            raise ValueError(f"must name a department or an intent, or be the word {EVERYTHING}")
        return given


class ExpectDocument(Document):
    """What must come out; only what is named is checked."""

    tier: TierName | None = None
    escalation: EscalationName | None = None
    reasons: Codes | None = Field(None, description="The whole list of reason codes, in order.")
    shadow_reasons: Codes | None = Field(None, description="The whole list of shadow rules' reason codes, in order.")
    missing_signals: Codes | None = Field(None, description="The required signals that are absent, by alphabet.")
    evaluation: Literal["matched", "default", "stale", "error"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _something(cls, given: Any) -> Any:
        if given == {} and not getattr(given, "places", None):
            raise ValueError("must name at least one thing, such as tier")
        return given


class CaseDocument(Document):
    """One case."""

    name: str = Field(min_length=1, max_length=200, description="What must be so, in a sentence.")
    request: Signals = Field(
        default=Entries(NOWHERE), description="Signals, on top of the file's defaults; null removes one."
    )
    thresholds: dict[Name, float] = Field(default={}, description="Live values of thresholds.")
    server: ServerDocument = Field(default=ServerDocument(), description="What the server knows.")
    decided_at: Moment | None = Field(None, description="The time of the decision; 2026-01-01T00:00:00Z if not given.")
    stops: list[StopDocument] = Field(default=[], max_length=100, description="Engaged stops.")
    expect: ExpectDocument = Field(description="What must be decided.")


class CaseFileDocument(Document):
    """A case file."""

    policy: Name = Field(description="The policy under test.")
    defaults: Signals = Field(default=Entries(NOWHERE), description="Signals that every case of this file has.")
    cases: list[CaseDocument] = Field(min_length=1)
