"""Error rates in sentences and in a table: a number with its interval, or how many labels are missing."""

from __future__ import annotations

from datetime import datetime

from rich.console import Console
from rich.text import Text

from oversight.cli.insight_words import age, group_cells, group_columns, interval, level, told
from oversight.cli.listing import Listing
from oversight.cli.output import percent
from oversight_client import ErrorRate, ErrorRateReport, RateState

__all__ = ["describe_rates", "print_rates", "standing", "unknown"]

_STYLES = {"below": "green", "above": "red", "either": "yellow", "unknown": "magenta"}


def describe_rates(found: ErrorRateReport, target: float, confidence: float) -> list[tuple[ErrorRate, str]]:
    """Return the answers to "what is our AI's error rate?": of what went out unreviewed, and of all that it wrote."""
    rates = [(found.on_the_loop, "Replies that nobody reviewed"), (found.total, "All replies and drafts")]
    return [(rate, _describe(rate, of, target, confidence)) for rate, of in rates if rate is not None]


def _describe(rate: ErrorRate, of: str, target: float, confidence: float) -> str:
    begun = f"{of}: the AI's error rate is"
    if rate.state is not RateState.MEASURED or rate.rate is None:
        so_far = f" (so far {_errors(rate)})" if rate.n else ""
        return f"{begun} {unknown(rate)}{so_far}."
    found = f"{percent(rate.rate)}, {level(confidence)} interval {interval(rate.low, rate.high)}"
    words = {
        "below": f"below the target of {level(target)}",
        "above": f"above the target of {level(target)}",
        "either": f"on which side of the target of {level(target)} is open",
    }
    return f"{begun} {found}, {_errors(rate)}: {words[standing(rate, target)]}."


def unknown(rate: ErrorRate) -> str:
    """Return in words that a rate is not known, and what is missing."""
    return f"not known yet: {rate.labels_needed:,} more label{'' if rate.labels_needed == 1 else 's'}"


def standing(rate: ErrorRate, target: float) -> str:
    """Return where the whole interval lies: `below` the target, `above`, on `either` side, or `unknown`."""
    if rate.state is not RateState.MEASURED or rate.rate is None:
        return "unknown"
    if rate.high <= target:
        return "below"
    return "above" if rate.low > target else "either"


def print_rates(found: ErrorRateReport, target: float, confidence: float, screen: Console, now: datetime) -> None:
    """Print the rates of what went out unreviewed and of everything, then that of each group."""
    for rate, words in describe_rates(found, target, confidence):
        screen.print(Text(words, style=_style(rate, target)))
    if found.rates:
        _listing(found, target, confidence, now).print(screen)
    if found.left_out:
        screen.print(f"and {found.left_out:,} smaller groups")
    screen.print(_missed(found.total))
    screen.print(told(found.evidence_through))


def _listing(found: ErrorRateReport, target: float, confidence: float, now: datetime) -> Listing:
    numbers = ["Error rate", f"{level(confidence)} interval", "Errors / labels", "More labels", "Volume", "Missed"]
    listing = Listing(group_columns(found.rates[0].group), [*numbers, "Newest label"])
    for rate in found.rates:
        known = standing(rate, target) != "unknown"
        listing.add(
            *group_cells(rate.group),
            Text(percent(rate.rate) if known else unknown(rate), style=_style(rate, target)),
            interval(rate.low, rate.high) if rate.n else "-",
            f"{rate.errors:,} / {rate.n:,}",
            f"{rate.labels_needed:,}",
            percent(rate.volume_share),
            percent(rate.missed_share),
            age(rate.newest_label_at, now),
        )
    return listing


def _missed(total: ErrorRate) -> str:
    return (
        f"{total.volume:,} decisions, {percent(total.labelled_share)} with a label; {percent(total.missed_share)} of "
        "the reviews and audits due were not done: they are in no rate, and errors in certificates"
    )


def _errors(rate: ErrorRate) -> str:
    return f"{rate.errors:,} error{'' if rate.errors == 1 else 's'} in {rate.n:,} label{'' if rate.n == 1 else 's'}"


def _style(rate: ErrorRate, target: float) -> str:
    return _STYLES[standing(rate, target)]
