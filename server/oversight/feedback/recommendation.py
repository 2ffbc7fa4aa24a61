"""Recommendations: certificates that may be asked for again and again without wearing out."""

from __future__ import annotations

from hashlib import sha256
from typing import NamedTuple

import numpy as np

from oversight.feedback.candidates import ThresholdLimits
from oversight.feedback.certificate import certify
from oversight.feedback.labels import LabelState
from oversight.feedback.ledger import Ledger, Recommendation, spend
from oversight.feedback.rows import Population, Rows, provable

__all__ = ["Question", "digest_of", "recommend"]


class Question(NamedTuple):
    """
    What is asked: the most lenient threshold whose error rate is at most *max_error*, at *confidence*; both 0..1.

    `claims` is the number of intents that one claim is made about: "all of these thresholds are right" at *confidence*
    spends delta / claims on each.
    """

    limits: ThresholdLimits
    max_error: float
    confidence: float = 0.95
    claims: int = 1


def recommend(
    rows: Rows, question: Question, ledger: Ledger, *, model_version: str, population: Population | None = None
) -> tuple[Recommendation, Ledger]:
    """
    Return the answer to *question* from *rows*, and the ledger to store before the answer is shown.

    The j-th call on new data spends delta_j = delta / claims / (1.645 j^2) (`ledger.spend`). The same labels and the
    same question give the stored answer and spend nothing; decisions that nobody looked at are no new data. *ledger* is
    that of the scope; a *model_version* other than its own starts over. Nothing is changed by it: a person applies what
    is recommended. *rows* and *population* as in `certificate.certify`.

    Raises ValueError where an argument is out of its range.
    """
    if question.claims < 1:
        raise ValueError(f"claims is {question.claims}; expected a number of intents, from 1")
    if not 0 < question.confidence < 1:
        raise ValueError(f"confidence is {question.confidence}; expected a number between 0 and 1")
    ledger = ledger.for_model(model_version)
    digest = digest_of(rows, question)
    if digest in ledger.answers:
        return ledger.answers[digest], ledger
    share = (1 - question.confidence) / question.claims
    call = ledger.calls + 1
    delta = spend(share, call)
    certificate = certify(
        rows,
        question.limits,
        max_error=question.max_error,
        delta=delta,
        next_delta=spend(share, call + 1),
        population=population,
    )
    recommendation = Recommendation(certificate, call, delta, digest)
    return recommendation, ledger.enter(recommendation)


def digest_of(rows: Rows, question: Question) -> str:
    """
    Return 64 hex digits that stand for *question* and for the evidence in *rows*, in whatever order they are.

    The evidence is every decision that can be counted (`rows.provable`) and was looked at or should have been: id,
    value, probability and loss.
    """
    counted = provable(rows)
    evidence = counted.take(counted.state != LabelState.NOT_DUE)
    order = np.argsort(evidence.decision_ids)
    digest = sha256(repr(question).encode())
    for column in (evidence.decision_ids, evidence.value, evidence.probability, evidence.loss):
        digest.update(np.ascontiguousarray(column[order]).tobytes())
    return digest.hexdigest()
