"""Messages on record with their labels, and the rules by which a threshold is recommended from them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from builders import KEYS
from contract.memory_control_store import MemoryControlStore
from contract.samples import a_decision, a_record, an_outcome_record
from evidence_store import EvidenceStore
from oversight.engine.control import ControlEvent, EventKind, Setting
from oversight.engine.decision import Tier
from oversight.engine.request import Request
from oversight.insight.question import Asked, Recommended
from oversight.insight.recommending import Bounds, Recommending
from oversight.storage.erasure import Erasure
from oversight.storage.open import open_database, open_engine
from oversight.storage.recommendations import SqlRecommendations
from oversight.storage.records import DecisionRecord
from oversight.storage.sqlite import file_url
from oversight.thresholds.log import ControlLog
from threshold_desk import HOUR_US, NOW_US, the_rules

DAY_US = 24 * HOUR_US


SILENT = """\
  - id: silent
    when: {grounding_score: {below: $autonomy}}
    tier: human_in_the_loop
    reason: SILENT
    message: Not in force yet.
    shadow: true
  - id: offered
    when: {sentiment_score: {below: $autonomy}}
    tier: human_on_the_loop
    escalation: offer
    reason: OFFERED
    message: A person is offered.
"""


VIP = """\
  - id: vip
    when: {customer_tier: vip, response_confidence: {below: $autonomy + 0.05}}
    tier: human_in_the_loop
    reason: VIP
    message: A VIP.
"""


COMPLAINT = """\
  - id: complaint
    when: {attributes.complaint: true, response_confidence: {below: $autonomy + 0.05}}
    tier: human_in_the_loop
    reason: COMPLAINT
    message: A complaint.
attributes:
  complaint: bool
"""


ASKED = Asked(name="autonomy", max_error=0.05)


def a_message(number: int, confidence: float | None, **fields: Any) -> DecisionRecord:
    """Return a decision about a routine message an hour or more ago, on the loop unless *fields* say otherwise."""
    tier = Tier(fields.pop("tier", 1))
    decided: dict[str, Any] = {"audit_probability": 0.05, "audit_selected": False}
    decided = {name: fields.pop(name, value) for name, value in decided.items()}
    usual: dict[str, Any] = {
        "intent": "order_status",
        "model_version": "m1",
        "decided_at_us": NOW_US - HOUR_US - number,
        "subject_ref": "somebody",
    }
    request = Request(request_id=f"r{number}", response_confidence=confidence, **(usual | fields))
    return a_record(number, request, a_decision(number, tier=tier, review_sla_s=None, **decided))


class Scene:
    """A store with evidence, rules with thresholds, and what recommends over both."""

    def __init__(self, folder: Path) -> None:
        self.url = file_url(folder / "records.db")
        self.world = EvidenceStore(self.url)
        self.spent = SqlRecommendations(open_database(file_url(folder / "control.db"), read_only=False))
        self.control = MemoryControlStore()
        self.rules = the_rules()
        self.now_us = NOW_US
        self.bounds = Bounds()

    def add(self, messages: Sequence[tuple[DecisionRecord, int | None]]) -> None:
        """Put decisions on record, each with what a census said of it: 1 wrong, 0 right, None nothing."""
        verdicts = [(int(one.decision_id, 16), loss) for one, loss in messages if loss is not None]
        self.world.add(
            [one for one, _ in messages],
            [an_outcome_record(number, verdict=4 if loss else 1, label_basis=3) for number, loss in verdicts],
        )

    def erase(self, subject: str) -> None:
        """Erase a customer's personal parts."""
        engine = open_engine(self.url, read_only=False)
        Erasure(engine, id_key=KEYS.id_key, clock_us=lambda: NOW_US).erase_subject(subject)
        engine.dispose()

    def set(self, value: float, **fields: Any) -> None:
        """Put a live value in force."""
        setting = Setting(**{"policy": "centre", "name": "autonomy", "value": value, **fields})
        revision = len(self.control.events)
        event = ControlEvent(revision + 1, NOW_US, EventKind.THRESHOLDS_SET, "ann", "as agreed", settings=(setting,))
        self.control.append(event, expected_revision=revision)

    def ask(self, asked: Asked = ASKED, author: str = "ann", store: Any = None) -> Recommended:
        recommending = Recommending(
            rules=self.rules,
            log=ControlLog(self.control, clock_us=lambda: self.now_us),
            evidence=self.world.evidence,
            records=self.world.listing,
            replayable=self.world.replayable,
            store=store or self.spent,
            bounds=self.bounds,
        )
        return recommending.recommend(asked, author)


def a_census(count: int = 1_500, seed: int = 1, **fields: Any) -> list[tuple[DecisionRecord, int | None]]:
    """Return messages of which those with little confidence are often answered wrongly."""
    random = Random(seed)  # noqa: S311 - no secret
    made: list[tuple[DecisionRecord, int | None]] = []
    for number in range(count):
        confidence = round(random.uniform(0.55, 1.0), 6)
        wrong = random.random() < (0.01 if confidence > 0.8 else 0.4)
        made.append((a_message(number, confidence, **fields), int(wrong)))
    return made
