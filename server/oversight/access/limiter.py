"""How often one address may fail, in bounded memory."""

from __future__ import annotations

from collections import OrderedDict

__all__ = ["FailureLimiter"]

_MOST_PEERS = 1024


class FailureLimiter:
    """
    Counts failures by address: *per_s* in a second, and as many at once, are within the limit.

    It knows the 1,024 addresses that failed last; of one that was forgotten, the count begins anew. Several threads may
    now and then miscount by one.
    """

    def __init__(self, per_s: int) -> None:
        self._per_s = per_s
        # Seconds at which each address will have all its failures to its credit again.
        self._due_s: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._due_s)

    def is_over(self, peer: str, now_s: float) -> bool:
        """Return whether *peer* has failed too often lately."""
        return self._due_s.get(peer, 0.0) - now_s > 1.0 - 1.0 / self._per_s + _ROUNDING_S

    def count(self, peer: str, now_s: float) -> bool:
        """Count one failure of *peer*, and return whether it is beyond the limit."""
        if self.is_over(peer, now_s):
            return True
        self._due_s[peer] = max(self._due_s.get(peer, 0.0), now_s) + 1.0 / self._per_s
        self._due_s.move_to_end(peer)
        while len(self._due_s) > _MOST_PEERS:
            self._due_s.popitem(last=False)
        return False


_ROUNDING_S = 1e-9
