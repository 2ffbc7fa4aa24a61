"""Warnings listed: what is worst comes first, and a test that was not done is told."""

from __future__ import annotations

from typing import Any

import pytest

from oversight.errors import InvalidRequestError
from oversight.feedback.signs import Finding, Sign, Standing, State
from oversight.grpc_api.convert.warnings import WarningQuery, warning_query, warnings_to_proto
from oversight.insight.warnings import ListedWarnings, Warnings
from oversight.storage.warning_store import LastTest, StoredWarning, WarningKey
from oversight.v1 import insight_service_pb2 as pb

DAY_US = 86_400_000_000
NOW_US = 20_000 * DAY_US


def a_warning(state: State, intent: str | None = "order_status", raised_at_us: int | None = None) -> StoredWarning:
    finding = Finding(Sign.CSAT_FALLS, State.OK, 120, -0.4, -0.5, p_value=0.001, details={"p_rise": 0.5})
    key = WarningKey(Sign.CSAT_FALLS, "acme", "orders", intent)
    return StoredWarning(key, Standing(state, raised_at_us), finding, "It fell.", NOW_US)


class Kept:
    """A `WarningReader` over a list."""

    def __init__(self, *warnings: StoredWarning, tested: LastTest = LastTest(20_000, NOW_US)) -> None:  # noqa: B008
        self.warnings = list(warnings)
        self._tested = tested
        self.asked: tuple[object, ...] = ()

    def list_warnings(
        self, tenant_id: str | None = None, department: str | None = None, sign: Sign | None = None
    ) -> list[StoredWarning]:
        """See `WarningReader`."""
        self.asked = (tenant_id, department, sign)
        return self.warnings

    def tested(self) -> LastTest:
        """See `WarningReader`."""
        return self._tested


def listed(kept: Kept, *, every: bool = False, now_us: int = NOW_US) -> ListedWarnings:
    return Warnings(kept, clock_us=lambda: now_us).list_warnings("acme", every=every)


def test_the_worst_come_first_and_of_those_the_oldest() -> None:
    """Who has one minute reads one line."""
    kept = Kept(
        a_warning(State.OK),
        a_warning(State.BIASED),
        a_warning(State.WARN, raised_at_us=1),
        a_warning(State.CRITICAL, raised_at_us=3),
        a_warning(State.INSUFFICIENT_DATA),
        a_warning(State.CRITICAL, raised_at_us=2),
    )

    assert [(State.CRITICAL, 2), (State.CRITICAL, 3), (State.WARN, 1), (State.BIASED, None)] == [
        (one.standing.state, one.standing.raised_at_us) for one in listed(kept).warnings
    ]
    assert [State.INSUFFICIENT_DATA, State.OK] == [one.standing.state for one in listed(kept, every=True).warnings[4:]]
    assert (1, 1) == (listed(kept).ok, listed(kept).insufficient_data)
    assert ("acme", None, None) == kept.asked


def test_ten_thousand_are_listed_and_the_rest_counted() -> None:
    """A list nobody can hold is no list; that it goes on must be said."""
    found = listed(Kept(*[a_warning(State.WARN, f"i{number}") for number in range(10_003)]))

    assert (10_000, 3) == (len(found.warnings), found.left_out)


@pytest.mark.parametrize(
    ("tested", "problem"),
    [
        (LastTest(), ""),
        (LastTest(20_000, NOW_US - 2 * DAY_US), ""),
        (LastTest(20_000, NOW_US - 3 * DAY_US), "last tested 3 days ago"),
        (LastTest(20_000, NOW_US - 3 * DAY_US, "the store is away"), "the store is away"),
        (LastTest(20_000, NOW_US + 600_000_000), ""),
        (LastTest(20_001, NOW_US + DAY_US), "at a time that is still to come"),
    ],
)
def test_a_test_that_was_not_done_is_a_problem(tested: LastTest, problem: str) -> None:
    """No warnings because nobody looked must not read as no warnings."""
    found = listed(Kept(tested=tested))

    assert problem in found.problem
    assert bool(problem) == bool(found.problem)
    assert tested.at_us == found.tested_at_us


def test_every_figure_goes_over_the_wire_and_none_that_is_not_there() -> None:
    """Absent is not zero."""
    whole = a_warning(State.CRITICAL, None, 5)
    response = warnings_to_proto(ListedWarnings((whole, a_warning(State.OK)), 4, NOW_US, "late"))
    first, second = response.warnings

    assert (4, "late", NOW_US) == (response.left_out, response.problem, response.tested_at.ToMicroseconds())
    assert ("acme", "orders", pb.WARNING_SIGN_CSAT_FALLS) == (first.tenant_id, first.department, first.sign)
    assert (pb.WARNING_STATE_CRITICAL, pb.WARNING_STATE_OK) == (first.state, first.found)
    assert (-0.4, -0.5, 120, 0.001, {"p_rise": 0.5}) == (
        *(first.value, first.low, first.n, first.p_value),
        dict(first.details),
    )
    assert [False] * 5 == [first.HasField(name) for name in ("high", "baseline", "e_value", "intent", "quiet_since")]
    assert (True, 5, "order_status") == (second.HasField("intent"), first.raised_at.ToMicroseconds(), second.intent)
    assert not second.HasField("raised_at")
    assert not warnings_to_proto(ListedWarnings((), 0, None, "")).HasField("tested_at")


def test_an_answer_stays_below_what_clients_take() -> None:
    """GRPC's own limit is 4 MiB; a longer answer would be no answer."""
    long = a_warning(State.WARN)._replace(message="x" * 1_000)
    response = warnings_to_proto(ListedWarnings((long,) * 5_000, 1, None, ""))

    assert 4 * 1024 * 1024 > response.ByteSize()
    assert 5_001 == len(response.warnings) + response.left_out


def test_every_sign_and_state_has_its_number_in_the_api() -> None:
    """One without would be told by an error instead of a warning."""
    for enum, kind, prefix in ((Sign, pb.WarningSign, "WARNING_SIGN_"), (State, pb.WarningState, "WARNING_STATE_")):
        names = {name.removeprefix(prefix) for name in list(kind.keys())} - {"UNSPECIFIED"}
        assert {str(one) for one in enum} == names


def test_a_request_is_checked_field_by_field() -> None:
    """What is empty is any."""
    assert WarningQuery(None, None, None, every=False) == warning_query(pb.ListWarningsRequest())
    assert WarningQuery("acme", "orders", Sign.REVIEWS_SKIPPED, every=True) == warning_query(
        pb.ListWarningsRequest(tenant_id="acme", department="orders", sign=pb.WARNING_SIGN_REVIEWS_SKIPPED, all=True)
    )
    wrong: list[tuple[str, Any]] = [("tenant_id", "x" * 65), ("department", "x" * 65), ("sign", 99)]
    for field, value in wrong:
        with pytest.raises(InvalidRequestError, match=field):
            warning_query(pb.ListWarningsRequest(**{field: value}))
