"""`oversight records`: what is in the store, newest first."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from oversight.cli.connection import open_admin
from oversight.cli.fields import Field
from oversight.cli.options import Admin, Insecure, TimeoutS, takes_fields
from oversight.cli.output import colour, console, in_words
from oversight.cli.paging import AsJsonLines, Limit, Pages, PageToken
from oversight_client.convert import stored_decision_to_dict

__all__ = ["run"]

_TIERS = ("human_on_the_loop", "human_in_the_loop", "human_as_the_loop")

_FILTERS = (
    Field("conversation", "text", "those in this conversation"),
    Field("subject", "text", "those about this customer (subject_ref)"),
    Field("since", "time", "those decided at this time or later, for instance 2026-06-01T00:00:00Z"),
    Field("until", "time", "those decided before this time"),
    Field("tier", "choice", "those at this tier", _TIERS),
    Field("tenant", "text", "those of this tenant"),
    Field("department", "text", "those whose request named this department"),
    Field("intent", "text", "those with this intent"),
    Field("policy_digest", "text", "those decided by the snapshot with this digest"),
    Field("evaluation", "choice", "those that came about so", ("matched", "default", "stale", "error")),
)
_API_NAMES = {"conversation": "conversation_id", "subject": "subject_ref", "tenant": "tenant_id"}


@takes_fields(_FILTERS)
def run(
    given: Mapping[str, object],
    limit: Limit = 50,
    page_token: PageToken = "",
    admin: Admin = "127.0.0.1:50052",
    timeout_s: TimeoutS = 5.0,
    insecure: Insecure = False,
    as_json: AsJsonLines = False,
) -> None:
    """
    List decisions in the store with their outcomes, newest first; filters are combined.

    What was decided in the last moments may still be in a journal: `oversight explain` finds it there.
    """
    filters = {_API_NAMES.get(name, name): value for name, value in given.items()}
    table = _table()
    with open_admin(admin, timeout_s, insecure=insecure) as client:
        pages = Pages(client.list_records, lambda page: page.records, filters, limit, page_token)
        for record in map(stored_decision_to_dict, pages):
            if as_json:
                sys.stdout.write(json.dumps(record) + "\n")
            else:
                table.add_row(*_row(record))
    if not as_json:
        console().print(table if table.row_count else "no decision in the store meets this")
    if pages.following:
        sys.stderr.write(f"oversight: more follow: --page-token {pages.following}\n")


def _table() -> Table:
    return Table("Decided", "Decision", "Tier", "Escalation", "Reason", "Intent", "Conversation", "Outcomes")


def _row(record: Mapping[str, Any]) -> Iterator[Text]:
    request, response = record["request"], record["response"]
    yield Text(record["decided_at"][:19] + "Z")
    yield Text(response["decision_id"])
    yield Text(in_words(response["tier"]), style=colour(response["tier"]))
    yield Text(in_words(response["escalation"]), style=colour(response["escalation"]))
    yield Text(response["reason"])
    yield Text(request.get("intent", "-"))
    yield Text("(erased)" if record["erased"] else request.get("conversation_id", "-"))
    verdicts = [outcome["outcome"].get("verdict", "no verdict") for outcome in record["outcomes"]]
    yield Text(", ".join(map(in_words, verdicts)) or "-")
