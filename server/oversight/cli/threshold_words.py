"""Thresholds and what changes do to them, in words and tables; and what people write, read."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from oversight.cli.output import in_words, percent
from oversight.errors import UsageError
from oversight_client import (
    ThresholdEffect,
    ThresholdEvent,
    ThresholdPreview,
    ThresholdScope,
    ThresholdSet,
    ThresholdSetting,
    ThresholdUpdate,
)

__all__ = [
    "describe_update",
    "effect_lines",
    "history_table",
    "parse_expiry",
    "parse_value",
    "summary_of",
    "values_table",
]

FROM_FILE = "file"
"""What is written for a value to give way to that of the rule files."""

_MOST_EFFECTS = 30
_STYLES = {"TIGHTENS": "green", "LOOSENS": "red", "NONE": "default"}
_is_duration = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])").fullmatch
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def parse_value(text: str) -> float | None:
    """Return the number in *text*, None for `file`; raise `UsageError`."""
    if text == FROM_FILE:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UsageError(f"VALUE: expected a number, or `{FROM_FILE}` for what the rule files say, got {text!r}")
    return value


def parse_expiry(text: str) -> datetime | None:
    """Return when a value ends that is to last for *text* (`90s`, `30m`, `4h`, `2d`), None where it is empty."""
    if not text:
        return None
    found = _is_duration(text.strip())
    seconds = float(found[1]) * _SECONDS[found[2]] if found else 0
    if not 0 < seconds <= 10 * 366 * 86_400:
        raise UsageError(f"--expires-in: expected a time such as 90s, 30m, 4h or 2d, at most ten years, got {text!r}")
    return datetime.now(UTC) + timedelta(seconds=seconds)


def describe_update(update: ThresholdUpdate, screen: Console, *, approving: bool = False) -> None:
    """
    Print what a change does: in a sentence, by policy and scope, and to the newest decisions on record.

    With *approving* whoever reads it is the second person, and is not told that one is needed.
    """
    approval = "; it needs a second person" if update.needs_approval and not approving else ""
    screen.print(Text(summary_of(update) + approval, style=_STYLES[update.effect]))
    changing = [one for one in update.effects if one.effect != "NONE"]
    if changing:
        screen.print(_effects_table(changing[:_MOST_EFFECTS]))
    if len(changing) > _MOST_EFFECTS:
        screen.print(f"and {len(changing) - _MOST_EFFECTS:,} more")
    if update.preview is None:
        screen.print(Text("what it would have done to recent messages is not known: no records could be read"))
    else:
        at_once = all(one.since is None for one in changing)
        for line in _preview_lines(update.preview, at_once=at_once):
            screen.print(line)


def summary_of(update: ThresholdUpdate) -> str:
    """Return the sentence about a change: whether it tightens or loosens what, where."""
    if update.effect == "NONE":
        return "this changes no value in force"
    told = [one for one in update.effects if one.effect == update.effect]
    names = ", ".join(sorted({one.name for one in told}))
    policies = sorted({one.policy for one in told})
    where = f"policy {policies[0]}" if len(policies) == 1 else f"{len(policies)} policies ({', '.join(policies)})"
    later = all(one.since is not None for one in told)
    when = ", when a value ends by itself" if later else ""
    intents = {one.scope.intent for one in told if one.scope.intent}
    narrowed = all(one.scope.intent for one in told)
    among = f" for {len(intents)} intent{'s' if len(intents) > 1 else ''}" if narrowed else ""
    return f"this {update.effect.lower()} {names}{among} in {where}{when}"


def effect_lines(update: ThresholdUpdate) -> Iterable[str]:
    """Yield, for what a change does, one line each: `tightens autonomy 0.85 -> 0.9 in bank, cards`."""
    told: dict[str, list[str]] = {}
    for one in update.effects:
        if one.effect != "NONE":
            where = "" if (scope := _scope(one.scope)) == _EVERYTHING else f" for {scope}"
            since = "" if one.since is None else f", from {one.since:%Y-%m-%d %H:%M:%S} UTC"
            step = f"{one.name} {one.before:.15g} -> {one.after:.15g}"
            told.setdefault(f"{one.effect.lower()} {step}{where}{since}, in", []).append(one.policy)
    for line, policies in list(told.items())[:_MOST_EFFECTS]:
        yield f"{line} {', '.join(policies)}"
    if len(told) > _MOST_EFFECTS:
        yield f"and {len(told) - _MOST_EFFECTS:,} more"
    if not told:
        yield "changes no value in force"


def _preview_lines(preview: ThresholdPreview, *, at_once: bool) -> Iterable[str]:
    if not preview.decisions:
        yield "there are no messages on record to show what it would have done"
        return
    last = f"among the last {preview.decisions:,}"
    if not at_once:
        last += " by the values in force at once"
    before, after = preview.before, preview.after
    unreviewed = after.human_on_the_loop - before.human_on_the_loop
    share = percent(abs(unreviewed) / preview.decisions)
    if unreviewed:
        word = "more" if unreviewed > 0 else "fewer"
        yield f"{share} {word} messages would have gone out unreviewed {last}"
    else:
        yield f"no message more or fewer would have gone out unreviewed {last}"
    tiers = ("human_on_the_loop", "human_in_the_loop", "human_as_the_loop")
    steps = [f"{in_words(tier)} {getattr(before, tier):,} -> {getattr(after, tier):,}" for tier in tiers]
    yield "; ".join(steps)
    if not at_once:
        yield "what comes later, when a value ends by itself, is not in these figures: more may go out unreviewed then"
    if left := preview.erased + preview.not_replayable:
        yield f"left out: {left:,} ({preview.erased:,} erased, {preview.not_replayable:,} that cannot be decided again)"


def _effects_table(effects: Iterable[ThresholdEffect]) -> Table:
    table = _table("Policy", "Threshold", "For", "Before", "After", "Effect", "From")
    for one in effects:
        since = "now" if one.since is None else f"{one.since:%Y-%m-%d %H:%M:%S} UTC"
        cells = [one.policy, one.name, _scope(one.scope), f"{one.before:.15g}", f"{one.after:.15g}"]
        table.add_row(*map(Text, cells), Text(one.effect.lower(), style=_STYLES[one.effect]), Text(since))
    return table


def values_table(found: ThresholdSet, name: str, screen: Console) -> None:
    """Print what is in force (of *name* alone where that is not empty) and what waits."""
    table = _table("Threshold", "In force", "File", "From", "To", "Stricter", "Set for")
    for one in found.values:
        if name in ("", one.name):
            numbers = [f"{number:.15g}" for number in (one.value, one.file_value, one.minimum, one.maximum)]
            live = one.source == "LIVE"
            set_for = f"{_scope(one.set_for)}{' (live)' if live else ''}"
            stricter = "higher" if one.tightens == "RAISE" else "lower"
            table.add_row(
                one.name, Text(numbers[0], style="bold" if live else ""), *numbers[1:], stricter, Text(set_for)
            )
    screen.print(Text(f"policy {found.policy}, {_scope(found.scope)}, revision {found.revision}"))
    screen.print(table)
    for setting in found.live:
        if name in ("", setting.name):
            screen.print(Text(f"live: {_setting(setting)}"))
    for change in found.pending:
        what = "; ".join(map(_setting, change.settings))
        told = f"waits: {change.revision} by {change.author}: {what} ({change.justification})"
        screen.print(Text(told, style="yellow"))


def _table(*columns: str) -> Table:
    return Table(*columns, box=box.SIMPLE_HEAD, padding=(0, 1))


_MADE = ("THRESHOLDS_SET", "CHANGE_PROPOSED")
"""Events that refer to another only where they are a rollback."""


def history_table(events: Iterable[ThresholdEvent]) -> Table:
    """Return the events as a table."""
    table = _table("Revision", "When (UTC)", "What", "Who", "Change", "Why")
    for event in events:
        kind = in_words(event.kind)
        back = ", back to" if event.kind in _MADE else ""
        about = f"{back} {event.refers_to}" if event.refers_to else ""
        cells = [str(event.revision), f"{event.at:%Y-%m-%d %H:%M:%S}", f"{kind}{about}", event.author]
        table.add_row(*map(Text, [*cells, _change(event), event.justification]))
    return table


def _change(event: ThresholdEvent) -> str:
    if event.stop is not None:
        return _scope(ThresholdScope(event.stop.intent, event.stop.department))
    before = {(one.policy, one.name, one.scope): one.before for one in event.effects if one.since is None}
    lines = []
    for one in event.settings:
        was = before.get((one.policy, one.name, one.scope))
        lines.append(_setting(one) if was is None else f"{_setting(one)} (was {was:.15g})")
    return "\n".join(lines) or "-"


def _setting(one: ThresholdSetting) -> str:
    value = FROM_FILE if one.value is None else f"{one.value:.15g}"
    until = "" if one.expires_at is None else f" until {one.expires_at:%Y-%m-%d %H:%M:%S} UTC"
    scope = _scope(one.scope)
    where = f" for {scope}" if scope != _EVERYTHING else ""
    return f"{one.name} = {value} in {one.policy}{where}{until}"


_EVERYTHING = "everything"


def _scope(scope: ThresholdScope) -> str:
    parts = {"intent": scope.intent, "department": scope.department, "currency": scope.currency}
    return " and ".join(f"{key} {value}" for key, value in parts.items() if value) or _EVERYTHING
