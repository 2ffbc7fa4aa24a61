"""Certificates as JSON text: on record for ever, and from one process to another."""

from __future__ import annotations

import json

from oversight.feedback.certificate import Certificate, CertificateStatus, Proof

__all__ = ["answer_from_text", "answer_to_text"]


def answer_to_text(certificate: Certificate) -> str:
    """Return the certificate as a JSON object of its fields."""
    fields = certificate._asdict()
    for name in ("tested", "candidates"):
        fields[name] = [proof._asdict() for proof in fields[name]]
    return json.dumps(fields, allow_nan=False)


def answer_from_text(text: str) -> Certificate:
    """Return the certificate that `answer_to_text` wrote."""
    fields = json.loads(text)
    for name in ("tested", "candidates"):
        fields[name] = tuple(Proof(**proof) for proof in fields[name])
    return Certificate(**{**fields, "status": CertificateStatus(fields["status"])})
