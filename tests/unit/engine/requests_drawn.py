"""Random requests and facts: those a gateway sends, and those that nobody should."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import strategies as st

from oversight.engine.request import Request, ServerFacts
from oversight.engine.signals import SIGNALS
from unit.engine.conditions_drawn import ATTRIBUTES, NUMBERS, TEXTS

__all__ = ["NOW_US", "facts", "odd_requests", "requests"]

NOW_US = 1_790_000_000_000_000
"""The time of every decision."""


def field_values(name: str) -> st.SearchStrategy[Any]:
    """Values of one field, in and just out of what the API lets through."""
    signal = SIGNALS[name]
    if name == "department":
        return st.sampled_from(
            ("contact_centre", *("retail_banking",) * 4, "private_banking", "private_banking", "nowhere", "")
        )
    if signal.kind == "text":
        return st.sampled_from((*TEXTS[name], *TEXTS[name], *TEXTS[name], "never_heard_of", ""))
    if signal.kind == "choice":
        numbers = (*(signal.choices or {}).values(), 99)
        return st.sampled_from((1, 1, 1, *numbers) if name == "held_tier" else numbers)
    if signal.kind == "flag":
        return st.booleans()
    if signal.kind == "flags":
        return st.lists(st.sampled_from(("pii", "threat", "fraud", "other")), max_size=3).map(tuple)
    if signal.kind == "count":
        return st.sampled_from((0, 1, 2, 3, 4, 50, 51))
    return st.sampled_from((*NUMBERS, *NUMBERS, 0.1, 0.3, 0.8, 0.95, 0.9 + 1e-13, math.nan, math.inf, -math.inf))


TIMES = (NOW_US, NOW_US - 30_000_000, NOW_US - 30_000_001, NOW_US + 5_000_000, NOW_US + 5_000_001, NOW_US - 500_000)
ATTRIBUTE_VALUES = st.fixed_dictionaries(
    {},
    optional={
        "contract_value": st.sampled_from((*NUMBERS, 2, math.nan, "rich", True)),
        "seats": st.sampled_from((0, 1, 2, 3, 50, 2.0, False)),
        "region": st.sampled_from(("north", "south", "", 7)),
        "gold": st.sampled_from((True, False, "yes", 1)),
        "undeclared": st.just("ignored"),
    },
)
FIELDS = {name: field_values(name) for name, signal in SIGNALS.items() if signal.origin == "request"}
FIELDS["signal_time_us"] = st.sampled_from(TIMES)
FIELDS["attributes"] = ATTRIBUTE_VALUES


PRESENCE = st.lists(st.sampled_from(sorted(FIELDS)), max_size=12, unique=True)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """Anything present or absent; most is present."""
    absent = draw(PRESENCE)
    values = {name: draw(field) for name, field in FIELDS.items() if name not in absent}
    return Request(request_id="request-1", decided_at_us=NOW_US, **values)


def facts() -> st.SearchStrategy[ServerFacts]:
    """What the server knows, mostly in good order."""
    return st.builds(
        ServerFacts,
        labelled_outcomes=st.sampled_from((0, 1, 2, 3, 50)),
        policy_age_s=st.sampled_from((*(0,) * 6, 86_400, 86_401)),
        threshold_age_s=st.sampled_from((*(0,) * 6, 300, 301)),
        record_unavailable=st.sampled_from((*(False,) * 7, True)),
    )


ODD_NUMBERS = st.sampled_from((math.nan, math.inf, -math.inf, 1e308, -1e308, 5e-324, -0.0))
ODD_COUNTS = st.sampled_from((-1, 0, 2**31, 2**63, 10**30, 10**400))
ODD_TEXTS = st.one_of(st.sampled_from(("", " ", "\n", "-", "_", "\0", "x" * 5_000)), st.text(max_size=5))
ODD_TIMES = st.sampled_from((0, -1, 2**63, -(10**30), 10**30, 10**400, -(10**400)))
ODD_VALUES = {
    "text": ODD_TEXTS,
    "number": ODD_NUMBERS,
    "count": ODD_COUNTS,
    "choice": ODD_COUNTS,
    "flag": st.booleans(),
    "flags": st.lists(ODD_TEXTS, max_size=3).map(tuple),
}
ODD_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    name: ODD_VALUES[signal.kind] for name, signal in SIGNALS.items() if signal.origin == "request"
}
ODD_FIELDS["request_id"] = ODD_TEXTS
ODD_FIELDS["signal_time_us"] = ODD_TIMES
ODD_FIELDS["attributes"] = st.fixed_dictionaries(
    {}, optional={name: st.one_of(ODD_NUMBERS, ODD_COUNTS, ODD_TEXTS, st.booleans()) for name in (*ATTRIBUTES, "")}
)
ODD_FIELDS["decided_at_us"] = st.one_of(st.just(NOW_US), ODD_TIMES)


def odd_requests() -> st.SearchStrategy[Request]:
    """Draw requests of the right types whose values nobody should send."""
    return st.fixed_dictionaries({}, optional=ODD_FIELDS).map(lambda values: Request(**values))
