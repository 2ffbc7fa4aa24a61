"""What people do with a message, by what the server asked for and by chance."""

from __future__ import annotations

import pytest

from oversight.simulation.conduct import Conduct
from oversight.simulation.people import audit, follow_up, request_fields, review
from oversight_client.convert import decide_request, outcome_from_fields
from oversight_client.enums import HandledBy, LabelBasis, Tier, Verdict
from oversight_client.fields import OutcomeFields
from unit.simulation.scenes import a_decision, a_message

ON, IN, AS = Tier.HUMAN_ON_THE_LOOP, Tier.HUMAN_IN_THE_LOOP, Tier.HUMAN_AS_THE_LOOP


def ending(tier: Tier = ON, *, wrong: bool = False, conduct: Conduct | None = None, **chances: float) -> OutcomeFields:
    """Return how the contact ended, as it is reported the next day."""
    reports = list(follow_up(a_message(wrong=wrong, conduct=conduct, **chances), a_decision(tier)))
    assert 1 == reports[0].after_days
    return reports[0].outcome


def test_everything_can_be_sent() -> None:
    """A field that the client does not know would end the simulation halfway."""
    message = a_message(wrong=True, planted=0.0, answer=0.0, complain=0.0, audit_skip=0.9)
    decided = a_decision(IN, audit_selected=True)
    sent = [*review(message, decided), *(one.outcome for one in audit(message, decided))]
    sent += [one.outcome for one in follow_up(message, a_decision(ON))]

    assert 6 == len(sent) == len({outcome_from_fields(outcome).outcome_id for outcome in sent})
    assert "3-7" == decide_request(request_fields(message, "")).request_id
    assert "bank" == request_fields(message, "bank")["department"]


@pytest.mark.parametrize(("wrong", "verdict"), [(True, Verdict.REJECTED), (False, Verdict.APPROVED)])
def test_reviews_are_asked_for_in_the_loop_alone(wrong: bool, verdict: Verdict) -> None:
    """And say what is true where the reviewer looks and recognises it."""
    message = a_message(wrong=wrong, catch=0.0)

    [found] = review(message, a_decision(IN))
    assert (verdict, LabelBasis.REVIEW) == (found["verdict"], found["label_basis"])
    assert [] == [*review(message, a_decision(ON)), *review(message, a_decision(AS))]


def test_a_stamp_approves_what_is_wrong_within_seconds() -> None:
    """And a seeded error, too: that is how it can be found."""
    message = a_message(wrong=True, conduct=Conduct(stamp_rate=0.5), stamp=0.4, planted=0.0, planted_catch=0.0)

    found, planted = review(message, a_decision(IN))

    assert (Verdict.APPROVED, Verdict.APPROVED) == (found["verdict"], planted["verdict"])
    assert (True, True) == ((found["review_time_s"] or 99) < 10, planted["planted"])


def test_who_looks_catches_most_seeded_errors() -> None:
    """`catch_rate` of them."""
    for chance, verdict in ((0.5, Verdict.REJECTED), (0.98, Verdict.APPROVED)):
        _, planted = review(a_message(planted=0.0, planted_catch=chance), a_decision(IN))
        assert verdict == planted["verdict"]


@pytest.mark.parametrize(("load", "skipped"), [(0.0, False), (0.4, False), (0.6, True), (1.0, True)])
def test_reviews_are_skipped_the_more_the_busier_it_is(load: float, skipped: bool) -> None:
    """From `skip_rate` to `busy_skip_rate` in proportion to the load."""
    message = a_message(load=load, conduct=Conduct(skip_rate=0.0, busy_skip_rate=0.4), skip=0.2)

    [found] = review(message, a_decision(IN))

    assert skipped == (found["verdict"] is Verdict.NOT_REVIEWED)


def test_audits_come_where_they_were_drawn_unless_nobody_does_them() -> None:
    """And within `audit_delay_days`."""
    message = a_message(wrong=True, audit_skip=0.5, audit_delay=0.99)

    [report] = audit(message, a_decision(ON, audit_selected=True))
    assert (2, LabelBasis.AUDIT, Verdict.REJECTED) == (
        report.after_days,
        report.outcome["label_basis"],
        report.outcome["verdict"],
    )
    assert [] == list(audit(message, a_decision(ON)))
    lazy = a_message(conduct=Conduct(audit_skip_rate=0.6), audit_skip=0.5)
    assert [] == list(audit(lazy, a_decision(ON, audit_selected=True)))


@pytest.mark.parametrize(("tier", "who"), [(ON, HandledBy.AI), (IN, HandledBy.BOTH), (AS, HandledBy.HUMAN)])
def test_who_handled_a_contact_follows_from_the_tier(tier: Tier, who: HandledBy) -> None:
    """Satisfaction is compared by it."""
    assert who == ending(tier)["handled_by"]
    assert (tier is AS) == ending(tier)["escalated"]


def test_an_escalation_that_nobody_asked_for_is_by_chance() -> None:
    """`escalation_rate` of the replies that went out without a person."""
    found = ending(conduct=Conduct(escalation_rate=0.1), escalate=0.05)

    assert (True, HandledBy.BOTH) == (found["escalated"], found["handled_by"])


def test_satisfaction_is_given_by_some_and_oftener_by_the_dissatisfied() -> None:
    """Self-selection: that is why it labels nothing."""
    assert "csat" not in ending(answer=0.25)
    assert 4.0 == ending(answer=0.15)["csat"]
    assert 2.0 == ending(answer=0.25, mood=-3.2)["csat"]
    assert 1.0 == ending(answer=0.0, mood=-9)["csat"]
    assert 5.0 == ending(answer=0.0, mood=9)["csat"]


def test_a_wrong_reply_costs_satisfaction() -> None:
    """Only where no person saw it before."""
    assert 3.0 == ending(wrong=True, answer=0.0)["csat"]
    assert 4.0 == ending(IN, wrong=True, answer=0.0)["csat"]


@pytest.mark.parametrize(("chance", "came_back"), [(0.1, True), (0.2, False)])
def test_after_a_week_it_is_known_whether_the_customer_came_back(chance: float, came_back: bool) -> None:
    """Later than 168 hours: before, only the bad news would have come."""
    reports = list(follow_up(a_message(repeat=chance), a_decision(ON)))

    assert [(8, came_back)] == [
        (one.after_days, one.outcome["repeat_contact"]) for one in reports if "repeat_contact" in one.outcome
    ]


def test_a_complaint_is_volunteered_and_about_a_wrong_reply() -> None:
    """It must enter no rate: who complains was not drawn."""
    reports = list(follow_up(a_message(wrong=True, complain=0.1), a_decision(ON)))
    assert LabelBasis.VOLUNTEERED == reports[-1].outcome["label_basis"]
    for message, tier in ((a_message(complain=0.1), ON), (a_message(wrong=True, complain=0.1), IN)):
        assert not any("verdict" in one.outcome for one in follow_up(message, a_decision(tier)))
