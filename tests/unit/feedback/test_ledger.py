"""The ledger of what was spent."""

import pytest

from oversight.feedback.certificate import Certificate, CertificateStatus
from oversight.feedback.ledger import Ledger, Recommendation, spend

NO = Certificate(CertificateStatus.NO_SAFE_THRESHOLD, None, 0, 0, 0, 1.0, 0.0, 1, 0)


def test_all_looks_together_spend_less_than_was_allowed() -> None:
    """Who asks until the answer pleases must not be right less often than was promised."""
    spent = sum(spend(0.05, call) for call in range(1, 100_000))
    assert 0.0499 < spent < 0.05


def test_the_first_look_spends_most() -> None:
    """It is delta / (1.645 j^2)."""
    assert [0.05 / 1.645, 0.05 / (1.645 * 9)] == pytest.approx([spend(0.05, 1), spend(0.05, 3)])


def test_a_look_is_counted_from_one() -> None:
    """A look number 0 would spend without bound."""
    with pytest.raises(ValueError, match="call is 0"):
        spend(0.05, 0)


def test_an_entry_makes_a_new_ledger() -> None:
    """A value: what was stored before stays as it was."""
    before = Ledger("a")
    after = before.enter(Recommendation(NO, 1, 0.03, "d" * 64))
    assert (0, {}) == (before.calls, dict(before.answers))
    assert (1, ["d" * 64]) == (after.calls, list(after.answers))


def test_another_model_version_starts_over() -> None:
    """The old labels say nothing of the new model, and so their cost does not bind it."""
    ledger = Ledger("a").enter(Recommendation(NO, 1, 0.03, "d" * 64))
    assert ledger is ledger.for_model("a")
    assert Ledger("b") == ledger.for_model("b")
