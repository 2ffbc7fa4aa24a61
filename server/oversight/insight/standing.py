"""From what was found today to how the signs stand: a warning outlasts the day it was raised on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from oversight.durations import DAY_US
from oversight.feedback.signs import Finding, Sign, Standing, State, stand
from oversight.insight.places import Found
from oversight.insight.warning_words import describe
from oversight.storage.warning_store import StoredWarning, WarningKey

__all__ = ["stand_all"]

_GAP_US = 2 * DAY_US
"""Days between two tests that are farther apart were not seen to be quiet."""
_UNTESTED = "tests_without_decisions"
_MOST_UNTESTED = 14


def stand_all(
    before: Iterable[StoredWarning], founds: Iterable[Found], *, now_us: int, windows_us: Mapping[Sign, int]
) -> list[StoredWarning]:
    """
    Return how every sign stands after the tests of *now_us* found *founds*.

    A warning clears after two quiet windows (`signs.stand`), which begin anew where more than two days passed since the
    test before, or less than none: then days were not seen, or a clock was wrong. One about a place that is not among
    the *founds* stays for 14 tests and is said to be untested; with the next it leaves. Tests are counted, not days: a
    single one by a clock that is months ahead must not end it.
    """
    stood = {one.key: one for one in before}
    tested = [_stand(stood, found, now_us, windows_us) for found in founds]
    left = stood.keys() - {one.key for one in tested}
    untested = [_untested(one, now_us) for key, one in stood.items() if key in left and one.standing.state.raised]
    return [*tested, *(one for one in untested if one.finding.details[_UNTESTED] <= _MOST_UNTESTED)]


def _stand(
    stood: Mapping[WarningKey, StoredWarning], found: Found, now_us: int, windows_us: Mapping[Sign, int]
) -> StoredWarning:
    sign = found.finding.sign
    key = WarningKey(sign, *found.place)
    before = stood.get(key)
    standing = Standing() if before is None else before.standing
    if before is not None and not 0 <= now_us - before.tested_at_us <= _GAP_US:
        standing = standing._replace(quiet_since_us=None)
    standing = stand(standing, found.finding.state, now_us=now_us, window_us=windows_us[sign])
    return StoredWarning(key, standing, found.finding, describe(found), now_us)


def _untested(before: StoredWarning, now_us: int) -> StoredWarning:
    """Return the warning as it stood, with the words that this test found nothing that it could test."""
    times = before.finding.details.get(_UNTESTED, 0) + 1
    finding = Finding(before.key.sign, State.INSUFFICIENT_DATA, 0, details={_UNTESTED: times})
    message = (
        "Not tested: of the last thirteen weeks no decision is on record here. That is not OK: the warning leaves "
        f"after {_MOST_UNTESTED} such tests, of which this is number {times:.0f}. If there were decisions, look at the "
        "server's clock."
    )
    return StoredWarning(before.key, before.standing._replace(quiet_since_us=None), finding, message, now_us)
