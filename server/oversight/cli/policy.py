"""`oversight policy`: what is in force on a server, what was, whether a folder would be, and a look at it now."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from oversight.cli.connection import open_admin, send
from oversight.cli.options import Admin, AsJson, Insecure, TimeoutS
from oversight.cli.output import colour, console, in_words, print_json
from oversight.cli.rule_folder import find_folder
from oversight.errors import UsageError
from oversight.rules.source import read_folder
from oversight.rules.wording import short_commit, show_number
from oversight_client import (
    AdminClient,
    CheckedPolicy,
    Policy,
    PolicyProblem,
    PolicyThreshold,
    PolicyVersion,
    ReloadedPolicy,
    Severity,
    value_to_dict,
)

__all__ = ["run"]


class Action(StrEnum):
    """What is to be done."""

    GET = "get"
    VERSIONS = "versions"
    VALIDATE = "validate"
    RELOAD = "reload"


def run(
    action: Annotated[
        Action,
        typer.Argument(
            help="`get` shows a policy in force, `versions` what was published, `validate` checks a folder as the "
            "server would, `reload` has the server look at its own folder now."
        ),
    ],
    subject: Annotated[
        str, typer.Argument(metavar="[NAME|PATH]", help="The policy to get, or the folder to validate.")
    ] = "",
    digest: Annotated[str, typer.Option("--digest", metavar="HEX", help="`get`: of this snapshot.")] = "",
    rules: Annotated[bool, typer.Option("--rules", help="`get`: with its rules.")] = False,
    source: Annotated[bool, typer.Option("--source", help="`get`: with its rule files, as written.")] = False,
    default_policy: Annotated[
        str, typer.Option("--default-policy", metavar="TEXT", help="`validate`: else the server's.")
    ] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="`versions`: most to show.")] = 20,
    page_token: Annotated[
        str, typer.Option("--page-token", metavar="TEXT", help="`versions`: go on where an earlier call ended.")
    ] = "",
    admin: Admin = "127.0.0.1:50052",
    timeout_s: TimeoutS = 10.0,
    insecure: Insecure = False,
    as_json: AsJson = False,
) -> None:
    """
    Show the policies of a server, what was published before, and whether rule files would be.

    Exit code 1 where files that `validate` or `reload` looked at are refused.
    """
    _check_options(action, subject, {"--digest": digest, "--rules": rules, "--source": source}, default_policy)
    with open_admin(admin, timeout_s, insecure=insecure) as client:
        match action:
            case Action.GET:
                view = "SOURCE" if source else "RULES" if rules else "BASIC"
                policy = send(client.get_policy, {"name": subject, "digest": digest, "view": view})
                print_json(value_to_dict(policy)) if as_json else _print_policy(policy, console())
            case Action.VERSIONS:
                _show_versions(client, limit, page_token, as_json=as_json)
            case Action.VALIDATE:
                _validate(client, subject, default_policy, as_json=as_json)
            case Action.RELOAD:
                _show_reloaded(client.reload_policy(), as_json=as_json)


def _check_options(action: Action, subject: str, of_get: dict[str, object], default_policy: str) -> None:
    """Refuse what belongs to another action: it would be ignored, and its author misled."""
    if action is not Action.GET and (given := [name for name, value in of_get.items() if value]):
        raise UsageError(f"{given[0]} belongs to `oversight policy get`")
    if action is not Action.VALIDATE and default_policy:
        raise UsageError("--default-policy belongs to `oversight policy validate`")
    if action in (Action.VERSIONS, Action.RELOAD) and subject:
        raise UsageError(f"`oversight policy {action}` takes no name or path, got {subject!r}")


def _validate(client: AdminClient, path: str, default_policy: str, *, as_json: bool) -> None:
    folder = find_folder(Path(path) if path else None)
    files = read_folder(folder)
    checked = send(client.validate_policy, {"files": files.files, "default_policy": default_policy})
    if as_json:
        print_json({"folder": str(folder), **value_to_dict(checked)})
    else:
        _print_checked(checked, folder, console())
    if not checked.valid:
        raise typer.Exit(1)


def _print_checked(checked: CheckedPolicy, folder: Path, console: Console) -> None:
    _print_problems(checked.problems, console, folder)
    if not checked.valid:
        console.print(f"{checked.problem_count} problem(s): the server would refuse these files")
        return
    names = ", ".join(f"{one.name} {one.version}" for one in checked.policies)
    console.print(Text(f"ok  {folder}: {names}"), soft_wrap=True)
    console.print(Text(f"    digest {checked.digest}", style="dim"), soft_wrap=True)


def _print_problems(problems: Sequence[PolicyProblem], console: Console, folder: Path | None = None) -> None:
    for one in problems:
        place = f"{folder}/" if folder is not None and (folder / one.file).exists() else ""
        warning = "warning: " if one.severity is Severity.WARNING else ""
        console.print(Text(f"{warning}{place}{one}"), soft_wrap=True)


def _show_reloaded(reloaded: ReloadedPolicy, *, as_json: bool) -> None:
    refused = any(one.severity is not Severity.WARNING for one in reloaded.problems)
    if as_json:
        print_json(value_to_dict(reloaded))
    else:
        screen = console()
        _print_problems(reloaded.problems, screen)
        commit = f", commit {short_commit(reloaded.commit)}" if reloaded.commit else ""
        what = "stays in force: the files are refused" if refused else "is in force"
        changed = "" if refused else ", as before" if not reloaded.changed else ", new"
        screen.print(Text(f"{reloaded.digest}{commit} {what}{changed}"), soft_wrap=True)
    if refused:
        raise typer.Exit(1)


def _show_versions(client: AdminClient, limit: int, page_token: str, *, as_json: bool) -> None:
    versions, following = _versions(client, limit, page_token)
    if as_json:
        print_json({"versions": [value_to_dict(one) for one in versions], "next_page_token": following})
        return
    table = Table("Published", "Digest", "In force", "Commit", "Revision", "Policies")
    for one in versions:
        names = ", ".join(f"{policy.name} {policy.version}" for policy in one.policies)
        table.add_row(
            Text(f"{one.published_at:%Y-%m-%dT%H:%M:%SZ}"),
            Text(one.digest),
            Text("yes" if one.in_force else "", style="green"),
            Text(short_commit(one.commit) or "-"),
            Text(str(one.threshold_revision)),
            Text(names or "-"),
        )
    console().print(table if versions else "no snapshot is in the store")
    if following:
        sys.stderr.write(f"oversight: more follow: --page-token {following}\n")


def _versions(client: AdminClient, limit: int, page_token: str) -> tuple[list[PolicyVersion], str]:
    found: list[PolicyVersion] = []
    while True:
        page = client.list_policy_versions(page_size=min(limit - len(found), 100), page_token=page_token)
        found += page.versions
        page_token = page.next_page_token
        if not page_token or len(found) >= limit:
            return found, page_token


def _print_policy(found: Policy, console: Console) -> None:
    for name, text in _facts(found):
        console.print(Text(f"{name:<12}{text}"), soft_wrap=True)
    thresholds = Table("Threshold", "In force", "Files", "Bounds", "Stricter", "Narrower scopes")
    for one in found.thresholds:
        thresholds.add_row(*map(Text, _threshold(one)))
    if found.thresholds:
        console.print(thresholds)
    if found.rules:
        rules = Table("Rule", "When", "Tier", "Escalation", "Reason", "Where")
        for rule in found.rules:
            name = f"{rule.rule_id}{' (locked)' if rule.locked else ''}{' (shadow)' if rule.shadow else ''}"
            tier, escalation = (str(one or "-") for one in (rule.tier, rule.escalation))
            rules.add_row(
                Text(name),
                Text(rule.condition),
                Text(in_words(tier), style=colour(tier)),
                Text(in_words(escalation), style=colour(escalation)),
                Text(rule.reason),
                Text(rule.place),
            )
        console.print(rules)
    for file in found.files:
        console.print(Text(f"--- {file.path}", style="bold"))
        console.print(Text(file.text if not file.omitted else "(too large to be sent)"), soft_wrap=True)


def _facts(found: Policy) -> Iterator[tuple[str, str]]:
    yield "policy", f"{found.policy.name} {found.policy.version}{' (the default policy)' if found.is_default else ''}"
    if found.description:
        yield "for", found.description
    if found.lineage[1:]:
        yield "extends", ", ".join(found.lineage[1:])
    yield "digest", f"{found.policy.digest}{' (in force)' if found.in_force else ''}"
    if found.policy.commit:
        yield "commit", found.policy.commit
    yield "revision", f"{found.threshold_revision} of the live thresholds"
    yield "required", ", ".join(found.required_signals)
    yield "intents", ", ".join(found.intents)
    shown = f"; {len(found.rules)} shown" if found.rules and len(found.rules) < found.rule_count else ""
    yield "rules", f"{found.rule_count}{shown}"
    stepped = [f"{one.name} by {show_number(one.breaker_step)}" for one in found.thresholds if one.breaker_step]
    anomalies = ", a surge or a drop of confidence" if found.breaker_anomalies else ""
    yield "breaker", f"{', '.join(stepped)} at a critical warning{anomalies}" if stepped else "none"
    yield "others", ", ".join(name for name in found.policies if name != found.policy.name) or "none"


def _threshold(one: PolicyThreshold) -> Iterator[str]:
    yield one.name
    yield f"{show_number(one.value)}{' (live)' if one.live else ''}"
    yield show_number(one.default_value)
    yield f"{show_number(one.minimum)} .. {show_number(one.maximum)}"
    yield "higher" if one.raising_tightens else "lower"
    scopes = []
    for override in one.overrides:
        named = {"intent": override.intent, "department": override.department, "currency": override.currency}
        scope = ", ".join(f"{name} {value}" for name, value in named.items() if value)
        scopes.append(f"{scope}: {show_number(override.value)}{' (live)' if override.live else ''}")
    yield "; ".join(scopes) or "-"
