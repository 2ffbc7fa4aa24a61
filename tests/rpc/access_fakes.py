"""Whose credentials are taken, as a test says."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping

from authority import AUDIENCE, ISSUER, Issuer
from oversight.access.identity import Identity, Role
from oversight.access.tokens import KnownToken, TokenBook, digest_of
from oversight.access.web_tokens import Expected, WebTokens, read_keys
from oversight.grpc_api.authentication import Metadata


class KnownAccess:
    """An `Access` with bearer tokens by the token, certificates by name, and perhaps an issuer."""

    def __init__(
        self,
        tokens: Mapping[str, Identity] | None = None,
        certificates: Mapping[str, Identity] | None = None,
        issuer: Issuer | None = None,
        **expected: object,
    ) -> None:
        self.generation = 0
        self.wanted = 0
        self.certificates = certificates or {}
        self.web_tokens: WebTokens | None = None
        self._expected = expected
        self.looked_at = threading.Event()
        self.tokens = TokenBook()
        self.set_tokens(tokens or {})
        if issuer is not None:
            self.trust(issuer)

    def set_tokens(self, tokens: Mapping[str, Identity], expires_at_us: int | None = None) -> None:
        self.tokens = TokenBook(
            KnownToken(digest_of(token.encode()), identity, expires_at_us) for token, identity in tokens.items()
        )
        self.generation += 1

    def trust(self, issuer: Issuer) -> None:
        given = {"algorithms": ("RS256", "ES256"), "roles_claim": "oversight_roles", **self._expected}
        self.web_tokens = WebTokens(Expected(ISSUER, AUDIENCE, **given), read_keys(issuer.jwks))  # type: ignore[arg-type]  # as a test says
        self.generation += 1

    @property
    def required(self) -> bool:
        self.looked_at.set()
        return True

    def want_keys(self) -> None:
        self.wanted += 1


def somebody(*roles: Role | str, tenant_id: str = "", name: str = "gateway") -> Identity:
    """Return a caller with *roles*."""
    return Identity(name, frozenset(map(Role, roles)), tenant_id)


def bearing(token: str) -> Metadata:
    """Return the metadata of a call with *token*."""
    return (("authorization", f"Bearer {token}"),)


def every_role_but(role: Role) -> Iterable[Role]:
    """Return the other roles."""
    return [one for one in Role if one is not role]
