"""Publishes the tokens in force for every process of the server, from the database that has them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from oversight.access.tokens import KnownToken, read_book, write_book
from oversight.app.access import TOKENS_NAME
from oversight.app.handover import write_file
from oversight.errors import StoreUnavailableError
from oversight.storage.tokens import StoredToken

__all__ = ["StoredTokens", "TokenWatch"]

_log = logging.getLogger(__name__)
_LOST = (
    "the store has no tokens, although some were made: it is another one, or they were lost. Those known here are "
    "taken until there is one again (`oversight token create`) or the right store is back"
)


class StoredTokens(Protocol):
    """Where the tokens are."""

    def list(self) -> Sequence[StoredToken]:
        """Return every token there ever was; raise `StoreUnavailableError`."""
        ...


class TokenWatch:
    """
    Looks at *tokens* and writes the file that the check of calls reads, whenever it is to be another.

    While the database does not answer, the file stays as it is, also over a restart: who was known is known, and who
    was revoked meanwhile is not yet refused. A database that has no token any more is another one or was lost, because
    none is ever removed: it changes nothing either. `problem` says so, or is empty.
    """

    def __init__(self, tokens: StoredTokens, run: Path) -> None:
        self.problem = ""
        self._tokens = tokens
        self._path = run / TOKENS_NAME
        self._written = b""
        self._any_made = self._read_any_made()

    def step(self) -> None:
        """Look once. Raises OSError where the file cannot be written."""
        try:
            found = self._tokens.list()
        except StoreUnavailableError as problem:
            if not self.problem:
                _log.warning("which tokens were revoked is not known: %s", problem)
            self.problem = str(problem)
            return
        if self._any_made and not found:
            if not self.problem:
                _log.error(_LOST)
            self.problem = _LOST
            return
        self.problem, self._any_made = "", bool(found)
        content = write_book(self._in_force(found), any_made=self._any_made)
        if content != self._written:
            write_file(self._path, content, durable=True)
            self._written = content

    def _read_any_made(self) -> bool:
        try:
            return read_book(self._path.read_bytes()).any_made
        except FileNotFoundError:
            return False
        except (OSError, ValueError):
            return True  # who made it unreadable is not known: nothing opens by it

    def _in_force(self, found: Sequence[StoredToken]) -> list[KnownToken]:
        known = []
        for token in found:
            if token.revoked_at_us is not None:
                continue
            try:
                known.append(token.known())  # also one that has expired: it is refused by its time, and named
            except ValueError as problem:
                _log.error("the token %s of %s is not taken: %s", token.token_id, token.name, problem)
        return known
