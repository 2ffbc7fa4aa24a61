"""Which settings of TLS and of JSON Web Tokens go together."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from oversight.settings import Settings

__all__ = ["ALGORITHMS", "check_credentials", "read_algorithms"]

ALGORITHMS = frozenset(
    "RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 Ed25519 HS256 HS384 HS512".split()  # noqa: SIM905 - a table
)
"""Signatures that may be pinned; `none` is not among them."""


def read_algorithms(text: str) -> tuple[str, ...]:
    """Return the names in setting `jwt_algorithms`."""
    return tuple(name.strip() for name in text.split(","))


def check_credentials(settings: Settings) -> None:
    """Raise ValueError where settings are given without those that they need, or where one would be without effect."""
    for prefix in ("tls", "admin_tls"):
        certificate, key = getattr(settings, f"{prefix}_cert_file"), getattr(settings, f"{prefix}_key_file")
        if (certificate is None) != (key is None):
            raise ValueError(f"{prefix}_cert_file and {prefix}_key_file: expected both or neither")
    if settings.tls_client_ca_file and not settings.tls_cert_file:
        raise ValueError("tls_client_ca_file: expected tls_cert_file and tls_key_file too, which TLS needs")
    if settings.admin_tls_client_ca_file and not (settings.admin_tls_cert_file or settings.tls_cert_file):
        raise ValueError("admin_tls_client_ca_file: expected a certificate and its key too, which TLS needs")
    if settings.certificate_roles_file and not (settings.tls_client_ca_file or settings.admin_tls_client_ca_file):
        raise ValueError("certificate_roles_file: expected tls_client_ca_file too, or nobody has a certificate to show")
    if unknown := [name for name in read_algorithms(settings.jwt_algorithms) if name not in ALGORITHMS]:
        raise ValueError(f"jwt_algorithms: expected some of {', '.join(sorted(ALGORITHMS))}, got {unknown[0]!r}")
    given = [bool(value) for value in (settings.jwt_issuer, settings.jwt_audience, settings.jwt_jwks)]
    if any(given) and not all(given):
        raise ValueError("jwt_issuer, jwt_audience and jwt_jwks: expected all of them or none")
    if not any(given):
        for name in ("jwt_jwks_refresh_s", "jwt_algorithms", "jwt_roles_claim", "jwt_tenant_claim"):
            if getattr(settings, name) != type(settings).model_fields[name].default:
                raise ValueError(f"{name}: expected jwt_issuer, jwt_audience and jwt_jwks too, or it has no effect")
    if "://" in settings.jwt_jwks and not settings.jwt_jwks.startswith("https://"):
        raise ValueError("jwt_jwks: expected a file or an https URL: whoever can alter the keys can be anybody")
