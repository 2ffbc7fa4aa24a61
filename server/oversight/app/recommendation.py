"""
A recommendation of a threshold, made in a process of its own.

It decides up to half a million messages again: seconds of Python that must not share an interpreter with the loop that
brings thresholds and stops into force (docs/adr/0030).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any

from oversight import errors
from oversight.app.apart import LimitExceededError, Limits, answer_apart, do_apart
from oversight.app.clock import now_us, use_simulated_clock
from oversight.app.last_good import LastGoodFile
from oversight.errors import CallError, OverloadedError, OversightError, StoreUnavailableError
from oversight.insight.question import Asked, Recommended
from oversight.policies import SnapshotSource, compile_source
from oversight.rules.scopes import Scope
from oversight.settings import Settings
from oversight.thresholds.log import ControlLog
from oversight.thresholds.values import RulesInForce

if TYPE_CHECKING:
    from oversight.insight.recommending import Recommending

__all__ = ["RecommendationProcess"]

LONGEST_S = 60.0
_LARGEST_BYTES = 2 * 1024 * 1024 * 1024
_LONGEST_WAIT_S = 5.0
"""For another recommendation that is being made."""
# Each thread of the linear algebra, which nothing here uses, reserves memory that counts against the limit.
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


class RecommendationProcess:
    """
    Recommends thresholds with this server's settings, one at a time; safe for any number of threads.

    Each in at most *longest_s* seconds and *largest_bytes* of memory. What cannot be asked is refused here, by the
    *rules* in force and the events of *log*, before there is a process.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        rules: Callable[[], RulesInForce],
        log: ControlLog,
        longest_s: float = LONGEST_S,
        largest_bytes: int = _LARGEST_BYTES,
    ) -> None:
        self._settings = settings
        self._rules = rules
        self._log = log
        self._limits = Limits(longest_s, largest_bytes)
        self._turn = Lock()

    def __call__(self, asked: Asked, author: str) -> Recommended:
        """
        Return the answer to what is *asked* by *author*, as `Recommending.recommend` does, and raise what it raises.

        Also `OverloadedError` where another one takes its time, or this one more than it may.
        """
        # The statistics are loaded by the first who asks: a controller need not hold them.
        from oversight.insight.governing import govern

        govern(self._rules(), self._log.state().values, asked.policy, asked.name, asked.scope, self._log.now_us())
        if not self._turn.acquire(timeout=_LONGEST_WAIT_S):
            raise OverloadedError("another recommendation is being made; try again")
        try:
            return self._run(asked, author)
        finally:
            self._turn.release()

    def _run(self, asked: Asked, author: str) -> Recommended:
        told = {"settings": self._settings.told_to_child(), "asked": asked._asdict(), "author": author}
        try:
            answer = do_apart(
                __name__, "the recommendation", json.dumps(told).encode(), limits=self._limits, environment=_ONE_THREAD
            )
        except LimitExceededError as limit:
            raise OverloadedError(
                f"the recommendation takes more than {limit}: ask for fewer days (window_days), for a narrower scope, "
                "or at a quieter time"
            ) from None
        return _read(json.loads(answer))


def _read(answer: Mapping[str, Any]) -> Recommended:
    """Return the answer of the process, or raise the error that it met."""
    if "error" in answer:
        kind: type[OversightError] = getattr(errors, answer["error"])
        error = kind.__new__(kind)
        # Each kind makes its text in a way of its own; this one is made already.
        OversightError.__init__(error, answer["text"], **answer["metadata"])
        raise error
    from oversight.feedback.ledger import Recommendation
    from oversight.insight.answers import answer_from_text

    fields = dict(answer["recommended"])
    certificate, *others = fields["recommendation"]
    recommendation = Recommendation(answer_from_text(certificate), *others)
    return Recommended(**{**fields, "recommendation": recommendation, "others": tuple(fields["others"])})


def _recommending(settings: Settings) -> Recommending:
    """Return the use case over what this server has: its store, its events, and the rules that it published last."""
    from oversight.app.store import open_control_database, open_control_store, open_store_reader
    from oversight.insight.recommending import Recommending
    from oversight.storage.evidence_reader import SqlEvidence
    from oversight.storage.listing import SqlListing
    from oversight.storage.recommendations import SqlRecommendations
    from oversight.storage.replayable import SqlReplayable

    kept = LastGoodFile(settings.data_dir).read()
    if kept is None:
        raise StoreUnavailableError("the rules in force cannot be read; try again")
    source = SnapshotSource.from_document(kept.document)
    blueprint, rules = compile_source(source)
    reader = open_store_reader(settings)
    return Recommending(
        rules=RulesInForce(rules.policies, blueprint, source.default_policy),
        log=ControlLog(open_control_store(settings), clock_us=now_us),
        evidence=SqlEvidence(reader.reading),
        records=SqlListing(reader.reading),
        replayable=SqlReplayable(reader.reading),
        store=SqlRecommendations(open_control_database(settings)),
    )


def _answer(text: bytes) -> bytes:
    """Return what `_read` takes, as JSON."""
    return json.dumps(_recommend(json.loads(text))).encode()


def _recommend(told: Mapping[str, Any]) -> dict[str, Any]:
    from oversight.insight.answers import answer_to_text

    asked = Asked(**{**told["asked"], "scope": Scope(*told["asked"]["scope"])})
    settings = Settings.model_validate(told["settings"])
    use_simulated_clock(settings.simulated_clock)
    try:
        found = _recommending(settings).recommend(asked, told["author"])
    except CallError as error:
        return {"error": type(error).__name__, "text": str(error), "metadata": dict(error.metadata)}
    certificate, *others = found.recommendation
    return {"recommended": {**found._asdict(), "recommendation": [answer_to_text(certificate), *others]}}


if __name__ == "__main__":
    sys.exit(answer_apart(_answer, gives_way=False))
