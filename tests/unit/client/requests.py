"""Any request a caller may send, for properties."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from oversight.v1.decision_service_pb2 import DecideRequest
from oversight_client import enums

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
TIMES = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis' way
SCALARS = st.one_of(TEXT, st.floats(allow_nan=False), st.integers(-(2**63), 2**63 - 1), st.booleans())


def _values(field: Any) -> st.SearchStrategy[Any]:
    if field.enum_type is not None:
        return st.sampled_from(list(getattr(enums, field.enum_type.name)))
    special = {
        "guardrails": st.lists(TEXT, max_size=3),
        "signal_time": TIMES,
        "draft_sha256": st.binary(min_size=32, max_size=32),
        "attributes": st.dictionaries(TEXT, SCALARS, max_size=3),
    }
    if field.name in special:
        return special[field.name]
    return {
        field.TYPE_STRING: TEXT,
        field.TYPE_DOUBLE: st.floats(allow_nan=False),
        field.TYPE_INT32: st.integers(-(2**31), 2**31 - 1),
        field.TYPE_INT64: st.integers(-(2**63), 2**63 - 1),
        field.TYPE_BOOL: st.booleans(),
    }[field.type]


def decide_fields() -> st.SearchStrategy[dict[str, Any]]:
    """Return every mapping of fields that `decide` takes."""
    fields = DecideRequest.DESCRIPTOR.fields
    return st.fixed_dictionaries({}, optional={field.name: st.none() | _values(field) for field in fields})
