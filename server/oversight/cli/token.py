"""`oversight token`: who may call, by bearer tokens."""

from __future__ import annotations

import getpass
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from oversight.access.identity import MAX_TENANT_LENGTH, Identity, Role, check_name, read_roles
from oversight.cli.options import AsJson, DataDir
from oversight.cli.output import console, print_json
from oversight.cli.store_options import PasswordFile, StoreUrl, read_given
from oversight.errors import UsageError

if TYPE_CHECKING:
    from oversight.settings import Settings
    from oversight.storage.tokens import SqlTokens, StoredToken

__all__ = ["run"]

_UNITS_S = {"h": 3600, "d": 86_400}
_duration = re.compile(r"([1-9][0-9]{0,4})([hd])").fullmatch


class Action(StrEnum):
    """What is to be done."""

    CREATE = "create"
    LIST = "list"
    REVOKE = "revoke"


def run(
    action: Annotated[Action, typer.Argument(help="`create NAME`, `list`, or `revoke NAME` (or its id).")],
    name: Annotated[str, typer.Argument(help="The caller's name, as records and changes will have it.")] = "",
    role: Annotated[
        list[str] | None, typer.Option("--role", metavar="|".join(Role), help="What the caller may do; repeatable.")
    ] = None,
    tenant: Annotated[
        str, typer.Option("--tenant", metavar="TEXT", help="The one tenant that the caller may send and read.")
    ] = "",
    expires_in: Annotated[
        str, typer.Option("--expires-in", metavar="TIME", help="For how long it is taken, such as 90d or 12h.")
    ] = "",
    data_dir: DataDir = None,
    store: StoreUrl = None,
    store_password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """
    Make, list or revoke the tokens by which callers prove who they are.

    A token is shown once, when it is made, and kept nowhere. From the first one on, every call needs credentials, also
    when all are revoked. A running server takes a change within a second.
    """
    settings = read_given(data_dir=data_dir, store=store, store_password_file=store_password_file)
    if action is not Action.CREATE and (role or tenant or expires_in):
        raise UsageError("--role, --tenant and --expires-in belong to `oversight token create`")
    if action is Action.LIST:
        if name:
            raise UsageError("`oversight token list` takes no name")
        _show(_open(settings).list(), as_json=as_json)
        return
    if not name:
        raise UsageError(f"`oversight token {action}` needs a name")
    if action is Action.CREATE:
        _create(_open(settings, make=True), _identity(name, role or (), tenant), expires_in, as_json=as_json)
    else:
        _revoke(_open(settings), name, as_json=as_json)


def _open(settings: Settings, *, make: bool = False) -> SqlTokens:
    # SQLAlchemy must not slow `--help`.
    from oversight.app.data_dir import make_private_folder
    from oversight.app.store import open_tokens

    if not settings.store and not settings.data_dir.exists():
        if not make:
            raise UsageError(f"there is no folder {settings.data_dir}: name the server's (--data-dir)")
        make_private_folder(settings.data_dir)
        sys.stderr.write(
            f"oversight: {settings.data_dir} was not there and is made: no server knows this token unless it is its "
            "--data-dir\n"
        )
    return open_tokens(settings)


def _identity(name: str, roles: Sequence[str], tenant: str) -> Identity:
    try:
        if len(tenant) > MAX_TENANT_LENGTH or not tenant.isprintable():
            raise ValueError(f"--tenant: expected at most {MAX_TENANT_LENGTH} printable characters")
        return Identity(check_name(name), read_roles(roles), tenant)
    except ValueError as problem:
        raise UsageError(str(problem)) from problem


def _create(tokens: SqlTokens, identity: Identity, expires_in: str, *, as_json: bool) -> None:
    from oversight.app.clock import now_us

    now = now_us()
    expires_at_us = now + _seconds(expires_in) * 1_000_000 if expires_in else None
    token_id, secret = tokens.create(
        identity, created_by=f"local:{getpass.getuser()}", now_us=now, expires_at_us=expires_at_us
    )
    if as_json:
        print_json({"token": secret, "token_id": token_id, "name": identity.name, "expires_at": _time(expires_at_us)})
        return
    sys.stdout.write(f"{secret}\n")
    until = f"until {_time(expires_at_us)}" if expires_at_us else "until it is revoked"
    sys.stderr.write(
        f"oversight: this is the token of {identity.name} (id {token_id}), in force {until}; it is shown this once\n"
    )


def _seconds(text: str) -> int:
    match = _duration(text)
    if match is None:
        raise UsageError(f"--expires-in: expected a number of days or hours such as 90d or 12h, got {text!r}")
    return int(match[1]) * _UNITS_S[match[2]]


def _revoke(tokens: SqlTokens, name: str, *, as_json: bool) -> None:
    from oversight.app.clock import now_us

    revoked = tokens.revoke(name, now_us())
    if as_json:
        print_json({"revoked": [_row(token) for token in revoked]})
        return
    for token in revoked:
        console().print(f"the token {token.token_id} of {token.name} is revoked", markup=False)


def _show(found: Sequence[StoredToken], *, as_json: bool) -> None:
    if as_json:
        print_json({"tokens": [_row(token) for token in found]})
        return
    if not found:
        console().print("no token was ever made; `oversight token create NAME --role ROLE` makes one")
        return
    table = Table("Id", "Name", "Roles", "Tenant", "State", "Made", "By", "Expires")
    for token in found:
        row = _row(token)
        made, expires = str(row["created_at"]), str(row["expires_at"] or "never")
        roles, tenant = " ".join(token.roles), token.tenant_id or "any"
        cells = (token.token_id, token.name, roles, tenant, str(row["state"]), made, token.created_by, expires)
        table.add_row(*map(Text, cells))
    console().print(table)


def _row(token: StoredToken) -> dict[str, Any]:
    from oversight.app.clock import now_us

    state = "in force" if token.is_in_force(now_us()) else "revoked" if token.revoked_at_us else "expired"
    return {
        "token_id": token.token_id,
        "name": token.name,
        "roles": list(token.roles),
        "tenant_id": token.tenant_id,
        "state": state,
        "created_at": _time(token.created_at_us),
        "created_by": token.created_by,
        "expires_at": _time(token.expires_at_us),
        "revoked_at": _time(token.revoked_at_us),
    }


def _time(at_us: int | None) -> str | None:
    if at_us is None:
        return None
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).isoformat().replace("+00:00", "Z")
