"""`oversight thresholds`: what is in force, and how it is changed: looked at first, with a reason, and put back."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from oversight.cli.connection import open_admin, send
from oversight.cli.options import Admin, AsJson, Insecure, TimeoutS
from oversight.cli.output import console, print_json
from oversight.cli.recommend import recommend
from oversight.cli.threshold_change import Wish, admitting_doubt, check_wish, make_change
from oversight.cli.threshold_scope import Currency, Department, Intent, Policy, find_scope
from oversight.cli.threshold_words import history_table, parse_expiry, parse_value, values_table
from oversight.errors import UsageError
from oversight_client import ThresholdUpdate, value_to_dict

__all__ = ["app"]

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_ADMIN = "127.0.0.1:50052"
Justification = Annotated[
    str, typer.Option("--justification", "-m", metavar="TEXT", help="Why; it is kept for ever.", show_default=False)
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")]
Revision = Annotated[int, typer.Argument(help="Revision of the event, as `history` shows it.")]


@app.callback(invoke_without_command=True)
def _thresholds(context: typer.Context) -> None:
    """Read and change thresholds while the service runs."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("get", short_help="Show what is in force and what waits.")
def get_values(
    name: Annotated[str, typer.Argument(help="Only this threshold.", show_default=False)] = "",
    policy: Policy = "",
    intent: Intent = "",
    department: Department = "",
    currency: Currency = "",
    admin: Admin = _ADMIN,
    timeout_s: TimeoutS = 5.0,
    insecure: Insecure = False,
    as_json: AsJson = False,
) -> None:
    """Show the values in force, their bounds, and what waits for a second person."""
    with open_admin(admin, timeout_s, insecure=insecure) as client:
        where = find_scope(client, policy, intent, department, currency)
        found = client.get_thresholds(**where)
    known = [one.name for one in found.values]
    if name and name not in known:
        raise UsageError(f"policy {found.policy!r} has no threshold {name!r}; it has {', '.join(known)}")
    if as_json:
        shown = value_to_dict(found)
        values: Any = shown["values"]
        print_json({**shown, "values": [one for one in values if name in ("", one["name"])]})
    else:
        values_table(found, name, console())


@app.command("set", short_help="Change one value, after a preview.")
def set_value(
    name: Annotated[str, typer.Argument(help="The threshold.")],
    value: Annotated[str, typer.Argument(help="A number, or `file` for what rule files say.")],
    policy: Policy = "",
    intent: Intent = "",
    department: Department = "",
    currency: Currency = "",
    justification: Justification = "",
    expires_in: Annotated[
        str, typer.Option("--expires-in", metavar="TIME", help="End it by itself: 90s, 30m, 4h, 2d.")
    ] = "",
    yes: Yes = False,
    dry_run: DryRun = False,
    admin: Admin = _ADMIN,
    timeout_s: TimeoutS = 5.0,
    insecure: Insecure = False,
    as_json: AsJson = False,
) -> None:
    """
    Change one value, after showing what that does.

    Shown first: which values change where, and what the newest decisions on record would have been. What loosens may
    have to wait for a second person (setting loosening_needs_approval).
    """
    number, expires_at = parse_value(value), parse_expiry(expires_in)
    wish = Wish(admin, timeout_s, justification, yes=yes, dry_run=dry_run, as_json=as_json)
    check_wish(wish)
    with open_admin(admin, timeout_s, insecure=insecure) as client:
        where = find_scope(client, policy, intent, department, currency)

        def change(**terms: Any) -> ThresholdUpdate:
            fields = {"name": name, "value": number, **where}
            return client.update_thresholds([fields], expires_at=expires_at, **terms)

        make_change(change, wish)


@app.command("rollback", short_help="Go back to the values of a revision.")
def roll_back(
    revision: Annotated[int, typer.Argument(help="Whose values are to be in force; 0: files'.")],
    justification: Justification = "",
    yes: Yes = False,
    dry_run: DryRun = False,
    admin: Admin = _ADMIN,
    timeout_s: TimeoutS = 5.0,
    insecure: Insecure = False,
    as_json: AsJson = False,
) -> None:
    """Put the live values of an earlier revision in force again; stops stay as they are."""
    wish = Wish(admin, timeout_s, justification, yes=yes, dry_run=dry_run, as_json=as_json)
    check_wish(wish)
    with open_admin(admin, timeout_s, insecure=insecure) as client:

        def change(**terms: Any) -> ThresholdUpdate:
            return send(client.roll_back_thresholds, {"to_revision": revision, **terms})

        make_change(change, wish)


@app.command("approve", short_help="Put a proposed change in force.")
def approve(
    revision: Revision,
    justification: Justification = "",
    yes: Yes = False,
    dry_run: DryRun = False,
    admin: Admin = _ADMIN,
    timeout_s: TimeoutS = 5.0,
    insecure: Insecure = False,
    as_json: AsJson = False,
) -> None:
    """Put a change in force that somebody else proposed, after showing what it does."""
    wish = Wish(admin, timeout_s, justification, yes=yes, dry_run=dry_run, as_json=as_json, approving=True)
    check_wish(wish)
    with open_admin(admin, timeout_s, insecure=insecure) as client:

        def change(**terms: Any) -> ThresholdUpdate:
            return send(client.approve_threshold_change, {"revision": revision, **terms})

        make_change(change, wish)


@app.command("reject", short_help="End the wait of a proposed change.")
def reject(
    revision: Revision,
    justification: Justification = "",
    admin: Admin = _ADMIN,
    timeout_s: TimeoutS = 5.0,
    insecure: Insecure = False,
    as_json: AsJson = False,
) -> None:
    """End the wait of a proposed change; nothing comes into force."""
    wish = Wish(admin, timeout_s, justification, yes=True, dry_run=False, as_json=as_json)
    check_wish(wish)
    with open_admin(admin, timeout_s, insecure=insecure) as client, admitting_doubt(wish):
        rejected = send(client.reject_threshold_change, {"revision": revision, "justification": justification})
    if as_json:
        print_json({"rejected": revision, "revision": rejected})
    else:
        console().print(f"change {revision} is rejected (revision {rejected})")


@app.command("history", short_help="List every change, newest first.")
def show_history(
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000, metavar="N", help="Most events to show.")] = 20,
    page_token: Annotated[
        str, typer.Option("--page-token", metavar="TEXT", help="Go on where an earlier call ended.")
    ] = "",
    admin: Admin = _ADMIN,
    timeout_s: TimeoutS = 5.0,
    insecure: Insecure = False,
    as_json: AsJson = False,
) -> None:
    """List every change of thresholds and stops, newest first: who, when, why, before, after."""
    with open_admin(admin, timeout_s, insecure=insecure) as client:
        found = send(client.list_threshold_changes, {"page_size": limit, "page_token": page_token})
    if as_json:
        print_json(value_to_dict(found))
        return
    console().print(history_table(found.changes) if found.changes else "nothing was changed yet")
    if found.next_page_token:
        sys.stderr.write(f"oversight: more follow: --page-token {found.next_page_token}\n")


app.command("recommend", short_help="Show the most lenient proven value.")(recommend)
