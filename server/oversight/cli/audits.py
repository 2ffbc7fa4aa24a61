"""`oversight audits`: reviews and audits that are due and not done, the earliest due first."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.text import Text

from oversight.cli.connection import open_admin
from oversight.cli.fields import Field
from oversight.cli.insight_options import filters_of
from oversight.cli.insight_words import age
from oversight.cli.listing import Listing
from oversight.cli.options import Admin, Insecure, TimeoutS, takes_fields
from oversight.cli.output import console, in_words
from oversight.cli.paging import AsJsonLines, Limit, Pages, PageToken
from oversight_client import DueAudit, value_to_dict

__all__ = ["run"]

_FILTERS = (
    Field("tenant", "text", "those of this tenant"),
    Field("department", "text", "those of this department"),
    Field("intent", "text", "those with this intent"),
    Field("label_basis", "choice", "only reviews (in the loop) or only audits (on the loop)", ("review", "audit")),
)


@takes_fields(_FILTERS)
def run(
    given: Mapping[str, object],
    overdue: Annotated[bool, typer.Option("--overdue", help="Only those whose time is over.")] = False,
    limit: Limit = 50,
    page_token: PageToken = "",
    admin: Admin = "127.0.0.1:50052",
    timeout_s: TimeoutS = 5.0,
    insecure: Insecure = False,
    as_json: AsJsonLines = False,
) -> None:
    """
    List reviews and audits that are due and not done, the earliest due first; filters are combined.

    One whose time is over counts as an error in certificates until somebody does it. Send what was found with
    `oversight outcome`.
    """
    filters = {**filters_of(given), "overdue": overdue}
    now = datetime.now(UTC)
    listing = Listing(["Due (UTC)", "", "Decision", "Basis", "Department", "Intent", "Model version"])
    with open_admin(admin, timeout_s, insecure=insecure) as client:
        pages = Pages(client.list_due_audits, lambda page: page.audits, filters, limit, page_token)
        for audit in pages:
            if as_json:
                sys.stdout.write(json.dumps(value_to_dict(audit)) + "\n")
            else:
                listing.add(*_row(audit, now))
    if not as_json and listing.count:
        listing.print(console())
    elif not as_json:
        console().print("no review or audit is due")
    if pages.following:
        sys.stderr.write(f"oversight: more follow: --page-token {pages.following}\n")


def _row(audit: DueAudit, now: datetime) -> Iterator[Text]:
    yield Text(f"{audit.due_at:%Y-%m-%d %H:%M}")
    yield Text(f"overdue {age(audit.due_at, now)}", style="red") if audit.overdue else Text("due")
    yield Text(audit.decision_id)
    yield Text(in_words(audit.label_basis or "-"))
    yield Text(audit.department or "-")
    yield Text(audit.intent or "-")
    yield Text(audit.model_version or "-")
