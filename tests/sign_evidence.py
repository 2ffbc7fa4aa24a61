"""Evidence in memory, and sixty synthetic days of it, for tests of the warning signs."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple, TypeVar

from oversight.engine.decision import Tier
from oversight.errors import StoreUnavailableError
from oversight.feedback.facts import HandledBy, LabelBasis, Verdict
from oversight.storage.evidence import (
    Cell,
    CellFilter,
    DuePage,
    EvidenceKey,
    EvidenceRow,
    FactSums,
    HourCount,
    JudgedRow,
    LabelCounts,
    Moments,
    RateCounts,
    ScoreSums,
    Split,
)

DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000
TODAY = 20_000
"""A day, counted from 1970."""


T = TypeVar("T", EvidenceRow, "Decided")


class Decided(NamedTuple):
    """A decision, whatever came of it."""

    cell: Cell
    decided_at_us: int
    confidence: float = 0.9


def a_row(number: int, decided_at_us: int, cell: Cell | None = None, **facts: object) -> EvidenceRow:
    """Return a row of which nothing is known but the *facts*."""
    unknown: dict[str, object] = dict.fromkeys(EvidenceRow._fields)
    known = {
        "cell": cell or Cell("acme", "orders", "order_status", int(Tier.HUMAN_ON_THE_LOOP), "m1"),
        "decision_id": f"{number:032x}",
        "decided_at_us": decided_at_us,
        "draw": 0.5,
        "drawn_probability": 0.1,
        "probability": 0.1,
        "escalate": False,
        "rule_id": "",
        "planted": 0,
        "caught": 0,
        "corrected": False,
    }
    return EvidenceRow(**{**unknown, **known, **facts})  # type: ignore[arg-type]


class MemoryEvidence:
    """An `EvidenceReader` over rows and decisions, as they are; `down` makes it fail."""

    def __init__(self, rows: Sequence[EvidenceRow], decided: Sequence[Decided]) -> None:
        self.kept = list(rows)
        self.decided = list(decided)
        self.down = False

    def rate_counts(
        self,
        wanted: CellFilter,
        splits: Sequence[Sequence[Split]],
        now_us: int,  # noqa: ARG002 - the protocol's
    ) -> list[list[RateCounts]]:
        """See `EvidenceReader`; every label counts, as if all had the same chance."""
        return [self._rate_counts(wanted, split) for split in splits]

    def _rate_counts(self, wanted: CellFilter, split: Sequence[Split]) -> list[RateCounts]:
        labelled = _by_cell([row for row in self._rows(wanted) if row.loss is not None], split)
        return [
            RateCounts(
                cell,
                len(decided),
                len(labels := labelled.get(cell, [])),
                len(labels),
                sum(row.loss or 0 for row in labels),
                0,
                max((row.labelled_at_us or 0 for row in labels), default=None),
            )
            for cell, decided in _by_cell(self._decided(wanted), split).items()
        ]

    def volume(self, wanted: CellFilter) -> int:
        """See `EvidenceReader`."""
        return len(self._decided(wanted))

    def fact_sums(self, wanted: CellFilter, split: Sequence[Split], *, by_day: bool = False) -> list[FactSums]:
        """See `EvidenceReader`."""
        rows: defaultdict[tuple[Cell, int | None], list[EvidenceRow]] = defaultdict(list)
        volumes: defaultdict[tuple[Cell, int | None], int] = defaultdict(int)
        for one in self._decided(wanted):
            volumes[_part(one.cell, split), one.decided_at_us // DAY_US if by_day else None] += 1
        for row in self._rows(wanted):
            rows[_part(row.cell, split), row.decided_at_us // DAY_US if by_day else None].append(row)
        return [_sums(*key, volumes[key], rows[key]) for key in {*rows, *volumes}]

    def hours(self, wanted: CellFilter, split: Sequence[Split]) -> list[HourCount]:
        """See `EvidenceReader`."""
        found: defaultdict[tuple[Cell, int], list[float]] = defaultdict(list)
        for one in self._decided(wanted):
            found[_part(one.cell, split), one.decided_at_us // HOUR_US].append(one.confidence)
        return [HourCount(*key, len(values), _moments(values)) for key, values in found.items()]

    def rows(self, wanted: CellFilter) -> Iterator[EvidenceRow]:
        """See `EvidenceReader`; in the order in which they are kept, which is no order at all."""
        return iter(self._rows(wanted))

    def due(
        self, wanted: CellFilter, limit: int, after: EvidenceKey | None, *, overdue_before_us: int | None = None
    ) -> DuePage:
        """Nobody asks this here."""
        raise NotImplementedError

    def corrected(self, wanted: CellFilter, limit: int, after: EvidenceKey | None) -> list[EvidenceRow]:
        """Nobody asks this here."""
        raise NotImplementedError

    def score_sums(self, wanted: CellFilter) -> list[ScoreSums]:
        """Nobody asks this here."""
        raise NotImplementedError

    def judged(self, wanted: CellFilter, most: int) -> list[JudgedRow]:
        """Nobody asks this here."""
        raise NotImplementedError

    def label_counts(self) -> list[LabelCounts]:
        """Nobody asks this here."""
        raise NotImplementedError

    def through_us(self) -> int | None:
        """See `EvidenceReader`."""
        return max((one.decided_at_us for one in self.decided), default=None)

    def _rows(self, wanted: CellFilter) -> list[EvidenceRow]:
        self._check()
        return [row for row in self.kept if _matches(row.cell, row.decided_at_us, wanted)]

    def _decided(self, wanted: CellFilter) -> list[Decided]:
        self._check()
        return [one for one in self.decided if _matches(one.cell, one.decided_at_us, wanted)]

    def _check(self) -> None:
        if self.down:
            raise StoreUnavailableError("the store cannot be read")


def _matches(cell: Cell, at_us: int, wanted: CellFilter) -> bool:
    return all(value is None or value == own for value, own in zip(wanted[:5], cell, strict=True)) and (
        (wanted.since_us is None or at_us >= wanted.since_us) and (wanted.until_us is None or at_us < wanted.until_us)
    )


def _part(cell: Cell, split: Sequence[Split]) -> Cell:
    return Cell(**{name: getattr(cell, name) for name in split})


def _by_cell(found: Sequence[T], split: Sequence[Split]) -> dict[Cell, list[T]]:
    cells: dict[Cell, list[T]] = {}
    for one in found:
        cells.setdefault(_part(one.cell, split), []).append(one)
    return cells


def _moments(values: Sequence[float]) -> Moments:
    return Moments(len(values), math.fsum(values), math.fsum(value * value for value in values))


def _sums(cell: Cell, day: int | None, volume: int, rows: Sequence[EvidenceRow]) -> FactSums:
    alone = [row for row in rows if row.handled_by == HandledBy.AI]
    people = [row for row in rows if row.handled_by in (HandledBy.HUMAN, HandledBy.BOTH)]
    return FactSums(
        *(cell, day, volume, len(alone)),
        sum(row.handled_by == HandledBy.HUMAN for row in rows),
        sum(row.handled_by == HandledBy.BOTH for row in rows),
        *(0, 0, 0),
        sum(bool(row.repeat_contact) for row in rows),
        sum(row.repeat_contact is not None for row in rows),
        sum(bool(row.unexpected) for row in rows),
        sum(row.unexpected is not None for row in rows),
        _moments([row.csat for row in alone if row.csat is not None]),
        _moments([row.csat for row in people if row.csat is not None]),
    )


@dataclass
class Days:
    """
    What happens to one intent, each day: the numbers are those of a quiet one.

    A function takes how many days ago the day is, from 1.
    """

    tenant_id: str = "acme"
    department: str = "orders"
    intent: str = "order_status"
    rule_id: str = ""
    decisions: Callable[[int], int] = lambda _: 40
    score: Callable[[int], float] = lambda _: 4.5
    answer: Callable[[int], float] = lambda _: 0.5
    repeat: Callable[[int], float] = lambda _: 0.12
    unexpected: Callable[[int], float] = lambda _: 0.02
    done: Callable[[int, bool], float] = lambda _, _busy: 0.99
    caught: Callable[[int], float] = lambda _: 0.99
    review_s: float = 60.0
    labelled: Callable[[int], bool] = lambda _: True
    model: Callable[[int], str] = lambda _: "m1"
    days: int = 60
    seed: int = 7
    rows: list[EvidenceRow] = field(default_factory=list)
    decided: list[Decided] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Let it happen."""
        random = Random(f"{self.seed} {self.tenant_id} {self.department} {self.intent}")  # noqa: S311 - to be repeatable
        for ago in range(self.days, 0, -1):
            for number in range(self.decisions(ago)):
                self._decide(random, ago, number)

    def _decide(self, random: Random, ago: int, number: int) -> None:
        # Three of four come in the one busy hour of the day.
        busy = random.random() < 0.75
        at_us = (TODAY - ago) * DAY_US + (12 * HOUR_US if busy else random.randrange(12) * HOUR_US) + number
        cell = Cell(self.tenant_id, self.department, self.intent, int(Tier.HUMAN_ON_THE_LOOP), self.model(ago))
        audited = number % 5 == 0
        done = random.random() < self.done(ago, busy)
        score = min(5.0, max(1.0, self.score(ago) + random.choice((-0.5, 0.0, 0.5))))
        self.decided.append(Decided(cell, at_us))
        self.rows.append(
            a_row(
                random.getrandbits(120),
                at_us,
                cell,
                rule_id=self.rule_id,
                handled_by=int(HandledBy.AI),
                csat=score if random.random() < self.answer(ago) else None,
                repeat_contact=random.random() < self.repeat(ago),
                unexpected=random.random() < self.unexpected(ago),
                due_at_us=at_us + HOUR_US if audited else None,
                **(self._reviewed(random, ago, at_us) if audited and done else {}),
            )
        )

    def _reviewed(self, random: Random, ago: int, at_us: int) -> dict[str, object]:
        label = {"basis": int(LabelBasis.AUDIT), "loss": 0, "labelled_at_us": at_us + HOUR_US}
        verdict = Verdict.APPROVED if random.random() < 0.97 else Verdict.EDITED_MAJOR
        return {
            **(label if self.labelled(ago) else {}),
            "verdict": int(verdict),
            "review_time_s": self.review_s,
            "planted": 1,
            "caught": int(random.random() < self.caught(ago)),
        }


def evidence_of(*days: Days) -> MemoryEvidence:
    """Return the evidence of several intents together."""
    return MemoryEvidence(
        [row for one in days for row in one.rows], [decision for one in days for decision in one.decided]
    )


def falling(intent: str = "order_change", **changed: object) -> Days:
    """Return an intent whose satisfaction falls by 0.5 while its volume rises by half, in the last 14 days."""
    return Days(
        intent=intent,
        decisions=lambda ago: 60 if ago <= 14 else 40,
        score=lambda ago: 3.75 if ago <= 14 else 4.25,
        **changed,  # type: ignore[arg-type]
    )


def moved(evidence: MemoryEvidence, day: int) -> MemoryEvidence:
    """Return the *evidence* as it would be if today were *day*, counted from 1970."""
    by_us = (day - TODAY) * DAY_US
    times = ("decided_at_us", "due_at_us", "labelled_at_us")

    def later(row: EvidenceRow) -> EvidenceRow:
        found = {name: getattr(row, name) for name in times}
        return row._replace(**{name: value + by_us for name, value in found.items() if value is not None})

    decided = [one._replace(decided_at_us=one.decided_at_us + by_us) for one in evidence.decided]
    return MemoryEvidence([later(row) for row in evidence.kept], decided)
