"""A caller whose credentials were taken, and the roles there are."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

__all__ = ["LOCAL", "LOCAL_NAME", "MAX_TENANT_LENGTH", "Identity", "RefusedError", "Role", "check_name", "read_roles"]

LOCAL_NAME = "local"
"""Every caller's name while no authentication is configured; no other caller can have it."""

_RESERVED = (LOCAL_NAME, "system")
"""Names of nobody in particular; the second is the author of what the service does by itself."""

MAX_TENANT_LENGTH = 64
"""Characters of a tenant's id, as in a request."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,62}")


class Role(StrEnum):
    """
    What a caller may do; none contains another.

    `decide`: ask for decisions. `record`: report outcomes, and vouch for whom they name as reviewer. `read`: read and
    list what is on record or in force. `policy`: check and reload rules. `admin`: change thresholds, erase customers.
    `approve`: approve what another person changed. `stop`: engage and release stops.
    """

    DECIDE = "decide"
    RECORD = "record"
    READ = "read"
    POLICY = "policy"
    ADMIN = "admin"
    APPROVE = "approve"
    STOP = "stop"


class Identity(NamedTuple):
    """
    A caller: its *name* as records and changes have it, and its *roles*.

    *tenant_id* is the tenant that it is bound to, empty where it is bound to none.
    """

    name: str
    roles: frozenset[Role]
    tenant_id: str = ""


LOCAL = Identity(LOCAL_NAME, frozenset(Role))
"""Who calls while no authentication is configured."""


class RefusedError(Exception):
    """
    Credentials are not taken.

    *cause* is a word for counting, *text* for the log of the server; neither has the secret, and no caller sees them.
    """

    def __init__(self, cause: str, text: str) -> None:
        super().__init__(text)
        self.cause = cause


def read_roles(names: Iterable[str]) -> frozenset[Role]:
    """Return the roles of these *names*; raise ValueError for one that there is not, and where there is none."""
    known = {str(role) for role in Role}
    roles = set()
    for name in names:
        if name not in known:
            raise ValueError(f"expected roles among {', '.join(Role)}, got {name[:80]!r}")
        roles.add(Role(name))
    if not roles:
        raise ValueError(f"expected at least one role among {', '.join(Role)}, got none")
    return frozenset(roles)


def check_name(name: str) -> str:
    """
    Return *name* if a token may have it; raise ValueError.

    Names of other kinds have a colon (`jwt:…`, `cn:…`, a URI), so that none can be taken for another.
    """
    if not _NAME.fullmatch(name) or name.lower() in _RESERVED:
        raise ValueError(
            "expected a name of 1 to 63 letters, digits, '.', '_', '@' or '-', beginning with a letter or digit, other "
            f"than {' and '.join(map(repr, _RESERVED))}; got {name[:80]!r}"
        )
    return name
