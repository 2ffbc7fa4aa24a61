"""Tokens from the database to the file that every process reads."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path

import pytest

from oversight.access.tokens import digest_of, read_book
from oversight.app.access import TOKENS_NAME
from oversight.app.handover import clear_run
from oversight.app.token_watch import TokenWatch
from oversight.errors import StoreUnavailableError
from oversight.storage.tokens import StoredToken

ONE = StoredToken("id", digest_of(b"one").hex(), "gateway", ("decide",), "", 0, "local:root", None, None)


class MemoryTokens:
    """Tokens in memory; `down` makes it fail."""

    def __init__(self, *tokens: StoredToken) -> None:
        self.tokens = tokens
        self.down = False

    def list(self) -> Sequence[StoredToken]:
        if self.down:
            raise StoreUnavailableError("the store is down")
        return self.tokens


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Return the folder of the hand-over files."""
    clear_run(tmp_path)
    return tmp_path / "run"


def test_what_is_in_force_is_published_for_us_alone(run: Path) -> None:
    """Digests are no secrets to break, but nobody else's business either."""
    tokens = MemoryTokens(ONE, ONE._replace(digest=digest_of(b"two").hex(), revoked_at_us=1))
    TokenWatch(tokens, run).step()
    book = read_book((run / TOKENS_NAME).read_bytes())
    assert (1, True) == (len(book), book.any_made)
    assert 0o600 == stat.S_IMODE((run / TOKENS_NAME).stat().st_mode)


def test_a_revocation_is_published_and_nothing_is_written_without_a_change(run: Path) -> None:
    """Every process reads the file that is written."""
    tokens = MemoryTokens(ONE)
    watch = TokenWatch(tokens, run)
    watch.step()
    before = (run / TOKENS_NAME).stat().st_ino
    watch.step()
    assert before == (run / TOKENS_NAME).stat().st_ino
    tokens.tokens = (ONE._replace(revoked_at_us=1),)
    watch.step()
    assert 0 == len(read_book((run / TOKENS_NAME).read_bytes()))


def test_a_database_that_is_down_changes_nothing_and_is_said(run: Path) -> None:
    """Callers are still known; that a revocation may be missing is for the operator."""
    tokens = MemoryTokens(ONE)
    watch = TokenWatch(tokens, run)
    watch.step()
    tokens.down = True
    watch.step()
    assert (1, "the store is down") == (len(read_book((run / TOKENS_NAME).read_bytes())), watch.problem)


def test_a_token_with_roles_of_a_newer_version_is_not_taken(run: Path) -> None:
    """One role less than was meant could be the one that forbids; the others are taken."""
    tokens = MemoryTokens(ONE, ONE._replace(digest=digest_of(b"two").hex(), roles=("fly",)))
    TokenWatch(tokens, run).step()
    assert 1 == len(read_book((run / TOKENS_NAME).read_bytes()))


@pytest.mark.parametrize("restarted", [False, True])
def test_a_database_that_lost_its_tokens_opens_nothing(run: Path, restarted: bool) -> None:
    """Tokens are never removed: one without any is not the one that had them."""
    tokens = MemoryTokens(ONE)
    watch = TokenWatch(tokens, run)
    watch.step()
    tokens.tokens = ()
    watch = TokenWatch(tokens, run) if restarted else watch
    watch.step()
    book = read_book((run / TOKENS_NAME).read_bytes())
    assert (1, True) == (len(book), book.any_made)
    assert "the store has no tokens, although some were made" in watch.problem

    tokens.tokens = (ONE._replace(digest=digest_of(b"two").hex()),)
    watch.step()
    book = read_book((run / TOKENS_NAME).read_bytes())
    assert ("", None) == (watch.problem, book.find(digest_of(b"one"), 0))
    assert book.find(digest_of(b"two"), 0)


def test_a_file_that_cannot_be_read_opens_nothing(run: Path) -> None:
    """It may have had tokens."""
    (run / TOKENS_NAME).write_text("torn")
    watch = TokenWatch(MemoryTokens(), run)
    watch.step()
    assert "torn" == (run / TOKENS_NAME).read_text()
    assert watch.problem
