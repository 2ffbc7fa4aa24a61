"""TLS of a port: certificate, key and client authority from files, read again whenever they change."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import grpc

from oversight.errors import KeyFileError
from oversight.settings import Settings

__all__ = ["ServerTls", "TlsFiles", "check_tls", "tls_files"]

_LOOK_S = 0.5
_log = logging.getLogger(__name__)
_Stamp = tuple[tuple[int, int, int], ...]


class TlsFiles(NamedTuple):
    """
    The files of one port, in PEM: the certificate with its chain, its key, and the authorities of clients.

    With authorities a client must show a certificate of theirs.
    """

    certificate: Path
    key: Path
    client_ca: Path | None


def tls_files(settings: Settings, setting: str) -> TlsFiles | None:
    """Return the files of the port of *setting* (`listen`, `admin_listen`), None where it is plaintext."""
    certificate, key, client_ca = settings.tls_cert_file, settings.tls_key_file, settings.tls_client_ca_file
    if setting == "admin_listen":
        certificate = settings.admin_tls_cert_file or certificate
        key = settings.admin_tls_key_file or key
        client_ca = settings.admin_tls_client_ca_file or client_ca
    return None if certificate is None or key is None else TlsFiles(certificate, key, client_ca)


def check_tls(settings: Settings) -> None:
    """Raise `KeyFileError` for files of either port that cannot be used."""
    for setting in ("listen", "admin_listen"):
        files = tls_files(settings, setting)
        if files is not None:
            _read(files)


class ServerTls:
    """
    The credentials of a port from *files*.

    A new certificate is shown to the next connection, and connections are renewed (setting max_connection_age_s). Files
    that do not fit together, as in the moment of being replaced, change nothing. Raises `KeyFileError` for files that
    cannot be used at the start.
    """

    def __init__(self, files: TlsFiles, clock: Callable[[], float] = time.monotonic) -> None:
        self._files = files
        self._clock = clock
        self._seen = _stamp(files)
        self._looked_s = clock()
        self._problem = ""
        self._first = _read(files)

    def credentials(self) -> grpc.ServerCredentials:
        """Return what gRPC takes; it asks for newer files at each handshake."""
        return grpc.dynamic_ssl_server_credentials(
            self._first,
            self.refreshed,  # type: ignore[arg-type]  # None is allowed: the certificate stays
            require_client_authentication=self._files.client_ca is not None,
        )

    def refreshed(self) -> grpc.ServerCertificateConfiguration | None:
        """Return what the files hold if that is new and fits together, else None; on a thread of gRPC's."""
        now_s = self._clock()
        if now_s - self._looked_s < _LOOK_S:
            return None
        self._looked_s = now_s
        try:
            stamp = _stamp(self._files)
            if stamp == self._seen:
                return None
            configuration = _read(self._files)
        except KeyFileError as error:
            if str(error) != self._problem:
                _log.error("the certificate stays as it is: %s", error)
            self._problem = str(error)
            return None
        self._seen = stamp
        self._problem = ""
        _log.info("a new certificate is in force: %s", self._files.certificate)
        return configuration


def _stamp(files: TlsFiles) -> _Stamp:
    stamps = []
    for path in files:
        if path is not None:
            try:
                status = path.stat()
            except OSError as problem:
                raise KeyFileError(f"{path} cannot be read: {problem.strerror}") from problem
            stamps.append((status.st_ino, status.st_mtime_ns, status.st_size))
    return tuple(stamps)


def _read(files: TlsFiles) -> grpc.ServerCertificateConfiguration:
    # Servers without TLS need not load it.
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    certificate, key, client_ca = (None if path is None else _content(path) for path in files)
    assert certificate is not None and key is not None  # noqa: S101, PT018 - tells the type checker what TlsFiles says
    try:
        leaf = x509.load_pem_x509_certificates(certificate)[0]
    except ValueError as problem:
        raise KeyFileError(f"{files.certificate} holds no certificate in PEM: {problem}") from problem
    try:
        private = load_pem_private_key(key, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as problem:
        raise KeyFileError(f"{files.key} holds no private key in PEM without a password") from problem
    if private.public_key() != leaf.public_key():
        raise KeyFileError(f"the key in {files.key} is not that of the certificate in {files.certificate}")
    if client_ca is not None:
        try:
            x509.load_pem_x509_certificates(client_ca)
        except ValueError as problem:
            raise KeyFileError(f"{files.client_ca} holds no certificate in PEM: {problem}") from problem
    return grpc.ssl_server_certificate_configuration([(key, certificate)], root_certificates=client_ca)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise KeyFileError(f"{path} cannot be read: {problem.strerror}") from problem
