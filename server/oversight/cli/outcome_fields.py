"""The fields of an outcome, in the API's words."""

from __future__ import annotations

from collections.abc import Mapping

from oversight.cli.fields import Field

__all__ = ["OUTCOME", "OUTCOME_FACTS"]

_VERDICTS = ("approved", "edited_minor", "edited_major", "rejected", "taken_over", "not_reviewed", "expired")
_CATEGORIES = ("wrong_intent", "wrong_fact", "wrong_action", "policy_breach", "tone", "incomplete", "not_ai")

OUTCOME: Mapping[str, Field] = {
    field.name: field
    for field in (
        Field("outcome_id", "text", "your key for this report; the first with an id is kept"),
        Field("decision_id", "text", "the decision it is about: 32 hex digits"),
        Field("draft_sha256", "digest", "SHA-256 of the draft that was judged; absent: the decided draft"),
        Field("redecided_as", "text", "the decision made on an edited draft: 32 hex digits"),
        Field("verdict", "choice", "what the reviewer did", _VERDICTS),
        Field("label_basis", "choice", "why there is a verdict", ("review", "audit", "census", "volunteered")),
        Field("edit_distance", "number", "share of the draft that was changed (0..1)"),
        Field("correction_ref", "text", "pointer to the corrected text in your system, never the text"),
        Field("error_category", "choice", "what was wrong", _CATEGORIES),
        Field("handled_by", "choice", "who handled the contact", ("ai", "human", "both")),
        Field("escalated", "flag", "the conversation went to a person"),
        Field("escalation_expected", "flag", "a person should have got it, judged afterwards"),
        Field("resolution", "choice", "whether the matter was settled", ("confirmed", "assumed", "unresolved")),
        Field("repeat_contact", "flag", "the customer came back about the same matter in the window"),
        Field(
            "repeat_window_h", "count", "hours in which a return counts (1..8760); absent: 168, which warnings ask for"
        ),
        Field("csat", "number", "satisfaction (1..5)"),
        Field("handle_time_s", "number", "seconds the contact took"),
        Field("review_time_s", "number", "seconds the review took"),
        Field("qa_score", "number", "quality score (0..100)"),
        Field("qa_rubric_version", "text", "which rubric it was scored by"),
        Field("qa_subject", "choice", "whose work was scored", ("ai", "human")),
        Field("qa_critical_fail", "flag", "a critical point of the rubric was missed"),
        Field("sla_met", "flag", "the review was done in time"),
        Field("planted", "flag", "the draft was a seeded error that tests reviewers"),
        Field("reviewer_ref", "text", "pseudonym of the reviewer"),
        Field("observed_at", "time", "when the facts were observed; absent: when the report arrives"),
    )
}
"""Every field of `Outcome` by name, in the API's order."""

OUTCOME_FACTS: frozenset[str] = frozenset(OUTCOME) - {"outcome_id", "decision_id", "draft_sha256"}
"""The fields that say something: an outcome with none of them is no outcome."""
