"""The fifth sign: nobody knows how often the AI errs."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from oversight.feedback.error_rates import ErrorRate
from oversight.feedback.power import labels_without_error
from oversight.feedback.signs import Finding, Sign, State

__all__ = ["RatedCell", "Unknown", "error_rate_unknown", "why_unknown"]

_WIDE = 0.02
_OLD_S = 14 * 86_400.0
_WARN, _CRITICAL = 0.10, 0.30


class Unknown(StrEnum):
    """Why the error rate of a cell counts as unknown."""

    FEW_LABELS = "FEW_LABELS"
    WIDE_INTERVAL = "WIDE_INTERVAL"
    OLD_LABELS = "OLD_LABELS"
    OTHER_MODEL = "OTHER_MODEL"


class RatedCell(NamedTuple):
    """A cell's error rate, and whether its labels are of the model version that is in use now."""

    rate: ErrorRate
    current_model: bool = True


def why_unknown(cell: RatedCell, *, target: float = 0.05) -> Unknown | None:
    """
    Return why the error rate of *cell* is not known well enough, None where it is.

    Another model version; fewer labels than a faultless record needs to prove *target* at 95 % (59 at 5 %); the newest
    older than 14 days; or half the interval's width above both two points and *target*.
    """
    rate = cell.rate
    if not cell.current_model:
        return Unknown.OTHER_MODEL
    if rate.n < labels_without_error(target, 0.05):
        return Unknown.FEW_LABELS
    if rate.newest_label_age_s is None or rate.newest_label_age_s > _OLD_S:
        return Unknown.OLD_LABELS
    return Unknown.WIDE_INTERVAL if (rate.high - rate.low) / 2 > max(_WIDE, target) else None


def error_rate_unknown(cells: Iterable[RatedCell], *, target: float = 0.05) -> Finding:
    """
    Return what share of the volume of *cells* (all of one scope) has an error rate that is not known.

    WARN above 10 %, CRITICAL above 30 %; INSUFFICIENT_DATA without any volume. `value` is the share, `n` the volume;
    details hold the share by reason. A rule and no test: nothing is estimated. Human-led cells have no error rate of
    the AI, and do not belong here.
    """
    shares = dict.fromkeys(Unknown, 0)
    volume = 0
    for cell in cells:
        volume += cell.rate.volume
        reason = why_unknown(cell, target=target)
        if reason is not None:
            shares[reason] += cell.rate.volume
    if not volume:
        return Finding(Sign.ERROR_RATE_UNKNOWN, State.INSUFFICIENT_DATA, 0)
    share = sum(shares.values()) / volume
    state = State.CRITICAL if share > _CRITICAL else State.WARN if share > _WARN else State.OK
    details = {reason.lower(): counted / volume for reason, counted in shares.items()}
    return Finding(Sign.ERROR_RATE_UNKNOWN, state, volume, share, details=details)
