"""What was probably meant by a word that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["suggest"]

_LEAST_LIKENESS = 0.6


def suggest(word: str, known: Iterable[str]) -> str:
    """
    Return the one of *known* that is nearest to *word*, or "" if none is near.

    Capitals and the choice of `-`, space or `_` do not count. Likeness is difflib's ratio (Ratcliff and Obershelp
    1988), at least 0.6.
    """
    spellings: dict[str, str] = {}
    for name in sorted(known):
        spellings.setdefault(_plain(name), name)
    nearest = difflib.get_close_matches(_plain(word), spellings, n=1, cutoff=_LEAST_LIKENESS)
    return spellings[nearest[0]] if nearest else ""


def _plain(word: str) -> str:
    return word.casefold().replace("-", "_").replace(" ", "_")
