"""
JSON Web Tokens (RFC 7519) of an issuer, checked with the keys that it publishes (RFC 7517).

Everything is pinned: the algorithms, the issuer, the audience; `exp` must be there, and so must `sub`, which is the
caller's name (`jwt:SUB`). Roles are those of ours in one claim, a list or words in a text; other values of it belong to
others.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from joserfc import jwt
from joserfc.errors import ExpiredTokenError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from oversight.access.identity import MAX_TENANT_LENGTH, Identity, RefusedError, Role

__all__ = ["LEEWAY_S", "Expected", "WebTokens", "read_keys"]

LEEWAY_S = 5
"""How far the issuer's clock and ours may be apart."""

_MAX_TOKEN_BYTES = 8 * 1024
_MAX_NAME_LENGTH = 256
_ALL_TENANTS = "*"


class Expected(NamedTuple):
    """
    What a token must be: the settings jwt_issuer, jwt_audience, jwt_algorithms.

    *roles_claim* has the roles. *tenant_claim* has the tenant, or `*` for all; empty: callers are bound to none.
    """

    issuer: str
    audience: str
    algorithms: Sequence[str]
    roles_claim: str
    tenant_claim: str = ""


def read_keys(content: bytes) -> KeySet:
    """Return the keys of a JWKS document; raise ValueError where it is none, or has no key that can be used."""
    try:
        document = json.loads(content)
        keys = KeySet.import_key_set(document)
    except (JoseError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise ValueError(f"expected a JWKS document with keys: {problem}") from problem
    return keys


class WebTokens:
    """Checks tokens with *keys*; safe for several threads."""

    def __init__(self, expected: Expected, keys: KeySet) -> None:
        self._expected = expected
        self._keys = keys
        # Headers that we do not know are the issuer's business; those it calls critical (RFC 7515, 4.1.11) are not.
        self._registry = JWSRegistry(algorithms=list(expected.algorithms), strict_check_header=False)

    def check(self, token: str, now_s: float) -> tuple[Identity, float]:
        """
        Return whose *token* it is and when it ends (seconds since 1970); raise `RefusedError`.

        The cause `key` means that it names a key which is not among those known: a newer set may have it.
        """
        if len(token) > _MAX_TOKEN_BYTES:
            raise RefusedError("malformed", "the JSON Web Token is too long")
        try:
            decoded = jwt.decode(token, self._keys, registry=self._registry)
            self._claims(now_s).validate(decoded.claims)
        except InvalidKeyIdError as problem:
            raise RefusedError("key", "a JSON Web Token names a key that the issuer's set does not have") from problem
        except ExpiredTokenError as problem:
            raise RefusedError("expired", "a JSON Web Token has expired") from problem
        except JoseError as problem:
            # The library's name of the error: its text may quote the token.
            raise RefusedError("jwt", _in_words(problem)) from problem
        except (ValueError, TypeError, KeyError, RecursionError) as problem:
            raise RefusedError("malformed", "a JSON Web Token is malformed") from problem
        claims = decoded.claims
        return Identity(self._name(claims), self._roles(claims), self._tenant(claims)), claims["exp"] + LEEWAY_S

    def _claims(self, now_s: float) -> jwt.JWTClaimsRegistry:
        return jwt.JWTClaimsRegistry(
            now=int(now_s),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self._expected.issuer},
            aud={"essential": True, "value": self._expected.audience},
            exp={"essential": True},
            sub={"essential": True},
        )

    def _name(self, claims: dict[str, Any]) -> str:
        subject = claims["sub"]
        if not isinstance(subject, str) or not 0 < len(subject) <= _MAX_NAME_LENGTH or not subject.isprintable():
            raise RefusedError("jwt", "a JSON Web Token is not taken: its sub is no name")
        return f"jwt:{subject}"

    def _roles(self, claims: dict[str, Any]) -> frozenset[Role]:
        value = claims.get(self._expected.roles_claim, ())
        words = value.split() if isinstance(value, str) else value if isinstance(value, list) else ()
        return frozenset(role for role in Role if str(role) in words)

    def _tenant(self, claims: dict[str, Any]) -> str:
        claim = self._expected.tenant_claim
        if not claim:
            return ""
        # Whoever asked for tenants must get them: an absent claim is not "all of them".
        tenant_id = claims.get(claim)
        if not isinstance(tenant_id, str) or not 0 < len(tenant_id) <= MAX_TENANT_LENGTH or "\0" in tenant_id:
            raise RefusedError("jwt", f"a JSON Web Token is not taken: its {claim} names no tenant")
        return "" if tenant_id == _ALL_TENANTS else tenant_id


def _in_words(problem: JoseError) -> str:
    claim = getattr(problem, "claim", "")
    return f"a JSON Web Token is not taken: {problem.error}{f' ({claim})' if claim else ''}"
