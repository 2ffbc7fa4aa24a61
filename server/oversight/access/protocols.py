"""What the check of a call needs to know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from oversight.access.identity import Identity
from oversight.access.tokens import TokenBook

__all__ = ["OPEN", "Access", "OpenAccess", "WebTokenCheck"]


class WebTokenCheck(Protocol):
    """Checks JSON Web Tokens."""

    def check(self, token: str, now_s: float) -> tuple[Identity, float]:
        """Return whose *token* it is and when it ends (seconds since 1970); raise `RefusedError`."""
        ...


class Access(Protocol):
    """
    Whose credentials are taken now.

    `generation` grows whenever anything of it changes, so that nothing is remembered for longer.
    """

    @property
    def required(self) -> bool:
        """Whether a call needs credentials at all."""
        ...

    @property
    def generation(self) -> int:
        """Number of changes so far."""
        ...

    @property
    def tokens(self) -> TokenBook:
        """The bearer tokens in force."""
        ...

    @property
    def web_tokens(self) -> WebTokenCheck | None:
        """The check of JSON Web Tokens; None where none are taken."""
        ...

    @property
    def certificates(self) -> Mapping[str, Identity]:
        """Callers by the name in their certificate."""
        ...

    def want_keys(self) -> None:
        """Ask for newer keys of the issuer; they come later, or not at all."""
        ...


class OpenAccess:
    """An `Access` without authentication."""

    required = False
    generation = 0
    tokens = TokenBook()
    web_tokens = None
    certificates: Mapping[str, Identity] = {}

    def want_keys(self) -> None:
        """Do nothing: there is no issuer."""


OPEN = OpenAccess()
"""No authentication: for tests, and for servers of one machine."""
