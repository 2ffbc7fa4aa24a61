"""What replaying a record means: the same snapshot, request, time and facts, decided again, and compared."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from oversight.engine.decide import decide
from oversight.engine.decision import Decision
from oversight.engine.identity import Keys, audit_draw
from oversight.engine.request import Request
from oversight.errors import NotReplayableError
from oversight.policies import replay_snapshot
from oversight.storage.records import StoredDecision

__all__ = ["Difference", "Replay", "Verdict", "replay"]

_BY_AUDIT_KEY = ("audit_selected", "audit_key_id")


class Verdict(StrEnum):
    """How a replay came out; `ERASED` is about what can still be compared."""

    EQUAL = "EQUAL"
    DIFFERENT = "DIFFERENT"
    ERASED = "ERASED"
    NOT_REPLAYABLE = "NOT_REPLAYABLE"


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of the decision that came out otherwise than it is on record."""

    field: str
    recorded: Any
    replayed: Any


@dataclass(frozen=True, slots=True)
class Replay:
    """
    A record and its replay.

    `not_compared` are fields that cannot be made again, `note` says why, or why there is no replay at all. `holds`:
    nothing that was compared differs.
    """

    decision_id: str
    verdict: Verdict
    differences: tuple[Difference, ...] = ()
    not_compared: tuple[str, ...] = ()
    note: str = ""

    @property
    def holds(self) -> bool:
        """Whether there was a replay, and nothing in it differs."""
        return self.verdict is not Verdict.NOT_REPLAYABLE and not self.differences


def replay(stored: StoredDecision, document: str | None, keys: Keys, canonical: Callable[[Request], bytes]) -> Replay:
    """
    Decide *stored* again by the snapshot in *document* (None: it is missing) and compare every field.

    *canonical* makes the bytes that stand for a request in the decision's id. What depends on the audit key is compared
    only where *keys* has the one that was used. Of an erased request the id cannot be made again, and rules that read
    attributes saw what is gone.
    """
    recorded = stored.decision
    try:
        if document is None:
            raise NotReplayableError(recorded.digest, f"snapshot {recorded.digest} is not in the store")
        snapshot = replay_snapshot(recorded.digest, document).snapshot
    except NotReplayableError as error:
        return Replay(recorded.decision_id, Verdict.NOT_REPLAYABLE, note=str(error))
    # Where rules and values came from is no part of the digest: the same may have been in force under other names.
    snapshot = dataclasses.replace(snapshot, commit=recorded.commit, threshold_revision=recorded.threshold_revision)
    again = decide(snapshot, stored.request, stored.facts, keys, canonical=canonical(stored.request))
    skipped: list[str] = []
    notes: list[str] = []
    if stored.erased:
        again = _with_id_of(recorded, again, keys)
        skipped.append("decision_id")
        notes.append("the personal part is erased: the id cannot be made again, rules that read attributes saw them")
    if recorded.audit_key_id != keys.audit_key_id:
        skipped += _BY_AUDIT_KEY
        notes.append(f"the audit sample was drawn by another key ({recorded.audit_key_id})")
    differences = _compare(recorded, again, skipped)
    return Replay(
        recorded.decision_id,
        Verdict.ERASED if stored.erased else Verdict.DIFFERENT if differences else Verdict.EQUAL,
        differences,
        tuple(skipped),
        "; ".join(notes),
    )


def _with_id_of(recorded: Decision, again: Decision, keys: Keys) -> Decision:
    """Return the replayed decision under the id on record, by which the audit sample was drawn."""
    drawn = again.audit_probability > 0 and audit_draw(keys, recorded.decision_id) < again.audit_probability
    return again._replace(decision_id=recorded.decision_id, audit_selected=drawn)


def _compare(recorded: Decision, again: Decision, skipped: list[str]) -> tuple[Difference, ...]:
    return tuple(
        Difference(name, was, now)
        for name, was, now in zip(Decision._fields, recorded, again, strict=True)
        if was != now and name not in skipped
    )
