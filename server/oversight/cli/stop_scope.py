"""What a stop does not cover although its scope reads as if it did: said behind it, and never a reason to refuse it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from oversight.app.last_good import LastGoodFile
from oversight.app.policies_in_force import policies_of
from oversight.cli.connection import open_admin
from oversight.cli.failures import CommandError
from oversight.errors import UsageError
from oversight.policies import SnapshotSource
from oversight_client import AdminClient
from oversight_client.errors import CallError

__all__ = ["notes_from_server", "notes_of_folder"]

_LONGEST_S = 1.0
"""The stop holds already; nobody should wait long for what is only a hint."""


def notes_from_server(
    department: str, intent: str, *, admin: str, timeout_s: float, insecure: bool = False
) -> Iterator[str]:
    """Yield what the rules in force at *admin* say of the scope; nothing where they cannot be asked."""
    if not department and not intent:
        return
    try:
        with open_admin(admin, min(timeout_s, _LONGEST_S), insecure=insecure) as client:
            yield from _ask(client, department, intent)
    except (CommandError, UsageError):
        return  # also of callers who may stop and may not read


def notes_of_folder(department: str, data_dir: Path) -> Iterator[str]:
    """Yield what the rules published last in *data_dir* say of the department; nothing where there are none."""
    known = [one.name for one in policies_of(data_dir)]
    kept = LastGoodFile(data_dir).read()
    if not department or not known or kept is None:
        return
    if department not in known:
        yield _unknown(department)
        return
    try:
        default = SnapshotSource.from_document(kept.document).default_policy
    except ValueError:
        return  # written by another version
    if department == default:
        yield _default(department)


def _ask(client: AdminClient, department: str, intent: str) -> Iterator[str]:
    policy = department
    if department and _refusal(lambda: client.get_thresholds(department)):
        yield _unknown(department)
        policy = ""
    elif department and department == client.get_thresholds().policy:
        yield _default(department)
    if intent and (refusal := _refusal(lambda: client.get_thresholds(policy, intent=intent))):
        yield f"{refusal}; only messages with just this intent are stopped"


def _refusal(call: Callable[[], object]) -> str:
    """Return why the rules in force do not know what *call* names, "" where they do."""
    try:
        call()
    except CallError as error:
        if error.reason != "UNKNOWN_SCOPE":
            raise
        return str(error).removeprefix(f"{error.field}: ")
    return ""


def _unknown(department: str) -> str:
    return f"no policy has the name {department!r}; only messages that name just this department are stopped"


def _default(department: str) -> str:
    return (
        f"messages without a department are not stopped by this, though the policy {department!r} decides them: "
        "to stop them, engage a stop without --department"
    )
