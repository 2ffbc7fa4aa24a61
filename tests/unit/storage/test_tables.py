"""The layout of the tables."""

from __future__ import annotations

from oversight.engine.request import PERSONAL_FIELDS, REQUEST_FIELDS
from oversight.storage.evidence import Cell, EvidenceRow
from oversight.storage.evidence_tables import cells, evidence, feedback_cursors, hours
from oversight.storage.outcome import Outcome
from oversight.storage.records import SIGNAL_FIELDS, DecisionRecord
from oversight.storage.tables import decisions, outcomes, personal_parts

CHAIN = ["writer", "chain_seq", "chain_hash"]


def test_every_field_of_a_request_has_a_column_but_the_personal_ones() -> None:
    """Erasing must leave nothing behind, and replay must miss nothing."""
    plain, rest = DecisionRecord._fields[:-4], DecisionRecord._fields[-4:]

    assert [*plain, "personal_sha256", *SIGNAL_FIELDS, *CHAIN] == decisions.c.keys()
    assert ("signals", "subject_ref", "conversation_id", "personal") == rest
    assert not set(PERSONAL_FIELDS).intersection(decisions.c.keys())
    assert set(REQUEST_FIELDS) == {*SIGNAL_FIELDS, *PERSONAL_FIELDS}


def test_every_field_of_an_outcome_has_a_column() -> None:
    """A fact that was acknowledged is on record."""
    id_first, *rest = Outcome._fields
    expected = [id_first, "body_sha256", "status", "received_at_us", "caller", *rest, *CHAIN, "caller_tenant"]

    assert expected == outcomes.c.keys()


def test_the_personal_part_is_found_by_subject_and_by_conversation() -> None:
    """An erasure, and a look at a conversation, must not read every row."""
    indexed = {tuple(column.name for column in index.columns) for index in personal_parts.indexes}

    assert {("subject_ref",), ("conversation_id",)} == indexed


def test_evidence_has_the_columns_of_its_rows_and_nobody_in_it() -> None:
    """An erasure leaves it alone, and so it must hold nothing of a person."""
    # What tells drafts apart is a keyed hash and a digest, as decisions keep them after an erasure.
    assert ["cell_id", *sorted((*EvidenceRow._fields[1:], "draft_key"))] == ["cell_id", *sorted(evidence.c.keys()[1:])]
    assert ["cell_id", *Cell._fields, "labelled"] == cells.c.keys()
    kept = {column for table in (cells, evidence, hours, feedback_cursors) for column in table.c.keys()}  # noqa: SIM118 - no dict
    assert not kept.intersection({*PERSONAL_FIELDS, "reviewer_ref", "caller", "correction_ref"})
