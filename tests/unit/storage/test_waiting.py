"""What is in a journal, put beside what is in the store, is what will be in the store."""

from __future__ import annotations

from pathlib import Path

from contract.samples import DRAFT, NOW_US, a_record, an_id, an_outcome_record
from oversight.storage.records import OutcomeRecord
from oversight.storage.sql import SqlStore
from oversight.storage.sqlite import file_url
from oversight.storage.waiting import decision_from_record, reported, with_outcomes

REPORTS: list[OutcomeRecord] = [
    an_outcome_record(1),
    an_outcome_record(1, received_at_us=NOW_US + 1),
    an_outcome_record(1, verdict=4, received_at_us=NOW_US + 2),
    an_outcome_record(2, decision_id=an_id(1), draft_sha256="cd" * 32, received_at_us=NOW_US + 3),
    an_outcome_record(3, decision_id=an_id(1), draft_sha256=DRAFT, observed_at_us=NOW_US - 9),
    an_outcome_record(4, decision_id=an_id(1), csat=4, received_at_us=NOW_US + 5),
]


def test_drained_or_not_the_decision_reads_the_same(tmp_path: Path) -> None:
    """Whoever reads twice, a second apart, must not see it change."""
    for drained in range(len(REPORTS) + 1):
        store = SqlStore(file_url(tmp_path / f"{drained}.db"), writer="replica-1")
        store.add([a_record(1)], REPORTS)
        whole = store.find_decision(an_id(1))

        part = SqlStore(file_url(tmp_path / f"part-{drained}.db"), writer="replica-1")
        part.add([], REPORTS[:drained])
        there = part.find_outcomes(an_id(1))
        record = decision_from_record(a_record(1), erased=False)

        assert whole == with_outcomes(record, [*there, *reported(REPORTS[drained:], there)])


def test_an_erased_record_has_no_personal_part() -> None:
    """As it will be stored."""
    found = decision_from_record(a_record(1), erased=True)

    assert (True, "", None) == (found.erased, found.request.request_id, found.request.conversation_id)
