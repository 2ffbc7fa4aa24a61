"""From records that do not fit and numbers that are missing to findings: each thing that is wrong once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from oversight.storage.findings import Finding
from oversight.storage.reordering import Gap, Suspect, find_places

__all__ = ["judge"]


def judge(
    chain: str, writer: str, suspects: Sequence[Suspect], gaps: Sequence[Gap], *, end: int | None, search: bool
) -> Iterator[Finding]:
    """
    Yield what is wrong with *writer*'s *chain* by its *suspects* and *gaps*.

    *end* is the chain's last number as its head has it (None: nobody knows); *search* looks for records that changed
    places, which takes time where thousands do not fit.
    """
    belongs, in_order = find_places(suspects, gaps) if search else ({}, set[int]())
    by_number = {one.number: one for one in suspects}
    for group in _groups(belongs):
        yield _reordered(chain, writer, group, belongs, by_number)
    for one in suspects:
        if one.number not in belongs and (found := _single(one, in_order, end)):
            kind, text = found
            yield Finding(kind, chain, writer, one.number, one.number, (str(one.record_id),), text)
    filled = set(belongs.values())
    for gap in gaps:
        first = gap.first + 1 if gap.first in filled else gap.first
        if first <= gap.last:
            yield Finding("removed", chain, writer, first, gap.last, (), _missing(gap, first))


def _single(one: Suspect, in_order: set[int], end: int | None) -> tuple[str, str] | None:
    """Return kind and text of what is wrong with one record that stands where it should."""
    fits = one.number in in_order or one.computed is None
    if end is not None and one.number > end and one.number not in in_order:
        return "added", "the record stands behind the end of the chain and does not follow from it"
    if fits:
        return ("personal_altered", one.personal) if one.personal else None
    if one.fits_computed:
        return "altered", "the hash of the record was altered; its values are those it was recorded with"
    if one.personal:
        return "altered", "the record and its personal part are not what was recorded"
    text = (
        "the values of the record are not those it was recorded with, or the record before it was replaced together "
        "with its hash"
    )
    return "altered", text


def _missing(gap: Gap, first: int) -> str:
    count = gap.last - first + 1
    text = "1 record is missing" if count == 1 else f"{count:,} records are missing"
    return f"{text}; personal parts of {gap.parts:,} are still there" if gap.parts else text


def _reordered(
    chain: str, writer: str, group: Sequence[int], belongs: Mapping[int, int], by_number: Mapping[int, Suspect]
) -> Finding:
    moved = [number for number in group if number in belongs]
    ids = tuple(str(by_number[number].record_id) for number in moved)
    if len(moved) == 2 and belongs[moved[0]] == moved[1] and belongs[moved[1]] == moved[0]:
        text = f"records {moved[0]:,} and {moved[1]:,} changed places"
    else:
        text = "; ".join(f"the record at {number:,} belongs at {belongs[number]:,}" for number in moved)
    return Finding("reordered", chain, writer, min(group), max(group), ids, text)


def _groups(belongs: Mapping[int, int]) -> Iterator[list[int]]:
    """Yield the numbers that exchanged their records with one another, each group sorted."""
    rest = set(belongs)
    while rest:
        group: set[int] = set()
        reached = {rest.pop()}
        while reached:
            number = reached.pop()
            group.add(number)
            near = {belongs[number]} if number in belongs else set[int]()
            near |= {other for other in rest if belongs[other] == number}
            reached |= near - group
        rest -= group
        yield sorted(group)
