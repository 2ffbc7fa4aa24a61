"""`oversight quality`: the AI's work beside people's, and what became of escalations."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from oversight.cli.connection import open_admin, send
from oversight.cli.insight_options import FILTERS, SlowTimeoutS, ToPage, check_page, filters_of
from oversight.cli.insight_page.findings import Findings, Question
from oversight.cli.insight_page.page import write_page
from oversight.cli.options import Admin, AsJson, Insecure, takes_fields
from oversight.cli.output import console, print_json
from oversight.cli.quality_words import print_containment, print_csat, print_escalations, print_parity
from oversight_client import value_to_dict

__all__ = ["run"]


@takes_fields(FILTERS)
def run(
    given: Mapping[str, object],
    html: ToPage = None,
    admin: Admin = "127.0.0.1:50052",
    timeout_s: SlowTimeoutS = 30.0,
    insecure: Insecure = False,
    as_json: AsJson = False,
) -> None:
    """
    Show the AI's work beside people's: quality scores, escalations by rule, containment, satisfaction.

    Of each rule: how often its escalation was needed, and how often one was missed where it matched and nothing asked.
    Filters are combined.
    """
    check_page(html)
    filters: dict[str, Any] = filters_of(given)
    with open_admin(admin, timeout_s, insecure=insecure) as client:
        parity = send(client.get_quality_parity, filters)
        escalations = send(client.get_escalation_quality, filters)
        containment = send(client.get_containment, filters)
        csat = send(client.get_csat_delta, filters)
    if html:
        question = Question(given, datetime.now(UTC))
        found = Findings(question, parity=parity, escalations=escalations, containment=containment, csat=csat)
        write_page(html, found)
    if as_json:
        shown: dict[str, object] = {"quality_parity": parity, "escalation_quality": escalations}
        shown |= {"containment": containment, "csat_delta": csat}
        print_json({name: value_to_dict(value) for name, value in shown.items()})
        return
    screen = console()
    print_parity(parity, screen)
    print_escalations(escalations, screen)
    print_containment(containment, screen)
    print_csat(csat, screen)
