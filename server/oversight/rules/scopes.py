"""Where a threshold's values apply, and which of them is in force where."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple, Protocol

from oversight.engine.policy import Override, Threshold

__all__ = ["EVERYWHERE", "FileValues", "Scope", "Scoped", "scope_of", "shared_scopes"]


class Scope(NamedTuple):
    """Where a value applies; None means everywhere."""

    intent: str | None = None
    department: str | None = None
    currency: str | None = None

    def __str__(self) -> str:
        """Return `intent order_change and currency EUR`, or "" for everywhere."""
        named = zip(self._fields, self, strict=True)
        return " and ".join(f"{key} {value}" for key, value in named if value is not None)


EVERYWHERE = Scope()
"""No narrower scope than the whole policy."""


class Scoped(Protocol):
    """What is written for a scope."""

    @property
    def intent(self) -> str | None:
        """For this intent only."""
        ...

    @property
    def department(self) -> str | None:
        """For this department only."""
        ...

    @property
    def currency(self) -> str | None:
        """For this currency only."""
        ...


def scope_of(one: Scoped) -> Scope:
    """Return the scope that *one* is written for."""
    return Scope(one.intent, one.department, one.currency)


# Intent beats department beats currency beats none, as in engine.limits.
_MOST_SPECIFIC_FIRST = tuple(product((True, False), repeat=3))


class FileValues:
    """The values that rule files give one threshold; the same as `engine.limits.resolve`, for many scopes at once."""

    def __init__(self, threshold: Threshold) -> None:
        self._default = threshold.default
        self._policy = threshold.policy
        self._overrides = {scope_of(one): one for one in threshold.overrides}

    def __iter__(self) -> Iterator[Scope]:
        """Yield every scope that has a value of its own."""
        yield EVERYWHERE
        yield from self._overrides

    def at(self, scope: Scope) -> Override:
        """Return the value in force in *scope*, with the scope that it was written for and the policy that set it."""
        for kept in _MOST_SPECIFIC_FIRST:
            found = self._overrides.get(
                Scope(*(part if keep else None for part, keep in zip(scope, kept, strict=True)))
            )
            if found is not None:
                return found
        return Override(self._default, policy=self._policy)


def shared_scopes(one: FileValues, other: FileValues) -> list[Scope]:
    """
    Return every scope in which the pair of their values can differ from that of a wider scope, widest first.

    Those are the scopes where one of either meets one of the other: wherever a pair of values is in force, it is in
    force in the scope that just these two share.
    """
    shared: set[Scope] = set()
    for left, right in product(one, other):
        pairs = list(zip(left, right, strict=True))
        if all(a is None or b is None or a == b for a, b in pairs):
            shared.add(Scope(*(b if a is None else a for a, b in pairs)))
    return sorted(shared, key=lambda scope: (sum(part is not None for part in scope), str(scope)))
