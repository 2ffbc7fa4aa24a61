"""The bearer tokens in a database that SQLAlchemy reaches: each as the digest of its secret, none ever removed."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import select, update

from oversight.access.identity import Identity, read_roles
from oversight.access.tokens import KnownToken, digest_of, new_token
from oversight.errors import UsageError
from oversight.storage.database import READING, Database, in_words
from oversight.storage.migration import prepare_schema
from oversight.storage.schema import find_revision
from oversight.storage.tables import tokens

__all__ = ["SqlTokens", "StoredToken"]

_SINCE = "0003"
"""The layout that has the table first."""


class StoredToken(NamedTuple):
    """A token on record; the secret is not. `roles` are names; times are microseconds since 1970, None: never."""

    token_id: str
    digest: str
    name: str
    roles: tuple[str, ...]
    tenant_id: str
    created_at_us: int
    created_by: str
    expires_at_us: int | None
    revoked_at_us: int | None

    def is_in_force(self, now_us: int) -> bool:
        """Return whether it is taken at *now_us*."""
        return self.revoked_at_us is None and (self.expires_at_us is None or now_us < self.expires_at_us)

    def known(self) -> KnownToken:
        """Return what the check of a call needs; raise ValueError for roles that this version does not have."""
        identity = Identity(self.name, read_roles(self.roles), self.tenant_id)
        return KnownToken(bytes.fromhex(self.digest), identity, self.expires_at_us)


class SqlTokens:
    """The tokens in *database*; making one connects to nothing. Everything raises `StoreUnavailableError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, identity: Identity, *, created_by: str, now_us: int, expires_at_us: int | None) -> tuple[str, str]:
        """
        Make a token for *identity*; return its id and the token itself, which is kept nowhere.

        Raises `UsageError` where one of that name is in force: records would not tell the two apart.
        """
        secret, token_id = new_token(), secrets.token_hex(4)
        with in_words(self._database, "written"):
            prepare_schema(self._database, migrate=False)
            with self._database.engine.begin() as connection:
                rows = connection.execute(select(tokens).where(tokens.c.name == identity.name)).all()
                if any(_stored(row).is_in_force(now_us) for row in rows):
                    raise UsageError(
                        f"there is a token named {identity.name} already: choose another name, or revoke it"
                    )
                connection.execute(
                    tokens.insert().values(
                        token_id=token_id,
                        digest=digest_of(secret.encode()).hex(),
                        name=identity.name,
                        roles=" ".join(sorted(identity.roles)),
                        tenant_id=identity.tenant_id or None,
                        created_at_us=now_us,
                        created_by=created_by,
                        expires_at_us=expires_at_us,
                        revoked_at_us=None,
                    )
                )
        return token_id, secret

    def list(self) -> Sequence[StoredToken]:
        """Return every token there ever was, oldest first."""
        if not self._database.is_there():
            return ()
        with (
            in_words(self._database, "read"),
            self._database.engine.connect().execution_options(**{READING: True}) as connection,
            connection.begin(),
        ):
            if (find_revision(connection) or "") < _SINCE:
                return ()
            ordered = select(tokens).order_by(tokens.c.created_at_us, tokens.c.token_id)
            return [_stored(row) for row in connection.execute(ordered)]

    def revoke(self, name_or_id: str, now_us: int) -> Sequence[StoredToken]:
        """Revoke the tokens in force with this name or id; return them. Raises `UsageError` where there is none."""
        revoked = [
            token for token in self.list() if name_or_id in (token.name, token.token_id) and token.revoked_at_us is None
        ]
        if not revoked:
            raise UsageError(
                f"there is no token {name_or_id!r} to revoke: `oversight token list` shows those there are"
            )
        with in_words(self._database, "written"), self._database.engine.begin() as connection:
            ids = [token.token_id for token in revoked]
            change = update(tokens).where(tokens.c.token_id.in_(ids), tokens.c.revoked_at_us.is_(None))
            connection.execute(change.values(revoked_at_us=now_us))
        return [token._replace(revoked_at_us=now_us) for token in revoked]


def _stored(row: tuple[object, ...]) -> StoredToken:
    token = StoredToken._make(row)
    return token._replace(roles=tuple(str(token.roles).split()), tenant_id=token.tenant_id or "")
