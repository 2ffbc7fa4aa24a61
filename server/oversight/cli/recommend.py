"""`oversight thresholds recommend`: the most lenient value whose error rate is proven, or an honest no."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from oversight.cli.certificate_words import apply_command, print_recommendation
from oversight.cli.connection import open_admin, send
from oversight.cli.insight_options import SlowTimeoutS, ToPage, check_page, parse_level
from oversight.cli.insight_page.findings import Findings, Question
from oversight.cli.insight_page.page import write_page
from oversight.cli.options import Admin, AsJson, Insecure
from oversight.cli.output import console, print_json
from oversight.cli.threshold_scope import Currency, Department, Intent, Policy, find_scope
from oversight_client import value_to_dict

__all__ = ["recommend"]


def recommend(
    max_error: Annotated[
        float, typer.Option("--max-error", metavar="RATE", help="The error rate to stay at or below.")
    ],
    confidence: Annotated[
        float, typer.Option("--confidence", metavar="LEVEL", help="The chance that every answer here is right.")
    ] = 0.95,
    name: Annotated[str, typer.Option("--threshold", metavar="NAME", help="The threshold.")] = "autonomy_confidence",
    policy: Policy = "",
    intent: Intent = "",
    department: Department = "",
    currency: Currency = "",
    model_version: Annotated[
        str,
        typer.Option(
            "--model-version",
            metavar="TEXT",
            help="Whose labels count; else the newest decision's.",
            show_default=False,
        ),
    ] = "",
    claims: Annotated[
        int | None,
        typer.Option(
            "--claims", min=1, metavar="N", help="How many intents one claim is about; 1.", show_default=False
        ),
    ] = None,
    window_days: Annotated[
        int | None,
        typer.Option(
            "--window-days", min=1, max=400, metavar="N", help="Decisions of the last N days; 90.", show_default=False
        ),
    ] = None,
    html: ToPage = None,
    admin: Admin = "127.0.0.1:50052",
    timeout_s: SlowTimeoutS = 90.0,
    insecure: Insecure = False,
    as_json: AsJson = False,
) -> None:
    """
    Show the most lenient value whose error rate is proven, or say honestly that there is none.

    It changes nothing: a person applies the value. Each answer on new evidence spends a part of the chance of error
    that the scope has; the same question on the same evidence has the same answer, and spends nothing. Exit code 0
    either way: an honest no is an answer.
    """
    parse_level("--max-error", max_error)
    parse_level("--confidence", confidence)
    check_page(html)
    with open_admin(admin, timeout_s, insecure=insecure) as client:
        where = find_scope(client, policy, intent, department, currency)
        asked = {"max_error": max_error, "confidence": confidence, "name": name, "model_version": model_version}
        bounds = {"claims": claims, "window_days": window_days}
        found = send(client.recommend_thresholds, {**where, **asked, **bounds})
    command = apply_command(found, where["intent"], where["department"], where["currency"])
    if html:
        given = {name: value for name, value in where.items() if value}
        question = Question(given, datetime.now(UTC), max_error, confidence)
        write_page(html, Findings(question, recommendation=found, apply=command))
    if as_json:
        print_json(value_to_dict(found))
    else:
        print_recommendation(found, max_error, confidence, command, console())
