"""Who changes something and on what condition, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from oversight.engine.control import Setting
from oversight.thresholds.effects import Effect, EffectKind, overall
from oversight.thresholds.preview import Preview
from oversight.thresholds.values import RulesInForce, Values

__all__ = ["ChangeStatus", "Checked", "Outcome", "Terms", "outcome_of"]


class ChangeStatus(IntEnum):
    """What became of a change; numbered like the enum of the API."""

    VALIDATED = 1
    IN_FORCE = 2
    PENDING = 3


class Terms(NamedTuple):
    """
    Who changes something, why, and on what condition.

    *expected_revision* is the one that the caller has read, *expected_rules_digest* that of the rules by which they saw
    the change judged; None where that does not matter. *validate_only*: check and change nothing; then no justification
    is needed.
    """

    caller: str
    justification: str = ""
    expected_revision: int | None = None
    validate_only: bool = False
    expected_rules_digest: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    What a change does and what became of it.

    `revision` is that of its event, the newest where it was not made; `rules_digest` that of the rules in force.
    """

    status: ChangeStatus
    revision: int
    settings: tuple[Setting, ...]
    effects: tuple[Effect, ...]
    kind: EffectKind
    needs_approval: bool
    rules_digest: str
    preview: Preview | None = None
    lapses_at_us: int | None = None


class Checked(NamedTuple):
    """A change that was found in order."""

    settings: tuple[Setting, ...]
    effects: tuple[Effect, ...]
    needs_approval: bool
    before: Values
    after: Values
    rules: RulesInForce


def outcome_of(
    status: ChangeStatus,
    revision: int,
    checked: Checked,
    *,
    preview: Preview | None = None,
    lapses_at_us: int | None = None,
) -> Outcome:
    """Return what came of a *checked* change whose event has this *revision*."""
    kind = overall(checked.effects)
    return Outcome(
        *(status, revision, checked.settings, checked.effects, kind, checked.needs_approval),
        checked.rules.digest,
        preview,
        lapses_at_us,
    )
