"""Who vouches for callers in tests: an authority of certificates, and an issuer of JSON Web Tokens."""

from __future__ import annotations

import ipaddress
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

AUDIENCE = "oversight"
ISSUER = "https://issuer.example"


class Authority:
    """Signs certificates; its own is `ca_pem`."""

    def __init__(self, name: str = "authority") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = self._builder(self._name, self._key, timedelta(days=1)).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.ca_pem = made.sign(self._key, SHA256()).public_bytes(Encoding.PEM)

    def issue(
        self,
        common_name: str = "",
        *,
        uris: tuple[str, ...] = (),
        hosts: tuple[str, ...] = ("127.0.0.1",),
        valid: timedelta = timedelta(days=1),
    ) -> tuple[bytes, bytes]:
        """Return a certificate for *hosts* and its key, both in PEM; with a *valid* below zero it has expired."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else []
        others: list[x509.GeneralName] = [x509.UniformResourceIdentifier(uri) for uri in uris]
        others += map(_host, hosts)
        made = self._builder(x509.Name(names), key, valid)
        if others:
            made = made.add_extension(x509.SubjectAlternativeName(others), critical=False)
        pem = made.sign(self._key, SHA256()).public_bytes(Encoding.PEM)
        return pem, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def write_server(self, folder: Path, common_name: str = "server") -> dict[str, Path]:
        """Write a server's certificate and key into *folder*, each by a rename; return the settings that name them."""
        certificate, key = self.issue(common_name)
        for name, content in (("server.pem", certificate), ("server.key", key), ("ca.pem", self.ca_pem)):
            partial = folder / f"{name}.new"
            partial.write_bytes(content)
            partial.rename(folder / name)
        return {"tls_cert_file": folder / "server.pem", "tls_key_file": folder / "server.key"}

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, valid: timedelta
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=2))
            .not_valid_after(now + valid)
        )


def _host(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def credentials(authority: Authority, own: tuple[bytes, bytes] | None = None) -> grpc.ChannelCredentials:
    """Return what a client trusts and shows."""
    certificate, key = own or (None, None)
    return grpc.ssl_channel_credentials(authority.ca_pem, key, certificate)


class Issuer:
    """Signs tokens; `jwks` is the document with its public keys."""

    def __init__(self, *kids: str) -> None:
        self.keys = {kid: RSAKey.generate_key(2048, {"kid": kid}) for kid in kids or ("first",)}

    @property
    def jwks(self) -> bytes:
        """The public keys."""
        return json.dumps(KeySet(list(self.keys.values())).as_dict(private=False)).encode()

    def token(self, kid: str = "first", algorithm: str = "RS256", **claims: Any) -> str:
        """Return a token that is taken, but for *claims*; those that are None are left out."""
        usual = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "alice",
            "exp": int(time.time()) + 600,
            "oversight_roles": ["decide"],
        }
        given = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        return jwt.encode({"alg": algorithm, "kid": kid}, given, self.keys[kid], algorithms=[algorithm])


def jwt_settings(jwks: str | Path, **settings: Any) -> dict[str, Any]:
    """Return the settings of a server that takes tokens of `Issuer`."""
    return {"jwt_issuer": ISSUER, "jwt_audience": AUDIENCE, "jwt_jwks": str(jwks), **settings}
