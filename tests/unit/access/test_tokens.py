"""Bearer tokens: random, kept as digests, compared in constant time."""

from __future__ import annotations

import pytest

from oversight.access.identity import Identity, RefusedError, Role, check_name, read_roles
from oversight.access.tokens import TOKEN_PREFIX, KnownToken, TokenBook, digest_of, new_token, read_book, write_book

GATEWAY = Identity("gateway", frozenset({Role.DECIDE, Role.RECORD}), "north")


def known(token: str, expires_at_us: int | None = None) -> KnownToken:
    """Return the gateway's *token*."""
    return KnownToken(digest_of(token.encode()), GATEWAY, expires_at_us)


def test_tokens_are_long_random_and_recognisable() -> None:
    """Scanners for leaked secrets look for the prefix; nobody can guess 256 bits."""
    made = {new_token() for _ in range(1000)}
    assert 1000 == len(made)
    assert all(token.startswith(TOKEN_PREFIX) and len(token) >= len(TOKEN_PREFIX) + 43 for token in made)


def test_a_token_is_found_until_it_expires() -> None:
    """At the very moment it is over."""
    book = TokenBook([known("a", expires_at_us=10), known("b")])
    assert (known("a", expires_at_us=10), known("b"), None) == (
        book.find(digest_of(b"a"), 9),
        book.find(digest_of(b"b"), 10**18),
        book.find(digest_of(b"c"), 9),
    )
    with pytest.raises(RefusedError, match="the token of gateway has expired"):
        book.find(digest_of(b"a"), 10)


def test_a_digest_that_only_begins_like_one_is_not_it() -> None:
    """The look-up is by a part, the comparison by the whole."""
    digest = digest_of(b"a")
    assert TokenBook([known("a")]).find(digest[:-1] + bytes([digest[-1] ^ 1]), 0) is None


def test_a_book_is_read_as_it_was_written() -> None:
    """It goes from one process to the others as a file, without any secret."""
    tokens = [known("ovs_secret", 10), known("ovs_other")]
    content = write_book(tokens, any_made=True)
    book = read_book(content)
    assert (True, 2, tokens[0]) == (book.any_made, len(book), book.find(digest_of(b"ovs_secret"), 0))
    assert content == write_book(reversed(tokens), any_made=True)
    assert b"ovs_" not in content


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"any_made": true, "tokens": [{}]}', b"\xff"])
def test_a_damaged_book_is_refused(content: bytes) -> None:
    """Half a list would lock somebody out, or let somebody in."""
    with pytest.raises(ValueError):  # noqa: PT011 - any words
        read_book(content)


@pytest.mark.parametrize("name", ["", "local", "LOCAL", "jwt:alice", "cn:x", "a b", "a\n", "-x", "x" * 64])
def test_names_that_could_be_taken_for_others_are_refused(name: str) -> None:
    """A record's caller must be one caller."""
    with pytest.raises(ValueError, match="expected a name"):
        check_name(name)


def test_roles_must_be_ours_and_some() -> None:
    """A misspelt role must not become none."""
    assert frozenset({Role.STOP}) == read_roles(["stop", "stop"])
    for names in ([], ["stopp"], ["*"]):
        with pytest.raises(ValueError, match="among decide, record, read"):
            read_roles(names)
