"""Failures by address: a rate, and bounded memory."""

from __future__ import annotations

from oversight.access.limiter import FailureLimiter


def test_as_many_as_the_rate_are_within_it_at_once_and_each_second() -> None:
    """Somebody who mistypes is not locked out; somebody who tries is slowed down."""
    limiter = FailureLimiter(5)
    assert [False] * 5 + [True] * 3 == [limiter.count("a", 100.0) for _ in range(8)]
    assert (True, False) == (limiter.is_over("a", 100.1), limiter.is_over("a", 100.21))
    later = [limiter.count("a", 101.0 + number / 100) for number in range(100)]
    assert 8 <= later.count(False) <= 10


def test_each_address_has_its_own_count() -> None:
    """One that tries must not lock out the others."""
    limiter = FailureLimiter(1)
    assert [False, True, False] == [limiter.count(peer, 0.0) for peer in ("a", "a", "b")]


def test_any_number_of_addresses_takes_bounded_memory() -> None:
    """Addresses cost an attacker little."""
    limiter = FailureLimiter(1)
    for number in range(50_000):
        limiter.count(f"peer {number}", 0.0)
    assert 1024 == len(limiter)
