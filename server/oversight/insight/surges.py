"""Surges of volume: an hour of one intent beside about the same hour of the weeks before."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from oversight.durations import HOUR_US
from oversight.feedback.anomalies import volume_surge
from oversight.insight.breaking import Cause
from oversight.insight.places import Place
from oversight.storage.evidence import CellFilter, EvidenceReader, Split

__all__ = ["find_surges"]

_DAY_H, _WEEK_H = 24, 168
_LEAST_WEEKS, _MOST_WEEKS = 8, 12
_LEAST_COUNT = 20
"""Fewer decisions in an hour are never a surge (`feedback.anomalies`), so nothing is asked about them."""

_RELEASED_DAYS = 28
"""Volume that has grown surges again and again until there are weeks to compare it with."""

_BY_INTENT = (Split.TENANT, Split.DEPARTMENT, Split.INTENT)


def find_surges(reader: EvidenceReader, hour: int, wanted: Callable[[str], bool]) -> list[Cause]:
    """
    Return the intents whose volume surged in *hour* (counted from 1970, UTC), in the departments that are *wanted*.

    Compared with the same weekday of 8 to 12 weeks (`anomalies.volume_surge`), of each with the largest of the same
    hour and the ones beside it: customers keep their clocks, and twice a year these move against UTC. An intent that
    was not there 8 weeks ago has too little to compare with. Raises `StoreUnavailableError`.

    Simulated, 40 an hour from 8 to 18 h local time, January to May: the same hour alone finds a false surge on each of
    the 7 days from the change of clocks on, this 0 to .25 in all. Of threefold volumes at 40 an hour with a deviation
    of 25 %, beside 12 weeks, 70 instead of 66 % are found on a flat day, because the busiest of three varies less;
    beside 8 weeks 58 instead of 53 %, but 35 % where volume rises steeply from hour to hour.
    """
    return list(_surges(reader, hour, wanted))


def _surges(reader: EvidenceReader, hour: int, wanted: Callable[[str], bool]) -> Iterator[Cause]:
    for place, count in sorted(_counts(reader, hour).items()):
        if count < _LEAST_COUNT or not wanted(place.department):
            continue
        weeks = _weeks(reader, place, hour)
        before = [_largest(reader, place, hour - week * _WEEK_H) for week in range(1, weeks + 1)]
        surge = volume_surge(count, before)
        if surge.surged:
            evidence = {
                "anomaly": "VOLUME_SURGE",
                **place._asdict(),
                "hour": hour,
                "count": count,
                "expected": surge.expected,
                "p_value": surge.p_value,
            }
            key = json.dumps(["VOLUME_SURGE", *place])
            day_us = hour // _DAY_H * _DAY_H * HOUR_US
            yield Cause(
                *(key, day_us, place.department, place.intent, "VOLUME_SURGE", evidence), released_days=_RELEASED_DAYS
            )


def _counts(reader: EvidenceReader, hour: int) -> dict[Place, int]:
    found = reader.hours(_hours(hour, hour + 1), _BY_INTENT)
    return {
        Place(one.cell.tenant_id or "", one.cell.department or "", one.cell.intent or ""): one.decisions
        for one in found
    }


def _weeks(reader: EvidenceReader, place: Place, hour: int) -> int:
    """Return how many weeks the place can be compared with: in each of them it was there already."""
    for weeks in (_MOST_WEEKS, _LEAST_WEEKS):
        until = hour - weeks * _WEEK_H + 1
        if reader.volume(_in(place, _hours(until - _WEEK_H, until))):
            return weeks
    return 0


def _largest(reader: EvidenceReader, place: Place, hour: int) -> int:
    """Return the volume of the busiest of *hour* and the hours before and behind it."""
    found = reader.hours(_in(place, _hours(hour - 1, hour + 2)), _BY_INTENT)
    return max((one.decisions for one in found), default=0)


def _in(place: Place, wanted: CellFilter) -> CellFilter:
    return wanted._replace(tenant_id=place.tenant_id, department=place.department, intent=place.intent)


def _hours(since: int, until: int) -> CellFilter:
    return CellFilter(since_us=since * HOUR_US, until_us=until * HOUR_US)
