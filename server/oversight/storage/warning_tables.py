"""The tables of the warning signs, in the records' database."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, PrimaryKeyConstraint, Table, Text

from oversight.storage.evidence_tables import metadata

__all__ = ["feedback_marks", "metadata", "warnings"]

warnings = Table(
    "warnings",
    metadata,
    Column("tenant_id", Text, nullable=False),
    Column("department", Text, nullable=False),
    Column("sign", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("raised_at_us", BigInteger),
    Column("quiet_since_us", BigInteger),
    Column("found", Text, nullable=False),
    Column("tested_at_us", BigInteger, nullable=False),
    Column("message", Text, nullable=False),
    Column("figures", Text, nullable=False),
    PrimaryKeyConstraint("tenant_id", "department", "sign", "scope", "name"),
)
"""
How each warning sign stands in each place, as of the last test; all rows are written together.

`scope` is DEPARTMENT, INTENT or RULE, and `name` that intent or rule, empty for a department. `figures` is JSON text.
"""

feedback_marks = Table(
    "feedback_marks",
    metadata,
    Column("name", Text, primary_key=True),
    Column("at_us", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
)
"""What parts of the feedback loop remember between two looks; `document` is a JSON object."""
