"""The warning signs in words: what happened, where, since when, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from rich.console import Group, RenderableType
from rich.text import Text

from oversight.cli.insight_words import age
from oversight.cli.output import in_words
from oversight_client import OversightWarning, WarningReport, WarningSign, WarningState

__all__ = ["SIGNS", "STALE", "describe_warnings", "doubts", "must_act", "no_warning", "place"]

SIGNS: Mapping[WarningSign, str] = {
    WarningSign.CSAT_FALLS: "Satisfaction falls while volume rises",
    WarningSign.REPEAT_CONTACT_RISES: "Customers come back more often",
    WarningSign.UNEXPECTED_ESCALATIONS: "Escalations that nothing asked for",
    WarningSign.REVIEWS_SKIPPED: "Reviews are skipped, or done without looking",
    WarningSign.ERROR_RATE_UNKNOWN: "Nobody knows the error rate",
}
"""The five signs with their headings."""

STALE = timedelta(days=2)
"""Signs are tested once a day; a test that is older than this says nothing about today."""

_AHEAD = timedelta(hours=1)
"""Clocks differ by minutes; a test from farther in the future says nothing about today either."""

_STYLES = {"CRITICAL": "bold red", "WARN": "yellow", "BIASED": "magenta", "INSUFFICIENT_DATA": "magenta", "OK": "green"}


def must_act(found: WarningReport, now: datetime) -> bool:
    """Return whether somebody must act: a warning is CRITICAL, or the signs were not tested as they should be."""
    critical = any(one.state in (None, WarningState.CRITICAL) for one in found.warnings)
    return critical or bool(found.problem) or _stale(found, now)


def doubts(found: WarningReport, now: datetime) -> list[str]:
    """Return what speaks against trusting the list: a test that failed, is old, or was never done."""
    said = []
    if found.problem:
        said.append(f"the signs are not tested as they should be: {found.problem}")
    if found.tested_at is None:
        said.append("the signs were never tested yet: that is done once a day")
    elif _stale(found, now) and not found.problem:
        # The server notices, too; its clock may be another.
        if found.tested_at > now:
            said.append("the signs were last tested at a time that is still to come: a clock is wrong, here or there")
        else:
            said.append(f"the signs were last tested {age(found.tested_at, now)} ago; is the server's keeper running?")
    return said


def describe_warnings(found: WarningReport, now: datetime) -> RenderableType:
    """Return what is shown of *found*, worst first."""
    lines: list[RenderableType] = [Text(f"! {doubt}", style="red") for doubt in doubts(found, now)]
    if not found.warnings and found.tested_at is not None:
        calm = found.ok and not found.insufficient_data
        lines.append(Text(no_warning(found), style="green" if calm else "magenta"))
    for one in found.warnings:
        lines += _lines(one, now)
    if found.left_out:
        lines.append(Text(f"and {found.left_out:,} more"))
    if found.tested_at is not None:
        lines.append(Text(f"tested {found.tested_at:%Y-%m-%d %H:%M} UTC ({age(found.tested_at, now)} ago)"))
    return Group(*lines)


def no_warning(found: WarningReport) -> str:
    """Return in words that no warning stands, and of how many signs nobody knows."""
    if not found.ok and not found.insufficient_data:
        return "no warning stands: there was nothing on record to test"
    known = f"no warning stands; tested and well: {found.ok:,}"
    return f"{known}, too little data to tell: {found.insufficient_data:,}" if found.insufficient_data else known


def place(one: OversightWarning) -> str:
    """Return where a warning stands: `retail_banking, refund_request, rule vip`."""
    parts = [
        f"tenant {one.tenant_id}" if one.tenant_id else "",
        one.department or "(no department)",
        "every intent" if one.intent is None else one.intent or "(no intent)",
        f"rule {one.rule_id}" if one.rule_id else "",
    ]
    return ", ".join(filter(None, parts))


def _stale(found: WarningReport, now: datetime) -> bool:
    return found.tested_at is not None and not -_AHEAD <= now - found.tested_at <= STALE


def _lines(one: OversightWarning, now: datetime) -> list[Text]:
    state = one.state.value if one.state else "UNKNOWN"
    sign = SIGNS[one.sign] if one.sign else "A sign without a name"
    since = f", since {one.raised_at:%Y-%m-%d} ({age(one.raised_at, now)})" if one.raised_at else ""
    quiet = f", quiet for {age(one.quiet_since, now)}" if one.quiet_since else ""
    head = Text.assemble(
        (in_words(state).upper(), _STYLES.get(state, "bold red")), f"  {sign}: {place(one)}{since}{quiet}"
    )
    return [head, Text(f"    {one.message}")]
