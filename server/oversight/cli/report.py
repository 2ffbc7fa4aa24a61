"""`oversight report`: what outcomes teach, as one page with charts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from oversight.cli.certificate_words import apply_command
from oversight.cli.connection import open_admin, send
from oversight.cli.insight_options import FILTERS, SlowTimeoutS, check_page, filters_of, parse_level, parse_split
from oversight.cli.insight_page.findings import Findings, Question
from oversight.cli.insight_page.page import write_page
from oversight.cli.options import Admin, AsJson, Insecure, takes_fields
from oversight.cli.output import console, print_json
from oversight.cli.threshold_scope import find_scope
from oversight.errors import UsageError
from oversight_client import AdminClient, Recommendation, value_to_dict

__all__ = ["run"]

_NOT_OF_CERTIFICATES = ("tenant", "tier", "since", "until")


@takes_fields(FILTERS)
def run(
    given: Mapping[str, object],
    html: Annotated[Path, typer.Option("--html", metavar="FILE", help="Where the page goes.")],
    by: Annotated[str, typer.Option(metavar="NAMES", help="By what error rates are split.")] = "department,tier",
    target: Annotated[float, typer.Option(metavar="RATE", help="The error rate to have proof of.")] = 0.05,
    confidence: Annotated[float, typer.Option(metavar="LEVEL", help="Of intervals and of the certificate.")] = 0.95,
    recommend: Annotated[
        bool, typer.Option("--recommend", help="Ask for a certificate, too; on new evidence that spends a part.")
    ] = False,
    policy: Annotated[str, typer.Option(metavar="NAME", help="With --recommend: the policy.")] = "",
    admin: Admin = "127.0.0.1:50052",
    timeout_s: SlowTimeoutS = 90.0,
    insecure: Insecure = False,
    as_json: AsJson = False,
) -> None:
    """
    Write error rates, warning signs and quality as one page with charts; filters are combined.

    The page is one file that loads nothing from elsewhere. Warning signs are those of the tenant and the department,
    whatever else is named: they are tested for these. Without --recommend it has no certificate: a report that is
    made every day would spend the chance of error that certificates live on.
    """
    split = parse_split(by)
    levels = {"target": parse_level("--target", target), "confidence": parse_level("--confidence", confidence)}
    check_page(html)
    _check_certificate(given, policy, recommend=recommend)
    filters: dict[str, Any] = filters_of(given)
    places: dict[str, Any] = {name: filters[name] for name in ("tenant_id", "department") if name in filters}
    with open_admin(admin, timeout_s, insecure=insecure) as client:
        parts: dict[str, Any] = {
            "rates": send(client.get_error_rates, {**filters, **levels, "group_by": split}),
            "warnings": send(client.list_warnings, {**places, "all": True}),
            "parity": send(client.get_quality_parity, filters),
            "escalations": send(client.get_escalation_quality, filters),
            "containment": send(client.get_containment, filters),
            "csat": send(client.get_csat_delta, filters),
        }
        command = ""
        if recommend:
            parts["recommendation"], command = _recommend(client, filters, policy, target, confidence)
    write_page(html, Findings(Question(given, datetime.now(UTC), target, confidence), apply=command, **parts))
    if as_json:
        print_json({"file": str(html), **{name: value_to_dict(value) for name, value in parts.items()}})
    else:
        console().print(f"the page is {html}", markup=False, soft_wrap=True)


def _check_certificate(given: Mapping[str, object], policy: str, *, recommend: bool) -> None:
    """Refuse what a certificate would leave out: on the page it would seem to be about that."""
    if policy and not recommend:
        raise UsageError("--policy is the certificate's: give --recommend too")
    for name in _NOT_OF_CERTIFICATES:
        if recommend and name in given:
            raise UsageError(
                f"--{name} and --recommend: a certificate is about all tenants and tiers and the last 90 days; leave "
                "one of the two out"
            )


def _recommend(
    client: AdminClient, filters: Mapping[str, Any], policy: str, target: float, confidence: float
) -> tuple[Recommendation, str]:
    """Return the certificate of the intent, department and model version in *filters*, and how it is applied."""
    where = find_scope(client, policy, filters.get("intent", ""), filters.get("department", ""), "")
    asked = {"max_error": target, "confidence": confidence, "model_version": filters.get("model_version", "")}
    found = send(client.recommend_thresholds, {**where, **asked})
    return found, apply_command(found, where["intent"], where["department"])
