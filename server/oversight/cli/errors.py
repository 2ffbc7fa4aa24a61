"""`oversight errors`: how often the AI errs, with an interval, or how many labels are missing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated

import typer

from oversight.cli.connection import open_admin, send
from oversight.cli.error_rate_words import print_rates
from oversight.cli.insight_options import (
    FILTERS,
    SlowTimeoutS,
    ToPage,
    check_page,
    filters_of,
    parse_level,
    parse_split,
)
from oversight.cli.insight_page.findings import Findings, Question
from oversight.cli.insight_page.page import write_page
from oversight.cli.options import Admin, AsJson, Insecure, takes_fields
from oversight.cli.output import console, print_json
from oversight_client import value_to_dict

__all__ = ["run"]


@takes_fields(FILTERS)
def run(
    given: Mapping[str, object],
    by: Annotated[
        str,
        typer.Option(metavar="NAMES", help="By what rates are split: tenant, department, intent, tier, model_version."),
    ] = "department,tier",
    target: Annotated[float, typer.Option(metavar="RATE", help="The error rate to have proof of.")] = 0.05,
    confidence: Annotated[float, typer.Option(metavar="LEVEL", help="Of intervals.")] = 0.95,
    html: ToPage = None,
    admin: Admin = "127.0.0.1:50052",
    timeout_s: SlowTimeoutS = 30.0,
    insecure: Insecure = False,
    as_json: AsJson = False,
) -> None:
    """
    Show how often the AI errs: of everything, and by department and tier; filters are combined.

    A rate comes with its exact interval. Where there are too few labels it is not known yet, and how many are missing
    is said. No complaint is no label: what nobody looked at counts for nothing.
    """
    split = parse_split(by)
    asked = {"target": parse_level("--target", target), "confidence": parse_level("--confidence", confidence)}
    check_page(html)
    filters = filters_of(given)
    with open_admin(admin, timeout_s, insecure=insecure) as client:
        found = send(client.get_error_rates, {**filters, **asked, "group_by": split})
    now = datetime.now(UTC)
    if html:
        write_page(html, Findings(Question(given, now, target, confidence), rates=found))
    if as_json:
        print_json(value_to_dict(found))
    else:
        print_rates(found, target, confidence, console(), now)
