"""Whose credentials are taken in one process: what the controller published."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from oversight.access.identity import Identity
from oversight.access.tokens import NO_TOKENS, TokenBook, read_book
from oversight.app.addresses import is_beyond_loopback
from oversight.app.handover import file_stamp, run_folder, write_file
from oversight.credential_settings import read_algorithms
from oversight.settings import Settings

if TYPE_CHECKING:
    from oversight.access.web_tokens import WebTokens

__all__ = [
    "KEYS_NAME",
    "ROLES_NAME",
    "TOKENS_NAME",
    "WANTED_NAME",
    "CurrentAccess",
    "always_required",
    "published_tokens",
]

TOKENS_NAME = "tokens.json"
KEYS_NAME = "jwks.json"
ROLES_NAME = "certificate_roles.yaml"
WANTED_NAME = "jwks.wanted"
"""Written by a process that met a token with a key that it does not know."""

_log = logging.getLogger(__name__)
_Stamp = tuple[int, int, int] | None


def always_required(settings: Settings) -> bool:
    """Return whether calls need credentials also while no token was ever made."""
    configured = settings.tls_client_ca_file or settings.admin_tls_client_ca_file or settings.jwt_jwks
    if settings.authentication == "required" or configured:
        return True
    return is_beyond_loopback(settings) and not settings.insecure


def published_tokens(data_dir: Path) -> TokenBook | None:
    """Return the tokens that the controller published last; None where it never did, or they cannot be read."""
    try:
        return read_book((run_folder(data_dir) / TOKENS_NAME).read_bytes())
    except (OSError, ValueError):
        return None


class CurrentAccess:
    """
    An `Access` that follows its files; `refresh` looks at them.

    Each attribute is replaced by one assignment. A file that is missing or cannot be used changes nothing;
    `problem` says why, or is empty. Calls need credentials until it is known whether there are tokens: a database that
    does not answer at the very first start may have some.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._run = run_folder(settings.data_dir)
        self._always = always_required(settings)
        self.generation = 0
        self.tokens: TokenBook = NO_TOKENS
        self.certificates: Mapping[str, Identity] = {}
        self.web_tokens: WebTokens | None = None
        self.required = True
        self._tokens_known = False
        self._problems: dict[Path, str] = {}
        self._wanted = False
        self._files: list[tuple[Path, Callable[[bytes], None]]] = [(self._run / TOKENS_NAME, self._take_tokens)]
        self._stamps: dict[Path, _Stamp] = {}
        if settings.certificate_roles_file is not None:
            self._files.append((self._run / ROLES_NAME, self._take_roles))
        if settings.jwt_jwks:
            self._files.append((self._run / KEYS_NAME, self._take_keys))
        self.refresh()

    @property
    def problem(self) -> str:
        """Why a file cannot be used, of each that cannot, or empty."""
        return "; ".join(self._problems.values())

    def refresh(self) -> None:
        """Take over what is newer."""
        for path, take in self._files:
            stamp = file_stamp(path)
            if stamp is not None and stamp != self._stamps.get(path):
                self._read(path, stamp, take)
        if self._wanted:
            self._wanted = False
            try:
                write_file(self._run / WANTED_NAME, b"")
            except OSError as problem:
                _log.warning("newer keys of the issuer cannot be asked for: %s", problem)

    def want_keys(self) -> None:
        """Have the next `refresh` ask the controller for newer keys of the issuer."""
        self._wanted = True

    def _read(self, path: Path, stamp: _Stamp, take: Callable[[bytes], None]) -> None:
        self._stamps[path] = stamp
        try:
            take(path.read_bytes())
        except OSError as problem:
            self._stamps[path] = None  # and is tried again
            self._problems[path] = f"{path} cannot be read: {problem.strerror}"
        except ValueError as problem:
            self._problems[path] = f"{path} cannot be used: {problem}"
            _log.error("%s; what was read before stays in force", self._problems[path])
        else:
            self._problems.pop(path, None)
            self.required = self._always or not self._tokens_known or self.tokens.any_made
            # Last: whoever sees the new number sees everything else new.
            self.generation += 1

    def _take_tokens(self, content: bytes) -> None:
        self.tokens = read_book(content)
        self._tokens_known = True

    def _take_roles(self, content: bytes) -> None:
        from oversight.access.certificate_roles import read_certificate_roles

        self.certificates = read_certificate_roles(content)

    def _take_keys(self, content: bytes) -> None:
        # Servers without it need not load what checks signatures.
        from oversight.access.web_tokens import Expected, WebTokens, read_keys

        settings = self._settings
        published = json.loads(content)
        if not isinstance(published, dict) or published.get("source") != settings.jwt_jwks:
            raise ValueError("the keys are of another source than setting jwt_jwks names")
        expected = Expected(
            settings.jwt_issuer,
            settings.jwt_audience,
            read_algorithms(settings.jwt_algorithms),
            settings.jwt_roles_claim,
            settings.jwt_tenant_claim,
        )
        self.web_tokens = WebTokens(expected, read_keys(content))
