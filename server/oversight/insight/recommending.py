"""Recommending a threshold: the labels and a sample of all decisions, decided again, and the budget that is spent."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from math import isinf
from typing import NamedTuple

import numpy as np

from oversight.durations import DAY_US
from oversight.errors import NotRecommendableError, OverloadedError
from oversight.feedback.candidates import autonomous
from oversight.feedback.labels import LabelState
from oversight.feedback.ledger import Ledger, Recommendation
from oversight.feedback.recommendation import Question, recommend
from oversight.feedback.rows import Population, Rows, settled_until_us
from oversight.insight.answers import answer_from_text, answer_to_text
from oversight.insight.governing import Replayer, govern
from oversight.insight.question import Asked, Recommended
from oversight.rules.scopes import Scope
from oversight.storage.evidence import CellFilter, EvidenceReader, EvidenceRow, Split
from oversight.storage.protocols import RecordLister
from oversight.storage.recommendations import RecommendationKey, RecommendationStore, StoredRecommendation
from oversight.storage.records import PageKey, RecordFilter
from oversight.storage.replayable import ReplayableDecision, ReplayableReader
from oversight.thresholds.log import ControlLog
from oversight.thresholds.values import RulesInForce

__all__ = ["Bounds", "Recommending"]

_ATTEMPTS = 20
_PAGES = 20
"""Pages of records that are searched for the newest decision in a scope."""
_PEOPLE_LEAD = 3
_OTHERS = 100


class Bounds(NamedTuple):
    """
    How much is looked at: `labels` at most, the newest; of all decisions, until there are `eligible` ones.

    At most `sampled` decisions are looked at for these, `portion` in one read; where they are not enough, the least
    chance of all decisions in the scope is asked of their counts.
    """

    labels: int = 50_000
    eligible: int = 20_000
    sampled: int = 200_000
    portion: int = 1_000


_BOUNDS = Bounds()


class _Evidence(NamedTuple):
    """What an answer rests on; of `erased` decisions nobody can tell any more what they would be."""

    rows: Rows
    population: Population
    erased: int


class _Drawn(NamedTuple):
    """A decision of the sample: its `value` (None: not eligible) and what its signal says (None: absent)."""

    value: float | None
    seen: float | None
    chance: float
    decided_at_us: int


class Recommending:
    """Recommends thresholds by the *rules* in force and the events of *log*; for one thread."""

    def __init__(
        self,
        *,
        rules: RulesInForce,
        log: ControlLog,
        evidence: EvidenceReader,
        records: RecordLister,
        replayable: ReplayableReader,
        store: RecommendationStore,
        bounds: Bounds = _BOUNDS,
    ) -> None:
        self._rules = rules
        self._log = log
        self._evidence = evidence
        self._records = records
        self._replayable = replayable
        self._store = store
        self._bounds = bounds

    def recommend(self, asked: Asked, author: str) -> Recommended:
        """
        Return the answer to what is *asked*; on new evidence it is on record, with what it spent, before it returns.

        Rows are those with a label, and those that should have one, of one model version within the window: of them,
        and of a sample of all decisions, the eligible ones (`governing.Replayer`). Decisions in which people led are no
        evidence of the AI, and decisions that nobody could have looked at leave nothing proven. Erased ones stay in,
        with their labels. Raises `UnknownScopeError`, `UnknownThresholdError`, `NotRecommendableError` (also where the
        threshold limits an attribute, and those of decisions with labels are erased), `StoreUnavailableError`,
        `OverloadedError`.
        """
        now_us, settings = self._log.now_us(), self._log.state().values
        governed = govern(self._rules, settings, asked.policy, asked.name, asked.scope, now_us)
        # From midnight: else each moment would drop some label, and be new evidence.
        since_us = (now_us // DAY_US - asked.window_days) * DAY_US
        through_us = self._evidence.through_us()
        model = asked.model_version or self._newest_model(governed.policy, asked.scope, since_us)
        wanted = CellFilter(
            department=asked.scope.department,
            intent=asked.scope.intent,
            model_version=model,
            since_us=since_us,
            # What is not in the evidence yet may be due: without its row nobody could tell.
            until_us=now_us if through_us is None else min(now_us, through_us + 1),
        )
        replayer = Replayer(self._rules, settings, governed, now_us=now_us)
        found = self._gather(wanted, governed.policy, replayer, now_us)
        if found.erased and governed.signal.startswith("attributes."):
            text = f"{governed.signal} is erased of {found.erased:,} decisions that were looked at, or are to be"
            raise NotRecommendableError(governed.name, f"{text}; ask about a shorter window, without them")
        question = Question(governed.limits, asked.max_error, asked.confidence, asked.claims)
        recommendation, stored = self._answer(found, question, _key(governed.policy, asked, model), author)
        eligible = found.population.until(settled_until_us(found.rows)).value
        at_once = autonomous(eligible, governed.value_in_force, governed.limits)
        return Recommended(
            policy=governed.policy,
            name=governed.name,
            signal=governed.signal,
            model_version=model,
            value_in_force=governed.value_in_force,
            autonomy_in_force=float(at_once.mean()) if len(eligible) else 0.0,
            recommendation=recommendation,
            stored=stored,
            erased=found.erased,
            through_us=through_us,
            others=self._others(wanted, governed.policy),
        )

    def _answer(
        self, found: _Evidence, question: Question, key: RecommendationKey, author: str
    ) -> tuple[Recommendation, bool]:
        for _ in range(_ATTEMPTS):
            ledger = self._ledger(key)
            answer, after = recommend(
                found.rows, question, ledger, model_version=key.model_version, population=found.population
            )
            if not len(found.rows):
                # Nothing was looked at, and nothing is spent.
                return answer._replace(call=0, delta=0.0), False
            if after is ledger:
                return answer, True
            text = answer_to_text(answer.certificate)
            row = StoredRecommendation(answer.call, answer.digest, answer.delta, text, self._log.now_us(), author)
            if self._store.add(key, row):
                return answer, False
        raise OverloadedError("others ask for a recommendation in this scope at the same time; try again")

    def _ledger(self, key: RecommendationKey) -> Ledger:
        calls = self._store.calls(key)
        answers = {
            one.digest: Recommendation(answer_from_text(one.answer), one.call, one.delta, one.digest) for one in calls
        }
        return Ledger(key.model_version, calls[-1].call if calls else 0, answers)

    def _newest_model(self, policy: str, scope: Scope, since_us: int) -> str:
        """Return the model version of the newest decision in the scope, empty where there is none, or it had none."""
        wanted = RecordFilter(department=scope.department, intent=scope.intent, since_us=since_us)
        after: PageKey | None = None
        for _ in range(_PAGES):
            page = self._records.list_decisions(wanted, 50, after)
            for stored in page.decisions:
                request = stored.request
                if self._decides(policy, request.department) and scope.currency in (None, request.currency):
                    return request.model_version or ""
            after = page.following
            if after is None:
                break
        return ""

    def _others(self, wanted: CellFilter, policy: str) -> tuple[str, ...]:
        """Return the model versions beside the one that is *wanted*, by name, the first hundred."""
        by = (Split.MODEL_VERSION, Split.DEPARTMENT)
        counted = self._evidence.hours(wanted._replace(model_version=None), by)
        found = {one.cell.model_version or "" for one in counted if self._decides(policy, one.cell.department)}
        return tuple(sorted(found - {wanted.model_version}))[:_OTHERS]

    def _decides(self, policy: str, department: str | None) -> bool:
        """Tell whether *policy*, or one that extends it, decides for the department."""
        policies = self._rules.policies
        named = policies.get(department) if department else None
        return policy in (named or policies[self._rules.default_policy]).lineage

    def _gather(self, wanted: CellFilter, policy: str, replayer: Replayer, now_us: int) -> _Evidence:
        of_policy = (
            row
            for row in self._evidence.rows(wanted)
            if _state(row, now_us) is not LabelState.NOT_DUE and self._decides(policy, row.cell.department)
        )
        newest = heapq.nlargest(self._bounds.labels, of_policy, key=lambda row: (row.decided_at_us, row.decision_id))
        if len(newest) == self._bounds.labels:
            # One span of time for labels and traffic.
            wanted = wanted._replace(since_us=newest[-1].decided_at_us)
        decided = {one.decision_id: one for one in self._replayable.find([row.decision_id for row in newest])}
        values = {key: replayer.value(one) for key, one in decided.items()}
        kept = [(row, value) for row in newest if (value := values.get(row.decision_id)) is not None]
        erased = sum(isinf(value) for _, value in kept)
        looked_at = {row.decision_id: row.probability for row, _ in kept}
        return _Evidence(_rows(kept, now_us), self._sample(wanted, policy, replayer, looked_at), erased)

    def _sample(self, wanted: CellFilter, policy: str, replayer: Replayer, looked_at: dict[str, float]) -> Population:
        """
        Return eligible decisions at random; *looked_at* has the chances of those with a label.

        Where rules read attributes, which may be erased, candidates are drawn from what the signal says in all
        decisions of the AI, eligible or not: nobody's erasure may move them, for it may have to do with a label.
        """
        found: list[_Drawn] = []
        after: str | None = ""
        for _ in range(-(-self._bounds.sampled // self._bounds.portion)):
            page = self._replayable.sample(wanted, self._bounds.portion, after or "")
            found += self._eligible(page.decisions, policy, replayer, looked_at)
            after = page.following
            if after is None or len(found) >= self._bounds.eligible:
                break
        few = after is not None and len(found) < self._bounds.eligible
        drawn = found[: self._bounds.eligible]
        eligible = [one for one in drawn if one.value is not None]
        chances = np.array([one.chance for one in eligible], dtype=np.float64)
        return Population(
            np.array([one.value for one in eligible], dtype=np.float64),
            # Few of many may have missed those that nobody could have looked at.
            np.minimum(chances, self._least_chance(wanted, policy) if few else 1.0),
            np.array([one.decided_at_us for one in eligible], dtype=np.int64),
            np.array([one.seen for one in drawn], dtype=np.float64) if replayer.reads_attributes else None,
        )

    def _eligible(
        self, some: Iterable[ReplayableDecision], policy: str, replayer: Replayer, looked_at: dict[str, float]
    ) -> Iterator[_Drawn]:
        for one in some:
            if one.tier >= _PEOPLE_LEAD or not self._decides(policy, one.request.department):
                continue
            value = replayer.value(one)
            if value is not None or replayer.reads_attributes:
                chance = looked_at.get(one.decision_id, 1.0 if one.tier > 1 else one.audit_probability)
                yield _Drawn(value, replayer.seen(one), chance, one.request.decided_at_us)

    def _least_chance(self, wanted: CellFilter, policy: str) -> float:
        chances = self._replayable.least_chances(wanted)
        return min((chance for one, chance in chances.items() if self._decides(policy, one)), default=1.0)


def _key(policy: str, asked: Asked, model_version: str) -> RecommendationKey:
    intent, department, currency = (part or "" for part in asked.scope)
    return RecommendationKey(policy, asked.name, intent, department, currency, model_version)


def _state(row: EvidenceRow, now_us: int) -> LabelState:
    if row.loss is not None:
        return LabelState.LABELLED
    if row.due_at_us is None:
        return LabelState.NOT_DUE
    return LabelState.MISSED if row.due_at_us < now_us else LabelState.PENDING


def _rows(kept: list[tuple[EvidenceRow, float]], now_us: int) -> Rows:
    rows = [row for row, _ in kept]
    return Rows(
        decision_ids=np.array([row.decision_id.encode() for row in rows], dtype="S32"),
        draw=np.array([row.draw for row in rows], dtype=np.float64),
        decided_at_us=np.array([row.decided_at_us for row in rows], dtype=np.int64),
        value=np.array([value for _, value in kept], dtype=np.float64),
        probability=np.array([row.probability for row in rows], dtype=np.float64),
        state=np.array([_state(row, now_us) for row in rows], dtype=np.int8),
        loss=np.array([-1 if row.loss is None else row.loss for row in rows], dtype=np.int8),
        labelled_at_us=np.array([row.labelled_at_us or 0 for row in rows], dtype=np.int64),
    )
