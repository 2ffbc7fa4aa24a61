"""
Client certificates: which name a verified one has.

A SPIFFE id, or else the only URI among its alternative names, or else the common name of its subject (`cn:NAME`, so
that it cannot pass for a URI). DNS names and mail addresses are not looked at: many certificates of servers share one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from oversight.access.identity import RefusedError

__all__ = ["AuthContext", "certificate_of", "name_of"]

AuthContext = Mapping[str, Sequence[bytes]]
"""What gRPC says of the other side of a connection (grpc/auth_context)."""


def certificate_of(context: AuthContext) -> bytes:
    """Return the certificate in PEM, empty where the other side showed none."""
    return next(iter(context.get("x509_pem_cert", ())), b"")


def name_of(context: AuthContext) -> str:
    """Return the name of a verified certificate; raise `RefusedError` where it has none, or several."""
    for names in (context.get("peer_spiffe_id", ()), context.get("peer_uri", ())):
        if len(names) > 1:
            raise RefusedError("certificate", "the certificate has several URIs: expected one that names the caller")
        if names:
            return _text(names[0])
    names = context.get("x509_common_name", ())
    if len(names) == 1 and names[0]:
        return f"cn:{_text(names[0])}"
    raise RefusedError("certificate", "the certificate names nobody: expected a SPIFFE id, a URI or a common name")


def _text(name: bytes) -> str:
    text = name.decode("utf-8", "replace")
    if len(text) > 2048 or not text.isprintable():
        raise RefusedError("certificate", "the certificate's name is too long or not printable")
    return text
