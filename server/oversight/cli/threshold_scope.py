"""Where a threshold's value applies, as it is typed."""

from __future__ import annotations

from typing import Annotated

import typer

from oversight_client import AdminClient, InvalidRequestError

__all__ = ["Currency", "Department", "Intent", "Policy", "find_scope"]

Policy = Annotated[str, typer.Option("--policy", metavar="NAME", help="The policy; else that of --department.")]
Intent = Annotated[str, typer.Option("--intent", metavar="TEXT", help="Only for messages with this intent.")]
Department = Annotated[
    str,
    typer.Option(
        "--department", metavar="TEXT", help="The policy of this department; where it has none, only its messages."
    ),
]
Currency = Annotated[str, typer.Option("--currency", metavar="CODE", help="Only for amounts in this currency.")]


def find_scope(client: AdminClient, policy: str, intent: str, department: str, currency: str) -> dict[str, str]:
    """Return policy and scope; a department is that of its policy, or else a scope of the default policy."""
    where = {"policy": policy, "intent": intent, "department": department, "currency": currency}
    if not department or policy:
        return where
    try:
        client.get_thresholds(department)
    except InvalidRequestError as error:
        if error.field != "policy":
            raise
        return where
    return {**where, "policy": department, "department": ""}
