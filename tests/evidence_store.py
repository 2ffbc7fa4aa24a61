"""A store whose records became evidence, and what reads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from contract.evidence_world import DUE_H, make_decision
from contract.samples import an_id
from oversight.storage.evidence_feed import EvidenceFeed
from oversight.storage.evidence_reader import SqlEvidence
from oversight.storage.listing import SqlListing
from oversight.storage.outcome import Outcome
from oversight.storage.records import DecisionRecord, OutcomeRecord
from oversight.storage.replayable import SqlReplayable
from oversight.storage.sql import SqlStore


class EvidenceStore:
    """A store at *url*, with a feed that has always taken in what is there."""

    def __init__(self, url: str) -> None:
        self.store = SqlStore(url, writer="replica-1")
        self.evidence = SqlEvidence(self.store.reading)
        self.listing = SqlListing(self.store.reading)
        self.replayable = SqlReplayable(self.store.reading)
        self._feed = EvidenceFeed(self.store, audit_due_h=DUE_H)
        self._outcomes = 0

    def add(self, decisions: Sequence[DecisionRecord], outcomes: Sequence[OutcomeRecord] = ()) -> None:
        """Put records on record and take them in."""
        self.store.add(decisions, outcomes)
        while self._feed.step().more:
            pass

    def decide(self, number: int, **fields: Any) -> None:
        """Put a decision on record, on the loop and audited unless *fields* say otherwise."""
        given = {"minute": number, "audit_probability": 1.0, "audit_selected": True, **fields}
        self.add([make_decision(number, **given)])

    def report(self, number: int, **facts: Any) -> None:
        """Put an outcome of that decision on record."""
        self._outcomes += 1
        received_at_us = facts.pop("received_at_us", 0)
        outcome = Outcome(f"report-{self._outcomes}", an_id(number), **facts)
        self.add([], [OutcomeRecord(outcome, received_at_us, "desk")])

    def close(self) -> None:
        """Close every connection."""
        self.store.close()
