"""Drops of confidence: an e-detector for each intent and model version, fed in the order of decisions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import sqrt
from typing import Any, NamedTuple

from oversight.durations import DAY_US, HOUR_US
from oversight.feedback.anomalies import confidence_dropped, watch_confidence
from oversight.feedback.e_detector import Detector
from oversight.insight.breaking import Cause
from oversight.storage.confidences import ConfidenceRow
from oversight.storage.evidence import CellFilter, EvidenceReader, Split

__all__ = ["ConfidenceWatches", "Watched"]

_BASELINE_US = 28 * DAY_US
_LEAST = 200
_LEAST_MEAN = 0.05
"""Below, there is no room for a drop that the detector could see."""

_Key = tuple[str, str, str, str]


class Watched(NamedTuple):
    """
    One detector: the mean and the spread of the 28 days before `since_us`, and what it has seen since.

    With a `mean` of None there was too little to compare with; it is looked for anew a day later.
    """

    since_us: int
    mean: float | None = None
    spread: float = 0.0
    statistic: float = 0.0
    outcomes: int = 0


class ConfidenceWatches:
    """
    The detectors of all intents, by tenant, department, intent and model version.

    Each keeps its baseline for 28 days and then begins anew: a baseline that followed the confidence would follow its
    drop. So does one that began at a time still to come, by a clock that was ahead. `as_document` is what to go on with
    after a restart.
    """

    def __init__(self, reader: EvidenceReader, document: Mapping[str, Any] | None = None) -> None:
        self._reader = reader
        self._watched: dict[_Key, Watched] = {
            _key_of(text): Watched(*values) for text, values in (document or {}).items()
        }

    def as_document(self) -> dict[str, Any]:
        """Return the detectors as a JSON object."""
        return {json.dumps(key): list(one) for key, one in self._watched.items()}

    def watch(self, rows: Iterable[ConfidenceRow], wanted: Callable[[str], bool]) -> list[Cause]:
        """
        Take in *rows*, in the order decided, of *wanted* departments; return the intents whose confidence is low now.

        A cause is the same one for as long as its detector lasts, so that a released step stays released. Rows without
        a confidence are passed over: absent is not low. Raises `StoreUnavailableError`.
        """
        seen: dict[_Key, list[ConfidenceRow]] = {}
        for row in rows:
            if row.confidence is not None and wanted(row.department):
                seen.setdefault((row.tenant_id, row.department, row.intent, row.model_version), []).append(row)
        causes = []
        for key, found in sorted(seen.items()):
            watched = self._watched[key] = self._advanced(key, found)
            detector = Detector(watched.statistic, watched.outcomes)
            if watched.mean is not None and confidence_dropped(detector):
                causes.append(_cause(key, watched))
        return causes

    def forget(self, before_us: int) -> None:
        """Drop the detectors that began before *before_us*: their intents are decided no longer, or are begun anew."""
        self._watched = {key: one for key, one in self._watched.items() if one.since_us >= before_us}

    def _advanced(self, key: _Key, rows: Sequence[ConfidenceRow]) -> Watched:
        watched = self._watched.get(key)
        first_us = rows[0].decided_at_us
        lasts_us = _BASELINE_US if watched is not None and watched.mean is not None else DAY_US
        if watched is None or not 0 <= first_us - watched.since_us < lasts_us:
            watched = self._begin(key, first_us)
        if watched.mean is None:
            return watched
        values = [row.confidence for row in rows if row.confidence is not None]
        detector = watch_confidence(
            Detector(watched.statistic, watched.outcomes), values, baseline=watched.mean, spread=watched.spread
        )
        return watched._replace(statistic=detector.statistic, outcomes=detector.outcomes)

    def _begin(self, key: _Key, at_us: int) -> Watched:
        # Whole hours: the one that is going on may be what has to be told.
        until_us = at_us // HOUR_US * HOUR_US
        wanted = CellFilter(*key[:3], None, key[3], until_us - _BASELINE_US, until_us)
        hours = self._reader.hours(wanted, (Split.TENANT,))
        n = sum(one.confidence.n for one in hours)
        if n < _LEAST:
            return Watched(at_us)
        mean = sum(one.confidence.total for one in hours) / n
        if not _LEAST_MEAN < mean <= 1:
            return Watched(at_us)
        squares = sum(one.confidence.squares for one in hours)
        return Watched(at_us, mean, sqrt(max(0.0, squares / n - mean * mean)))


def _key_of(text: str) -> _Key:
    tenant_id, department, intent, model_version = json.loads(text)
    return (tenant_id, department, intent, model_version)


def _cause(key: _Key, watched: Watched) -> Cause:
    tenant_id, department, intent, model_version = key
    evidence = {
        "anomaly": "CONFIDENCE_DROP",
        "tenant_id": tenant_id,
        "intent": intent,
        "department": department,
        "model_version": model_version,
        "baseline": watched.mean,
        "statistic": watched.statistic,
        "outcomes": watched.outcomes,
    }
    name = json.dumps(["CONFIDENCE_DROP", *key])
    return Cause(name, watched.since_us, department, intent, "CONFIDENCE_DROP", evidence)
