"""Records that changed places: which of those that do not fit would fit where another one stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oversight.storage.chain import canonical_row, link

__all__ = ["MOST_SUSPECTS", "Gap", "Suspect", "find_places", "link_anything"]

MOST_SUSPECTS = 256
"""So many are looked at together; records further apart, with more suspects between, are taken for altered ones."""

_NEIGHBOURS = 16
_FEW = 64


@dataclass(slots=True)
class Suspect:
    """
    A record that does not fit behind the one before it.

    `values` are its row without the hash, with its number at `number_at`; `stored` is its hash, `previous` the hash
    stored before it (None behind a gap), and `computed` what its own should be by that. `fits_computed`: the next
    record was linked to `computed`, so only the hash was altered. `personal` says what is wrong with its personal part,
    or is empty.
    """

    number: int
    number_at: int
    record_id: str
    values: list[Any]
    stored: Any
    previous: str | None
    computed: str | None
    fits_computed: bool = False
    personal: str = ""


@dataclass(slots=True)
class Gap:
    """Numbers that are missing, the hash stored before the first, and how many personal parts they still have."""

    first: int
    last: int
    previous: str | None
    parts: int = 0


def link_anything(previous: Any, values: Sequence[Any]) -> str:
    """Return a row's chain hash, or "" where somebody has put what no record holds into it or into *previous*."""
    try:
        return link(previous, canonical_row(values))
    except (TypeError, ValueError, AttributeError):
        return ""


def find_places(suspects: Sequence[Suspect], gaps: Iterable[Gap]) -> tuple[dict[int, int], set[int]]:
    """
    Return where records belong that stand elsewhere, by number, and the numbers of suspects that are in order.

    A record belongs where its values give its own hash (it was moved with it) or the hash that is stored there (it was
    exchanged without). With what belongs where, records behind a place that was exchanged are in order after all.
    """
    places: dict[int, str | None] = {one.number: one.previous for one in suspects}
    places |= {gap.first: gap.previous for gap in gaps}
    stored = {one.number: one.stored for one in suspects}
    order = sorted(places)
    reach = len(order) if len(order) <= _FEW else _NEIGHBOURS
    belongs: dict[int, int] = {}
    hashes: dict[int, str] = {}
    at = {number: index for index, number in enumerate(order)}
    for one in suspects:
        index = at[one.number]
        for place in order[max(0, index - reach) : index + reach + 1]:
            if place != one.number and (found := _fits(one, place, places[place], stored, order, at)):
                belongs[one.number] = place
                hashes[place] = found
                break
    return belongs, {one.number for one in suspects if one.number not in belongs and _is_in_order(one, hashes)}


def _fits(
    one: Suspect,
    place: int,
    previous: str | None,
    stored: Mapping[int, Any],
    order: Sequence[int],
    at: Mapping[int, int],
) -> str:
    """Return the hash with which *one* fits at *place*, or ""."""
    values = [*one.values[: one.number_at], place, *one.values[one.number_at + 1 :]]
    wanted = {one.stored, stored.get(place)}
    before = [previous] if previous is not None else []
    if place - 1 in at:  # what stood before it may have been moved too, with its hash
        near = order[max(0, at[place] - _FEW // 4) : at[place] + _FEW // 4]
        before += [stored[number] for number in near if number in stored]
    return next((found for found in (link_anything(hash_, values) for hash_ in before) if found in wanted), "")


def _is_in_order(one: Suspect, hashes: Mapping[int, str]) -> bool:
    previous = hashes.get(one.number - 1)
    return previous is not None and link_anything(previous, one.values) == one.stored
