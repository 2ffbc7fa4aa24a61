"""JSON Web Tokens over the wire: everything that is wrong with one is refused, and what is right is looked at once."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from joserfc import jws

from authority import AUDIENCE, ISSUER, Issuer
from oversight.v1 import decision_service_pb2 as pb
from refusals import refusal_of
from rpc.access_fakes import KnownAccess, bearing
from serving import Serving

ISSUED = Issuer()
HOUR_AGO = int(time.time()) - 3600


def decide(serving: Serving, token: str, **fields: Any) -> pb.DecideResponse:
    """Ask for a decision with *token*."""
    return serving.decide.Decide(pb.DecideRequest(intent="order_status", **fields), timeout=10, metadata=bearing(token))


def unsigned(**header: str) -> str:
    """Return a token as it is before it is signed."""
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "x", "exp": int(time.time()) + 60, "oversight_roles": ["decide"]}
    return ".".join(in_base64(json.dumps(part).encode()) for part in ({"kid": "first", **header}, claims))


def in_base64(content: bytes) -> str:
    """Return *content* as tokens have it."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def signed_with_public_key() -> str:
    """Return a token whose symmetric secret is the issuer's public key, which everybody has."""
    token = unsigned(alg="HS256")
    public = ISSUED.keys["first"].as_pem(private=False)
    return f"{token}.{in_base64(hmac.digest(public, token.encode(), 'sha256'))}"


WRONG: dict[str, Callable[[], str]] = {
    "expired": lambda: ISSUED.token(exp=HOUR_AGO),
    "without an end": lambda: ISSUED.token(exp=None),
    "an end that is no number": lambda: ISSUED.token(exp="never"),
    "not valid yet": lambda: ISSUED.token(nbf=int(time.time()) + 600),
    "issued in the future": lambda: ISSUED.token(iat=int(time.time()) + 600),
    "another audience": lambda: ISSUED.token(aud="another"),
    "without audience": lambda: ISSUED.token(aud=None),
    "another issuer": lambda: ISSUED.token(iss="https://another.example"),
    "without issuer": lambda: ISSUED.token(iss=None),
    "without subject": lambda: ISSUED.token(sub=None),
    "an empty subject": lambda: ISSUED.token(sub=""),
    "a subject with a line feed": lambda: ISSUED.token(sub="a\nb"),
    "alg none": lambda: unsigned(alg="none") + ".",
    "alg None": lambda: unsigned(alg="None") + ".",
    "HS256 with the public key": signed_with_public_key,
    "an algorithm that is not pinned": lambda: ISSUED.token(algorithm="PS512"),
    "another key of the same name": lambda: Issuer().token(),
    "a key that is unknown": lambda: Issuer("second").token("second"),
    "altered": lambda: ISSUED.token()[:-8] + "AAAAAAAA",
    "claims that are none": lambda: jws.serialize_compact(
        {"alg": "RS256", "kid": "first"}, b"no claims", ISSUED.keys["first"]
    ),
    "no JSON": lambda: "e30.e30.e30",
    "too long": lambda: ISSUED.token(sub="x", more="y" * 9000),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_token_that_is_wrong_is_refused(serve: Callable[..., Serving], what: str) -> None:
    """Each of these has let somebody into something."""
    serving = serve(access=KnownAccess(issuer=ISSUED))
    refusal = refusal_of(lambda: decide(serving, WRONG[what]()))
    assert (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED") == (refusal.code, refusal.reason)
    assert [] == serving.journal.payloads


def test_a_symmetric_algorithm_that_is_pinned_does_not_take_a_public_key(serve: Callable[..., Serving]) -> None:
    """The same name of a key must not mean two kinds of key."""
    serving = serve(access=KnownAccess(issuer=ISSUED, algorithms=("RS256", "HS256")))
    assert decide(serving, ISSUED.token()).recorded
    assert grpc.StatusCode.UNAUTHENTICATED is refusal_of(lambda: decide(serving, signed_with_public_key())).code


@pytest.mark.parametrize("roles", [["decide", "others-business"], "decide read"])
def test_a_token_that_is_right_names_its_caller(serve: Callable[..., Serving], roles: Any) -> None:
    """Roles come as a list or as words; those of others are theirs."""
    serving = serve(access=KnownAccess(issuer=ISSUED))
    decide(serving, ISSUED.token(oversight_roles=roles))
    assert ["jwt:alice"] == [entry.caller for entry in serving.journal.entries()]


@pytest.mark.parametrize("roles", [None, [], "read", {"decide": True}, 7])
def test_a_token_without_the_role_is_refused(serve: Callable[..., Serving], roles: Any) -> None:
    """Whom the issuer knows may not yet do anything here."""
    serving = serve(access=KnownAccess(issuer=ISSUED))
    refusal = refusal_of(lambda: decide(serving, ISSUED.token(oversight_roles=roles)))
    assert grpc.StatusCode.PERMISSION_DENIED is refusal.code


def test_a_tenant_claim_binds_its_caller(serve: Callable[..., Serving]) -> None:
    """A token that says nothing of a tenant is not one for all of them; a star is."""
    serving = serve(access=KnownAccess(issuer=ISSUED, tenant_claim="tenant"))
    assert decide(serving, ISSUED.token(tenant="north"), tenant_id="north").recorded
    assert decide(serving, ISSUED.token(tenant="*"), tenant_id="south").recorded
    denied = refusal_of(lambda: decide(serving, ISSUED.token(tenant="north"), tenant_id="south"))
    unbound = refusal_of(lambda: decide(serving, ISSUED.token()))
    assert (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED) == (denied.code, unbound.code)


class CountedChecks:
    """A check of tokens that counts."""

    def __init__(self, access: KnownAccess) -> None:
        self.count = 0
        self._checks = access.web_tokens

    def check(self, token: str, now_s: float) -> Any:
        self.count += 1
        assert self._checks is not None
        return self._checks.check(token, now_s)


def test_a_token_is_looked_at_once_until_the_keys_change(serve: Callable[..., Serving]) -> None:
    """A signature costs more than a decision; a key that is withdrawn counts at once all the same."""
    access = KnownAccess(issuer=ISSUED)
    access.web_tokens = counted = CountedChecks(access)  # type: ignore[assignment]  # a check is a check
    serving = serve(access=access)
    token = ISSUED.token()
    for _ in range(3):
        decide(serving, token)
    assert 1 == counted.count
    access.trust(Issuer("second"))
    assert grpc.StatusCode.UNAUTHENTICATED is refusal_of(lambda: decide(serving, token)).code


def test_an_unknown_key_asks_for_newer_ones_and_nothing_waits(serve: Callable[..., Serving]) -> None:
    """The issuer has changed its keys, or somebody pretends so: the call ends at once either way."""
    access = KnownAccess(issuer=ISSUED)
    serving = serve(access=access)
    later = Issuer("second")
    assert grpc.StatusCode.UNAUTHENTICATED is refusal_of(lambda: decide(serving, later.token("second"))).code
    assert 1 == access.wanted
    access.trust(later)
    assert decide(serving, later.token("second")).recorded


def test_beyond_the_limit_no_signature_is_looked_at(serve: Callable[..., Serving]) -> None:
    """Or strangers could have a server do nothing else; a token that was taken before is taken."""
    access = KnownAccess(issuer=ISSUED)
    access.web_tokens = counted = CountedChecks(access)  # type: ignore[assignment]  # a check is a check
    serving = serve(access=access, authentication_failures_per_s=1)
    token = ISSUED.token()
    decide(serving, token)
    forged = Issuer().token()
    refusals = [refusal_of(lambda: decide(serving, forged)).reason for _ in range(5)]
    assert "TOO_MANY_FAILURES" == refusals[-1]
    assert counted.count < 5
    assert decide(serving, token).recorded
