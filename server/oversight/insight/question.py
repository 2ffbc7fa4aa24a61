"""What is asked when a threshold is to be recommended, and what is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from oversight.rules.scopes import EVERYWHERE, Scope

if TYPE_CHECKING:
    from oversight.feedback.ledger import Recommendation

__all__ = ["AUTONOMY", "Asked", "Recommended"]

AUTONOMY = "autonomy_confidence"
"""The threshold that is meant where none is named."""


class Asked(NamedTuple):
    """
    The most lenient value of threshold *name* of *policy* in *scope* at which at most *max_error* (0..1) is proven.

    An empty `policy` is the default policy; an empty `model_version` is that of the newest decision in the scope.
    `claims` is how many intents one claim at *confidence* (0..1) is about; `window_days` how far back decisions count.
    """

    policy: str = ""
    name: str = AUTONOMY
    scope: Scope = EVERYWHERE
    max_error: float = 0.05
    confidence: float = 0.95
    model_version: str = ""
    claims: int = 1
    window_days: int = 90


class Recommended(NamedTuple):
    """
    The answer, with what it is about.

    `autonomy_in_force` is the share (0..1) of eligible decisions that are autonomous at the value in force. `stored`:
    it is the answer of an earlier call, and spent nothing. `erased` counts decisions that count as errors because their
    attributes are gone, and rules read attributes. `through_us` is up to when records are in it, None before any are.
    `others` are the other model versions that decided in the scope within the window, by name: nothing is said of them.
    """

    policy: str
    name: str
    signal: str
    model_version: str
    value_in_force: float
    autonomy_in_force: float
    recommendation: Recommendation
    stored: bool
    erased: int
    through_us: int | None
    others: tuple[str, ...]
