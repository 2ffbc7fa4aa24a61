"""The ledger of one scope: how much of the error budget its recommendations have spent, and what they said."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from oversight.feedback.certificate import Certificate

__all__ = ["Ledger", "Recommendation", "spend"]

_BASEL = 1.645
"""Above the sum of 1 / j^2 over all j, pi^2 / 6 = 1.64493..."""

_NOTHING: Mapping[str, Recommendation] = MappingProxyType({})


class Recommendation(NamedTuple):
    """
    What one call was told.

    `call` is its number j on new data of this scope and model version, from 1; `delta` is what it spent, in 0..1.
    `digest` (64 hex digits) stands for the rows and the question.
    """

    certificate: Certificate
    call: int
    delta: float
    digest: str


class Ledger(NamedTuple):
    """
    What has been spent in one scope (a threshold of one policy in one scope), by the labels of one model version.

    A value: who asks passes it in, and stores what comes back before showing the answer. `answers` has every
    recommendation by its `digest`. Another model version starts over (`for_model`).
    """

    model_version: str = ""
    calls: int = 0
    answers: Mapping[str, Recommendation] = _NOTHING

    def for_model(self, model_version: str) -> Ledger:
        """Return this ledger, or an empty one where *model_version* is another: its labels say nothing of the new."""
        return self if self.model_version == model_version else Ledger(model_version)

    def enter(self, recommendation: Recommendation) -> Ledger:
        """Return the ledger with one more call."""
        answers = {**self.answers, recommendation.digest: recommendation}
        return self._replace(calls=recommendation.call, answers=MappingProxyType(answers))


def spend(delta: float, call: int) -> float:
    """
    Return what the *call*-th look (from 1) may spend of *delta*: delta / (1.645 j^2).

    The sum over all calls, however many and whenever, stays below delta, so by the union bound all answers together are
    right with probability 1 - delta, also if somebody asks until the answer pleases. Raises ValueError below 1.

    Source: alpha-spending in this form, e.g. Darling and Robbins 1967, "Iterated logarithm inequalities", PNAS 57(5),
    1188-1192 (a union bound over looks with weights 1 / j^2, normed by pi^2 / 6).
    """
    if call < 1:
        raise ValueError(f"call is {call}; expected a number from 1")
    return delta / (_BASEL * call * call)
