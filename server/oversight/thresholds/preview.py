"""What the newest decisions on record would have been, with the values before and with those after a change."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from oversight.engine.decide import decide
from oversight.engine.decision import Tier
from oversight.engine.identity import Keys
from oversight.engine.snapshot import Snapshot, assemble
from oversight.errors import StoreUnavailableError
from oversight.storage.protocols import RecordLister
from oversight.storage.records import RecordFilter
from oversight.thresholds.values import RulesInForce, Values

__all__ = ["LARGEST_PREVIEW", "Preview", "preview_change"]

LARGEST_PREVIEW = 1_000
"""Decisions that a preview decides again, at most."""

_log = logging.getLogger(__name__)
# The tier depends on no key, and a preview is put on no record.
_KEYS = Keys(id_key=bytes(32), audit_key=bytes(32), audit_key_id="")


class Preview(NamedTuple):
    """
    Decisions by tier, without and with the change.

    `erased` and `not_replayable` are decisions among the newest that were left out.
    """

    decisions: int
    erased: int
    not_replayable: int
    before: Mapping[Tier, int]
    after: Mapping[Tier, int]


def preview_change(
    records: RecordLister, rules: RulesInForce, before: Values, after: Values, now_us: int
) -> Preview | None:
    """
    Decide the newest records again by the rules in force: with the values *before* and with those *after*, at *now_us*.

    Stops are left out and all sources count as fresh, as either would hide what the change does. Returns None where the
    records cannot be read.
    """
    try:
        stored = records.list_decisions(RecordFilter(), LARGEST_PREVIEW, None).decisions
    except StoreUnavailableError as problem:
        _log.warning("no preview of a change: %s", problem)
        return None
    without, given = _snapshot(rules, before, now_us), _snapshot(rules, after, now_us)
    tiers: tuple[Counter[Tier], Counter[Tier]] = (Counter(), Counter())
    failed = 0
    kept = [one for one in stored if not one.erased]
    for one in kept:
        facts = one.facts._replace(policy_age_s=0, threshold_age_s=0, record_unavailable=False)
        try:
            pair = [decide(snapshot, one.request, facts, _KEYS, canonical=b"").tier for snapshot in (without, given)]
        except Exception:  # noqa: BLE001 - one record that fails must not keep the rest from being shown
            _log.exception("decision %s cannot be decided again", one.decision.decision_id)
            failed += 1
            continue
        for counter, tier in zip(tiers, pair, strict=True):
            counter[tier] += 1
    return Preview(len(kept) - failed, len(stored) - len(kept), failed, *tiers)


def _snapshot(rules: RulesInForce, values: Values, now_us: int) -> Snapshot:
    return assemble(rules.blueprint, default_policy=rules.default_policy, live=values.live(now_us))
