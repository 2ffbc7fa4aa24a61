"""
Who calls, found out from a call's headers and its connection, before its message is read.

A bearer token in `authorization` names the caller; without one, the client certificate does. Nothing here waits: tokens
and keys are what other threads have read before.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import unquote

from grpc._cython import cygrpc  # type: ignore[attr-defined]  # compiled, and without types

from oversight.access.certificates import certificate_of, name_of
from oversight.access.identity import LOCAL, Identity, RefusedError
from oversight.access.limiter import FailureLimiter
from oversight.access.protocols import Access
from oversight.access.tokens import digest_of
from oversight.errors import CallError, PermissionDeniedError, TooManyFailuresError, UnauthenticatedError
from oversight.grpc_api.roles import ROLES, Needs
from oversight.grpc_api.status import Refusal, refuse
from oversight.telemetry.counters import Counters

__all__ = ["Admit", "Authentication", "Metadata", "host_of"]

Metadata = tuple[tuple[str, str | bytes], ...]
Admit = Callable[[Metadata, Any], Identity | Refusal]
"""Takes a call's metadata and the call itself; returns who calls, or how the call ends."""

_REMEMBERED = 4096
_LOG_PAUSE_S = 1.0
_SCHEME = "bearer "
_log = logging.getLogger(__name__)


class Authentication:
    """
    Finds out who calls, and whether they may.

    Of one address, *failures_per_s* are within the limit (setting authentication_failures_per_s): beyond it only
    credentials that are known already are looked at. *clock* is in seconds since 1970.
    """

    def __init__(
        self, access: Access, counters: Counters, *, failures_per_s: int, clock: Callable[[], float] = time.time
    ) -> None:
        self._access = access
        self._counters = counters
        self._limiter = FailureLimiter(failures_per_s)
        self._clock = clock
        # Who was let in, by the header or the certificate that was shown, until that ends. To take a digest of each
        # call's token again costs 1.5 µs; the header is found by a keyed hash, whose time tells nothing of its text.
        self._remembered: dict[str | bytes, tuple[Identity, float]] = {}
        self._generation = access.generation
        self._silent_until_s = 0.0
        self._unsaid = 0

    def current_generation(self) -> int:
        """Return what grows whenever a caller who was admitted might not be any more."""
        return self._access.generation

    def admit(self, path: str) -> Admit:
        """Return what checks calls of the method at *path*; KeyError for one that names no role (`grpc_api.roles`)."""
        needs = ROLES[path]

        def check(metadata: Metadata, call: Any) -> Identity | Refusal:
            try:
                return self._check(needs, metadata, call)
            except RefusedError as problem:
                return self._refuse(path, call, problem)
            except PermissionDeniedError as error:
                return self._count(path, call, "role", str(error), error)

        return check

    def _check(self, needs: Needs, metadata: Metadata, call: Any) -> Identity:
        if not self._access.required or needs.open_to_all:
            return LOCAL
        identity = self._find(metadata, call)
        if needs.role is not None and needs.role not in identity.roles:
            raise PermissionDeniedError(f"{identity.name} does not have the role {needs.role}", role=needs.role)
        if identity.tenant_id and not needs.by_tenant:
            raise PermissionDeniedError(
                f"{identity.name} is bound to the tenant {identity.tenant_id}, and this is about all tenants",
                role=needs.role or "",
            )
        return identity

    def _find(self, metadata: Metadata, call: Any) -> Identity:
        if self._generation != self._access.generation:
            self._generation = self._access.generation
            self._remembered.clear()
        for name, value in metadata:
            if name == "authorization":
                return self._by_token(value, call)
        return self._by_certificate(call)

    def _by_token(self, value: str | bytes, call: Any) -> Identity:
        now_s = self._clock()
        remembered = self._remembered.get(value)
        if remembered is not None and now_s < remembered[1]:
            return remembered[0]
        if not isinstance(value, str) or value[:7].lower() != _SCHEME:
            raise RefusedError("malformed", "the authorization is no bearer token")
        identity, until_s = self._check_token(value[7:], call, now_s)
        self._remember(value, identity, until_s)
        return identity

    def _check_token(self, token: str, call: Any, now_s: float) -> tuple[Identity, float]:
        """Return whose *token* it is and when it ends, in seconds since 1970."""
        known = self._access.tokens.find(digest_of(token.encode("utf-8", "replace")), int(now_s * 1e6))
        if known is not None:
            return known.identity, float("inf") if known.expires_at_us is None else known.expires_at_us / 1e6
        if self._access.web_tokens is None or token.count(".") != 2:
            raise RefusedError("unknown", "the token is not known here: it is another's, was revoked, or never was one")
        if self._limiter.is_over(host_of(call), now_s):
            raise RefusedError("limited", "a JSON Web Token was not looked at")
        try:
            return self._access.web_tokens.check(token, now_s)
        except RefusedError as problem:
            if problem.cause == "key":
                self._access.want_keys()
            raise

    def _by_certificate(self, call: Any) -> Identity:
        context = cygrpc.auth_context(call) or {}
        certificate = certificate_of({key.decode(): value for key, value in context.items()})
        if not certificate:
            raise RefusedError("missing", "the call has no credentials")
        remembered = self._remembered.get(certificate)
        if remembered is not None:
            return remembered[0]
        name = name_of({key.decode(): value for key, value in context.items()})
        identity = self._access.certificates.get(name) or Identity(name, frozenset())
        self._remember(certificate, identity, float("inf"))
        return identity

    def _remember(self, key: str | bytes, identity: Identity, until_s: float) -> None:
        if len(self._remembered) >= _REMEMBERED:
            self._remembered.pop(next(iter(self._remembered)), None)
        self._remembered[key] = identity, until_s

    def _refuse(self, path: str, call: Any, problem: RefusedError) -> Refusal:
        beyond = self._limiter.count(host_of(call), self._clock())
        error = TooManyFailuresError() if beyond else UnauthenticatedError()
        return self._count(path, call, problem.cause, str(problem), error)

    def _count(self, path: str, call: Any, cause: str, text: str, error: CallError) -> Refusal:
        refusal = refuse(error)
        self._counters.count_refused_caller(cause)
        self._counters.count_call(path.removeprefix("/"), refusal.code.name)
        now_s = self._clock()
        if now_s < self._silent_until_s:
            self._unsaid += 1
        else:
            others = f"; and {self._unsaid} more calls since the last such line" if self._unsaid else ""
            _log.warning("%s from %s was refused: %s%s", path, host_of(call), text, others)
            self._silent_until_s = now_s + _LOG_PAUSE_S
            self._unsaid = 0
        return refusal


def host_of(call: Any) -> str:
    """Return the address of the other side without its port, of version 6 its network: others of it cost nothing."""
    peer = call.peer()
    text = peer.decode("utf-8", "replace") if isinstance(peer, bytes) else str(peer)
    if not text.startswith(("ipv4:", "ipv6:")):
        return text
    host = unquote(text[5:]).rpartition(":")[0].strip("[]").partition("%")[0]
    try:
        address = ip_address(host)
    except ValueError:
        return text
    address = getattr(address, "ipv4_mapped", None) or address
    # One machine has a network of 2^64 addresses of version 6.
    return f"ipv4:{address}" if address.version == 4 else f"ipv6:{ip_network((address, 64), strict=False)}"
