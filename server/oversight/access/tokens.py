"""Bearer tokens: made at random, kept as digests, found by one look-up."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable
from typing import Any, NamedTuple

from oversight.access.identity import Identity, RefusedError, read_roles

__all__ = ["NO_TOKENS", "TOKEN_PREFIX", "KnownToken", "TokenBook", "digest_of", "new_token", "read_book", "write_book"]

TOKEN_PREFIX = "ovs_"  # noqa: S105 - what every token begins with, so that scanners of leaked secrets can know one
_RANDOM_BYTES = 32
_KEY_BYTES = 8


def new_token() -> str:
    """Return a new token of 256 random bits: nobody can guess one, so that no slow hash is needed to keep it."""
    return TOKEN_PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)


def digest_of(token: bytes) -> bytes:
    """Return what is kept of a token: its SHA-256."""
    return hashlib.sha256(token).digest()


class KnownToken(NamedTuple):
    """A token that is in force: the *digest* of it, whose it is, and until when (microseconds; None: for ever)."""

    digest: bytes
    identity: Identity
    expires_at_us: int | None


class TokenBook:
    """
    The tokens in force.

    `any_made` is whether a token was ever made, in force or not: from then on calls need credentials.
    """

    def __init__(self, known: Iterable[KnownToken] = (), *, any_made: bool = False) -> None:
        self.any_made = any_made
        self._known: dict[bytes, tuple[KnownToken, ...]] = {}
        for token in known:
            key = token.digest[:_KEY_BYTES]
            self._known[key] = (*self._known.get(key, ()), token)

    def __len__(self) -> int:
        return sum(map(len, self._known.values()))

    def find(self, digest: bytes, now_us: int) -> KnownToken | None:
        """
        Return the token that has *digest*, None where none; raise `RefusedError` for one that has expired.

        The look-up is by a part of the digest; what it finds is compared in constant time.
        """
        for token in self._known.get(digest[:_KEY_BYTES], ()):
            if hmac.compare_digest(token.digest, digest):
                if token.expires_at_us is not None and token.expires_at_us <= now_us:
                    raise RefusedError("expired", f"the token of {token.identity.name} has expired")
                return token
        return None


NO_TOKENS = TokenBook()
"""The book before any token was made."""


def write_book(known: Iterable[KnownToken], *, any_made: bool) -> bytes:
    """Return the book as bytes, the same for the same tokens."""
    tokens = [
        {
            "digest": token.digest.hex(),
            "name": token.identity.name,
            "roles": sorted(token.identity.roles),
            "tenant_id": token.identity.tenant_id,
            "expires_at_us": token.expires_at_us,
        }
        for token in sorted(known, key=lambda token: token.digest)
    ]
    return json.dumps({"any_made": any_made, "tokens": tokens}, indent=1).encode()


def read_book(content: bytes) -> TokenBook:
    """Return the book that `write_book` wrote; raise ValueError for anything else."""
    try:
        read: dict[str, Any] = json.loads(content)
        return TokenBook(map(_known, read["tokens"]), any_made=bool(read["any_made"]))
    except (KeyError, TypeError) as problem:
        raise ValueError(f"it is no list of tokens: {problem!r}") from problem


def _known(row: dict[str, Any]) -> KnownToken:
    identity = Identity(row["name"], read_roles(row["roles"]), row["tenant_id"])
    return KnownToken(bytes.fromhex(row["digest"]), identity, row["expires_at_us"])
