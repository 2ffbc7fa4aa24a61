"""The hash chain and the seal of personal parts."""

from __future__ import annotations

from hashlib import sha256

import pytest

from oversight.storage.chain import GENESIS, canonical_row, link, seal


def test_a_row_is_one_line_of_json() -> None:
    """Anyone must be able to recompute the chain without our code."""
    assert b'["a\\u00e9\\"",1,0.1,true,null,"w",7]' == canonical_row(['aé"', 1, 0.1, True, None, "w", 7])


def test_a_column_added_later_changes_no_older_row() -> None:
    """A migration must not break the chain of thirteen months."""
    assert canonical_row(["a", None, 1]) == canonical_row(["a", None, 1, None, None])


@pytest.mark.parametrize("other", [["a", 1], ["a", 2, 1], [None, "a", 1, 2], ["a", 1, "2"], ["a", 1.0, 2]])
def test_rows_that_differ_have_different_bytes(other: list[object]) -> None:
    """An alteration that leaves the bytes alone would never be found."""
    assert canonical_row(["a", 1, 2]) != canonical_row(other)


def test_a_link_is_the_hash_of_what_came_before_and_the_row() -> None:
    """This is the definition that a verifier elsewhere is written from."""
    first = link(GENESIS, b'["a"]')

    assert sha256(b"0" * 64 + b'["a"]').hexdigest() == first
    assert sha256(first.encode() + b'["b"]').hexdigest() == link(first, b'["b"]')


def test_a_seal_depends_on_the_salt() -> None:
    """Without it, an erased customer could be found by trying likely values."""
    assert sha256(b"salt" + b"{}").hexdigest() == seal(b"salt", "{}")
    assert seal(b"salt", "{}") != seal(b"tlas", "{}")
