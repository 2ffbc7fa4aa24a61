"""From what was found today to how the signs stand: a warning outlasts the day it was raised on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from oversight.feedback.signs import Sign, Standing, stand
from oversight.insight.places import Found
from oversight.insight.warning_words import describe
from oversight.storage.warning_store import StoredWarning, WarningKey

__all__ = ["stand_all"]


def stand_all(
    before: Iterable[StoredWarning], founds: Iterable[Found], *, now_us: int, windows_us: Mapping[Sign, int]
) -> list[StoredWarning]:
    """
    Return how every sign stands after the tests of *now_us* found *founds*.

    A warning clears after two quiet windows (`signs.stand`). One about a place that is not among the *founds* leaves:
    nothing was decided there for longer than two windows.
    """
    standings = {one.key: one.standing for one in before}
    return [_stand(standings, found, now_us, windows_us) for found in founds]


def _stand(
    standings: Mapping[WarningKey, Standing], found: Found, now_us: int, windows_us: Mapping[Sign, int]
) -> StoredWarning:
    sign = found.finding.sign
    key = WarningKey(sign, *found.place)
    standing = stand(standings.get(key, Standing()), found.finding.state, now_us=now_us, window_us=windows_us[sign])
    return StoredWarning(key, standing, found.finding, describe(found), now_us)
