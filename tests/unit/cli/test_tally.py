"""The sums of a replay."""

import itertools

import pytest

from oversight.cli.tally import Tally, is_error
from oversight.feedback.intervals import exact_interval
from oversight_client import Decision, Escalation, Evaluation, PolicyIdentity, Reason, Tier

IDS = itertools.count()


def decision(tier=Tier.HUMAN_ON_THE_LOOP, codes=("ROUTINE",), *, recorded=True, decision_id=None):
    """Return a decision of a tier for these reasons, under an id of its own where none is given."""
    return Decision(
        decision_id=f"{next(IDS):032x}" if decision_id is None else decision_id,
        request_id="r",
        tier=tier,
        escalate=False,
        escalation=Escalation.OFFER if tier is Tier.HUMAN_AS_THE_LOOP else Escalation.NONE,
        reason=codes[0],
        reasons=tuple(Reason(code, code.lower(), "", (), None, None) for code in codes),
        evaluation=Evaluation.DEFAULT,
        recorded=recorded,
        policy=PolicyIdentity(),
    )


def by_tier(on, within, as_the_loop):
    """Return figures by the names of the tiers, least human first."""
    return {"HUMAN_ON_THE_LOOP": on, "HUMAN_IN_THE_LOOP": within, "HUMAN_AS_THE_LOOP": as_the_loop}


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        ({"verdict": "approved"}, False),
        ({"verdict": "edited_minor"}, False),
        ({"verdict": "edited_major"}, True),
        ({"verdict": "rejected"}, True),
        ({"verdict": "taken_over"}, None),
        ({"verdict": "taken_over", "error_category": "not_ai"}, None),
        ({"verdict": "taken_over", "error_category": "wrong_fact"}, True),
        ({"verdict": "not_reviewed"}, None),
        ({"verdict": "expired"}, None),
        ({"verdict": "approved", "qa_critical_fail": True}, True),
        ({"verdict": "rejected", "planted": True}, None),
        ({"verdict": "rejected", "label_basis": "volunteered"}, None),
        ({"csat": 1.0}, None),
        ({}, None),
    ],
)
def test_only_what_somebody_judged_is_a_label(outcome, expected):
    """No complaint is no label: silence must not make the AI look right."""
    assert expected is is_error(outcome)


def test_everything_is_summed_by_tier_escalation_reason_and_department():
    """These are the figures a policy owner decides by, and a machine reads them under these names."""
    tally = Tally()
    tally.add(decision(), "bank", {"verdict": "approved"})
    tally.add(decision(), "bank", {"verdict": "rejected"})
    tally.add(decision(), "", {})
    tally.add(decision(Tier.HUMAN_AS_THE_LOOP, ("VIP", "UPSET", "UPSET"), recorded=False), "bank", {})
    tally.failed += 1
    low, high = exact_interval(1, 2)
    on_the_loop = {"errors": 1, "labelled": 2, "error_rate": 0.5, "error_low": low, "error_high": high}
    unlabelled = {"errors": 0, "labelled": 0, "error_rate": None, "error_low": None, "error_high": None}
    empty = {"count": 0, "share": 0.0, **unlabelled}
    assert {
        "messages": 4,
        "tiers": by_tier({"count": 3, "share": 0.75, **on_the_loop}, empty, {"count": 1, "share": 0.25, **unlabelled}),
        "escalations": {"NONE": 3, "OFFER": 1, "TRANSFER": 0},
        "reasons": {"ROUTINE": 3, "UPSET": 1, "VIP": 1},
        "departments": {
            "(none)": {"tiers": by_tier({"count": 1, "share": 1.0, **unlabelled}, empty, empty)},
            "bank": {
                "tiers": by_tier(
                    {"count": 2, "share": 2 / 3, **on_the_loop}, empty, {"count": 1, "share": 1 / 3, **unlabelled}
                )
            },
        },
        "decisions_per_s": 2.0,
        "failed": 1,
        "unrecorded": 1,
        "repeated": 0,
    } == tally.as_dict(seconds=2.0)


def test_one_decision_has_one_label():
    """The first that there is; rows without one take nothing away from it, and no id is no repetition."""
    tally = Tally()
    rows = [("a", {}), ("a", {"verdict": "rejected"}), ("a", {"verdict": "approved"}), ("a", {}), ("", {}), ("", {})]
    repeated = [tally.add(decision(decision_id=decision_id), "", outcome) for decision_id, outcome in rows]
    figures = tally.as_dict(seconds=1.0)
    unlabelled = {"count": 0, "share": 0.0, "errors": 0, "labelled": 0, "error_rate": None}
    unlabelled |= {"error_low": None, "error_high": None}
    low, high = exact_interval(1, 1)
    labelled = {"count": 6, "share": 1.0, "errors": 1, "labelled": 1, "error_rate": 1.0}
    labelled |= {"error_low": low, "error_high": high}
    assert [False, True, True, True, False, False] == repeated
    assert (3, by_tier(labelled, unlabelled, unlabelled)) == (figures["repeated"], figures["tiers"])


def test_nothing_decided_is_no_division_by_zero():
    """A file in which every row is broken still ends with a table."""
    summary = Tally().as_dict(seconds=0.0)
    assert (0, 0.0, {}) == (summary["messages"], summary["decisions_per_s"], summary["departments"])
