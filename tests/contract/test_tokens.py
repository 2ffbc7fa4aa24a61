"""Tokens in the database, SQLite and PostgreSQL: made, listed, revoked, and no secret kept."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from oversight.access.identity import Identity, Role
from oversight.access.tokens import digest_of
from oversight.errors import UsageError
from oversight.storage.open import open_database
from oversight.storage.tokens import SqlTokens
from places import Place

GATEWAY = Identity("gateway", frozenset({Role.DECIDE, Role.RECORD}), "north")


@pytest.fixture
def tokens(place: Place) -> Iterator[SqlTokens]:
    """Return the tokens of an empty database."""
    database = open_database(place.url, read_only=False)
    yield SqlTokens(database)
    database.engine.dispose()


def create(tokens: SqlTokens, identity: Identity = GATEWAY, expires_at_us: int | None = None, now_us: int = 1) -> str:
    """Make a token and return it."""
    return tokens.create(identity, created_by="local:root", now_us=now_us, expires_at_us=expires_at_us)[1]


def test_an_empty_database_has_none(tokens: SqlTokens) -> None:
    """A server looks before anybody made one."""
    assert [] == list(tokens.list())


def test_a_token_is_on_record_as_its_digest_alone(tokens: SqlTokens) -> None:
    """Whoever reads the database, or a backup of it, can call nothing with that."""
    secret = create(tokens, expires_at_us=9)
    [found] = tokens.list()
    assert ("gateway", ("decide", "record"), "north", 1, "local:root", 9, None) == (
        found.name,
        found.roles,
        found.tenant_id,
        found.created_at_us,
        found.created_by,
        found.expires_at_us,
        found.revoked_at_us,
    )
    assert (digest_of(secret.encode()), GATEWAY, 9) == found.known()
    assert secret not in repr(found)


def test_of_two_with_one_name_only_one_is_in_force(tokens: SqlTokens) -> None:
    """Records name the caller, and must mean one; a successor is made when the first is over."""
    create(tokens, expires_at_us=9)
    with pytest.raises(UsageError, match="a token named gateway already"):
        create(tokens)
    create(tokens, now_us=9)
    tokens.revoke("gateway", 10)
    create(tokens, now_us=11)
    assert [False, False, True] == [token.is_in_force(11) for token in tokens.list()]


def test_a_token_is_revoked_once_by_name_or_id(tokens: SqlTokens) -> None:
    """When it was revoked first is what counts."""
    create(tokens)
    [token] = tokens.list()
    assert [token._replace(revoked_at_us=5)] == tokens.revoke(token.token_id, 5)
    for name in ("gateway", "another"):
        with pytest.raises(UsageError, match=f"there is no token '{name}' to revoke"):
            tokens.revoke(name, 6)
    assert [5] == [found.revoked_at_us for found in tokens.list()]
