"""The daily test of the five signs: from the evidence to what was found in every place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from oversight.durations import DAY_US, HOUR_US
from oversight.feedback.csat import BEFORE_DAYS, IntentCsat, csat_falls
from oversight.feedback.e_detector import Detector
from oversight.feedback.escalations import counted_baseline, unexpected_escalations
from oversight.feedback.repeat_contacts import MATURE_H, RecentRepeats, repeat_contact_rises, watch_repeats
from oversight.feedback.reviews import Approvals, join_reviews, rubber_stamps, skipped_reviews
from oversight.feedback.signs import Finding, Sign, State, judge
from oversight.insight.places import Found, Place
from oversight.insight.satisfaction import scores_from
from oversight.insight.sign_facts import RECENT_DAYS, PlaceRows, SignFacts, gather, sum_days
from oversight.insight.unknown_cells import find_unknown
from oversight.storage.evidence import EvidenceReader, FactSums

__all__ = ["WINDOWS_US", "find_signs"]

WINDOWS_US: Mapping[Sign, int] = {
    Sign.CSAT_FALLS: RECENT_DAYS * DAY_US,
    Sign.REPEAT_CONTACT_RISES: RECENT_DAYS * DAY_US,
    Sign.UNEXPECTED_ESCALATIONS: RECENT_DAYS * DAY_US,
    Sign.REVIEWS_SKIPPED: 28 * DAY_US,
    Sign.ERROR_RATE_UNKNOWN: RECENT_DAYS * DAY_US,
}
"""How long the window of each sign is; a warning clears after two quiet ones."""

_SCORE_DAYS = 3
"""Days after a contact until it is known who handled it and what score it got; younger ones would look like a lull."""
_BASELINE_US = 28 * DAY_US
_LEAST_BASELINE, _MOST_BASELINE = 200, 500
_HIGHEST_BASELINE = 0.9
"""Above, the detector has no room for a rise: it asks for one of .03 and bets on .05 more."""


def find_signs(reader: EvidenceReader, day: int, *, target: float = 0.05) -> list[Found]:
    """
    Return what the tests find on *day* (counted from 1970, UTC) in every place with decisions in the 91 days before.

    Each sign is judged among all places of its kind of one tenant (`signs.judge`, q = 0.1). The same evidence gives the
    same findings, in whatever order it came; nothing is remembered from one day to the next. *target* is the error rate
    of which there should be proof. Raises `StoreUnavailableError`.
    """
    facts = gather(reader, day)
    return [
        *_judged(_csat(facts)),
        *_judged(_repeats(facts)),
        *_judged(_escalations(facts)),
        *_reviews(facts),
        *find_unknown(reader, day, list(facts.departments()), target=target),
    ]


def _judged(founds: Iterable[Found]) -> list[Found]:
    families: dict[tuple[str, bool, bool], list[Found]] = {}
    for found in founds:
        families.setdefault(found.place.family, []).append(found)
    return [
        found._replace(finding=finding)
        for family in families.values()
        for found, finding in zip(family, judge([one.finding for one in family]), strict=True)
    ]


def _csat(facts: SignFacts) -> Iterable[Found]:
    until = facts.day - _SCORE_DAYS
    for department, intents in facts.departments().items():
        for place in intents:
            yield Found(place, _csat_of([facts.days.get(place, {})], until))
        yield Found(department, _csat_of([facts.days.get(place, {}) for place in intents], until))


def _csat_of(intents: Sequence[Mapping[int, FactSums]], until: int) -> Finding:
    middle, first = until - RECENT_DAYS, until - RECENT_DAYS - BEFORE_DAYS
    scores = []
    for days in intents:
        ai, human = sum_days(days, middle, until)
        scores.append(IntentCsat(scores_from(ai), scores_from(sum_days(days, first, middle)[0]), scores_from(human)))
    contacts = [sum(days[day].handled_ai for days in intents if day in days) for day in range(first, until)]
    return csat_falls(scores, contacts[-RECENT_DAYS:], contacts[:-RECENT_DAYS])


def _repeats(facts: SignFacts) -> Iterable[Found]:
    for intents in facts.departments().values():
        for place in intents:
            yield Found(place, _repeats_of(facts.rows.get(place, PlaceRows()), facts.day))


def _repeats_of(rows: PlaceRows, today: int) -> Finding:
    """
    Test whether repeat contact rises: the oldest mature contacts are the baseline, the detector watches the rest.

    The baseline are those of the first 28 days, 500 at most and 200 at least. Contacts of the same microsecond are
    taken as if those who came back were last, so that the order of rows changes nothing.
    """
    mature_us = today * DAY_US - MATURE_H * HOUR_US
    times, repeats = np.frombuffer(rows.repeat_times_us, dtype=np.int64), np.frombuffer(rows.repeats, dtype=np.bool_)
    order = np.lexsort((repeats, times))
    order = order[times[order] <= mature_us]
    times, repeats = times[order], repeats[order]
    if len(times) < _LEAST_BASELINE:
        return Finding(Sign.REPEAT_CONTACT_RISES, State.INSUFFICIENT_DATA, 0)
    first_days = int(np.searchsorted(times, times[0] + _BASELINE_US))
    count = min(max(first_days, _LEAST_BASELINE), _MOST_BASELINE)
    baseline = float(repeats[:count].mean())
    if baseline > _HIGHEST_BASELINE:
        return Finding(Sign.REPEAT_CONTACT_RISES, State.INSUFFICIENT_DATA, len(times) - count, baseline=baseline)
    detector = watch_repeats(Detector(), repeats[count:], baseline=baseline)
    recent = repeats[times > mature_us - RECENT_DAYS * DAY_US]
    return repeat_contact_rises(detector, RecentRepeats(len(recent), int(recent.sum())), baseline=baseline)


def _escalations(facts: SignFacts) -> Iterable[Found]:
    for intents in facts.departments().values():
        for place in intents:
            yield Found(place, _escalations_of(facts.rows.get(place, PlaceRows())))
    for place in sorted(facts.rules):
        yield Found(place, _escalations_of(facts.rules[place]))


def _escalations_of(rows: PlaceRows) -> Finding:
    if not rows.before.n:
        return Finding(Sign.UNEXPECTED_ESCALATIONS, State.INSUFFICIENT_DATA, rows.recent.n)
    return unexpected_escalations(*rows.recent, counted_baseline(*rows.before))


def _reviews(facts: SignFacts) -> list[Found]:
    kept: dict[Place, PlaceRows] = {}
    for department, intents in facts.departments().items():
        whole = PlaceRows()
        for place in intents:
            kept[place] = facts.rows.get(place, PlaceRows())
            whole.add(kept[place])
        kept[department] = whole

    def judged(test: Callable[[Place, PlaceRows], Finding]) -> dict[Place, Finding]:
        return {
            found.place: found.finding for found in _judged(Found(place, test(place, kept[place])) for place in kept)
        }

    def skipped(place: Place, rows: PlaceRows) -> Finding:
        loads = facts.loads.get(place.whole, {})
        load = np.array([loads.get(hour, 0) for hour in rows.due_hours], dtype=np.float64)
        return skipped_reviews(np.frombuffer(rows.done, dtype=np.bool_), load)

    by_skips, by_stamps = judged(skipped), judged(lambda _, rows: rubber_stamps(_approvals(rows)))
    return [Found(place, join_reviews(by_skips[place], by_stamps[place])) for place in kept]


def _approvals(rows: PlaceRows) -> Approvals:
    times = np.frombuffer(rows.review_times_s, dtype=np.float64)
    median_s = float(np.median(times)) if len(times) else None
    return Approvals(rows.reviews, rows.approved, median_s, rows.planted, rows.caught)
