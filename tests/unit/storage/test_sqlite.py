"""The file under an embedded store: moved away, removed or replaced while it is open."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from oversight.access.identity import Identity, Role
from oversight.errors import StoreUnavailableError
from oversight.storage.open import open_database
from oversight.storage.sqlite import file_url
from oversight.storage.tokens import SqlTokens


def tokens_in(path: Path) -> SqlTokens:
    """Return the tokens of the database in *path*, as one process has it open."""
    return SqlTokens(open_database(file_url(path), read_only=False))


def add(tokens: SqlTokens, name: str) -> None:
    """Make a token, which is as good as any other row."""
    tokens.create(Identity(name, frozenset({Role.READ})), created_by="local", now_us=0, expires_at_us=None)


def names(tokens: SqlTokens) -> list[str]:
    """Return whose tokens there are."""
    return sorted(token.name for token in tokens.list())


@pytest.mark.parametrize("how", ["moved", "removed"])
def test_a_file_that_is_gone_is_no_empty_store(tmp_path: Path, how: str) -> None:
    """Else stops and tokens would be gone without a word, and what is written after it with the next restart."""
    path, away = tmp_path / "a.db", tmp_path / "b.db"
    tokens = tokens_in(path)
    add(tokens, "one")
    if how == "moved":
        path.rename(away)
    else:
        os.link(path, away)
        path.unlink()

    for work in (tokens.list, lambda: add(tokens, "two")):
        with pytest.raises(StoreUnavailableError, match=r"a\.db is gone: put it back"):
            work()

    assert not path.exists(), "nothing is made in its place"
    away.rename(path)
    add(tokens, "two")
    assert ["one", "two"] == names(tokens_in(path)) == names(tokens)


def test_another_file_in_its_place_is_read_and_written(tmp_path: Path) -> None:
    """Writing on into the one that was moved away would lose everything from then on."""
    path, backup = tmp_path / "a.db", tmp_path / "b.db"
    tokens, other = tokens_in(path), tokens_in(backup)
    add(tokens, "one")
    add(other, "backup")
    path.rename(tmp_path / "damaged.db")
    backup.rename(path)

    add(tokens, "two")

    assert ["backup", "two"] == names(tokens_in(path))
    assert ["one"] == names(tokens_in(tmp_path / "damaged.db"))


def test_a_store_that_never_was_is_empty(tmp_path: Path) -> None:
    """The first start has nothing to read."""
    assert [] == names(tokens_in(tmp_path / "a.db"))
    assert [] == list(tmp_path.iterdir())
