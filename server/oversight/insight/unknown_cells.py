"""The fifth sign from the evidence: which part of a department's volume has an error rate that nobody knows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from oversight.durations import DAY_US
from oversight.engine.decision import Tier
from oversight.feedback.error_rates import Counts, ErrorRate, rate_of_counts
from oversight.feedback.unknown_rates import RatedCell, error_rate_unknown, why_unknown
from oversight.insight.places import Found, Place
from oversight.insight.sign_facts import RECENT_DAYS, WINDOW_DAYS
from oversight.storage.evidence import Cell, CellFilter, EvidenceReader, RateCounts, Split

__all__ = ["find_unknown"]

_ALL = tuple(Split)
_IN_USE_H = 24
_NAMED = 3


def find_unknown(
    reader: EvidenceReader, day: int, departments: Sequence[Place], *, target: float = 0.05
) -> list[Found]:
    """
    Return for each of *departments* what share of its volume has an error rate that is not known on *day*.

    Volume is that of the last 14 days, on and in the loop; labels are those of 91. A model version is in use if it
    decided within the last 24 hours that its intent had any decisions. Raises `StoreUnavailableError`.
    """
    since_us, until_us = (day - RECENT_DAYS) * DAY_US, day * DAY_US
    volumes: defaultdict[Cell, int] = defaultdict(int)
    newest: dict[Cell, int] = {}
    for one in reader.hours(CellFilter(since_us=since_us, until_us=until_us), _ALL):
        if one.cell.tier != Tier.HUMAN_AS_THE_LOOP:
            volumes[one.cell] += one.decisions
            newest[one.cell] = max(one.hour, newest.get(one.cell, one.hour))
    labels = CellFilter(since_us=(day - WINDOW_DAYS) * DAY_US, until_us=until_us)
    counts = {one.cell: one for one in reader.rate_counts(labels, [_ALL], until_us)[0]}
    in_use = _versions_in_use(newest)
    cells: defaultdict[Place, list[tuple[str, RatedCell]]] = defaultdict(list)
    for cell, volume in sorted(volumes.items(), key=repr):
        rate = _rated(counts.get(cell), volume, sum(volumes.values()), until_us)
        rated = RatedCell(rate, (*cell[:3], cell.model_version) in in_use)
        cells[Place(cell.tenant_id or "", cell.department or "")].append((cell.intent or "", rated))
    return [
        Found(
            place,
            error_rate_unknown((rated for _, rated in cells[place]), target=target),
            _worst(cells[place], target),
        )
        for place in departments
    ]


def _versions_in_use(newest: Mapping[Cell, int]) -> set[tuple[str | None, ...]]:
    last: dict[tuple[str | None, ...], int] = {}
    for cell, hour in newest.items():
        last[cell[:3]] = max(hour, last.get(cell[:3], hour))
    return {(*cell[:3], cell.model_version) for cell, hour in newest.items() if hour > last[cell[:3]] - _IN_USE_H}


def _rated(found: RateCounts | None, volume: int, total: int, now_us: int) -> ErrorRate:
    """Return the rate of a cell with the *volume* that it stands for now, of *total*."""
    counts = Counts(volume, 0, 0, 0, 0, None)
    if found is not None:
        counts = counts._replace(
            n=found.n, errors=found.errors, newest_label_us=found.newest_label_us, open_end=found.open_end
        )
    return rate_of_counts(counts, now_us=now_us, total_volume=total)


def _worst(cells: Sequence[tuple[str, RatedCell]], target: float) -> tuple[str, ...]:
    unknown: defaultdict[str, int] = defaultdict(int)
    for intent, rated in cells:
        if why_unknown(rated, target=target) is not None:
            unknown[intent] += rated.rate.volume
    return tuple(sorted(unknown, key=lambda intent: (-unknown[intent], intent))[:_NAMED])
