"""Multiple testing: which of many tests found something, when some would by chance."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["benjamini_hochberg", "e_benjamini_hochberg"]


def benjamini_hochberg(p_values: Sequence[float], *, rate: float = 0.1) -> list[bool]:
    """
    Return which of the *p_values* are discoveries, in their order.

    With the K values sorted, the k smallest are where k is the largest with p_(k) <= rate k / K. The expected share of
    false ones among them is at most *rate* if the tests are independent or positively dependent.

    Source: Benjamini and Hochberg 1995, JRSS B 57(1), 289-300; dependence: Benjamini and Yekutieli 2001, Annals of
    Statistics 29(4), 1165-1188.
    """
    count = len(p_values)
    within = [p for place, p in enumerate(sorted(p_values), start=1) if p <= rate * place / count]
    return [bool(within) and p <= within[-1] for p in p_values]


def e_benjamini_hochberg(e_values: Sequence[float], *, rate: float = 0.1) -> list[bool]:
    """
    Return which of the *e_values* are discoveries, in their order.

    With the K values sorted, the k largest are where k is the largest with e_(k) >= K / (rate k). The expected share of
    false ones among them is at most *rate* under any dependence.

    Source: Wang and Ramdas 2022, "False discovery rate control with e-values", JRSS B 84(3), 822-852. For e-detectors
    the expected share is bounded in proportion to how long one has watched ("error over patience"): Dandapanthula and
    Ramdas 2025, arXiv 2501.04130.
    """
    count = len(e_values)
    ranked = enumerate(sorted(e_values, reverse=True), start=1)
    within = [e for place, e in ranked if e * rate * place >= count]
    return [bool(within) and e >= within[-1] for e in e_values]
