"""The layout of the tables."""

from __future__ import annotations

from oversight.engine.request import PERSONAL_FIELDS, REQUEST_FIELDS
from oversight.storage.outcome import Outcome
from oversight.storage.records import DecisionRecord
from oversight.storage.tables import decisions, outcomes, personal_parts

CHAIN = ["writer", "chain_seq", "chain_hash"]
TEXTS_OF_THE_REQUEST = [name for name in REQUEST_FIELDS if name not in PERSONAL_FIELDS]


def test_every_field_of_a_request_has_a_column_but_the_personal_ones() -> None:
    """Erasing must leave nothing behind, and replay must miss nothing."""
    expected = [*DecisionRecord._fields[:-1], "personal_sha256", *TEXTS_OF_THE_REQUEST, *CHAIN]

    assert expected == decisions.c.keys()


def test_every_field_of_an_outcome_has_a_column() -> None:
    """A fact that was acknowledged is on record."""
    id_first, *rest = Outcome._fields
    expected = [id_first, "body_sha256", "status", "received_at_us", "caller", *rest, *CHAIN]

    assert expected == outcomes.c.keys()


def test_the_personal_part_is_found_by_subject_and_by_conversation() -> None:
    """An erasure, and a look at a conversation, must not read every row."""
    indexed = {tuple(column.name for column in index.columns) for index in personal_parts.indexes}

    assert {("subject_ref",), ("conversation_id",)} == indexed
