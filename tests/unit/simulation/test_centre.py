"""The contact centre at work, against ports that answer as told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from grpc import StatusCode

from oversight.errors import SimulationError
from oversight.feedback.signs import Sign
from oversight.simulation.centre import Centre
from oversight.simulation.messages import day_us
from oversight.simulation.server import SimulatedServer
from oversight_client import AdminClient, Client
from oversight_client.enums import Tier, WarningSign, WarningState
from oversight_client.values import Decision, ItemError
from unit.simulation.scenes import a_decision, a_scenario

REFUSED = ItemError(StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", "intent: too long", {})


@dataclass
class FakeServer:
    """A service: everything is in the loop, and in the store at once; the signs are tested each night, or never."""

    now_us: int = 0
    tested: bool = True
    ended: bool = False
    refused: str = ""
    warnings: tuple[Any, ...] = ()
    times_us: list[int] = field(default_factory=list)
    outcomes: list[dict[str, Any]] = field(default_factory=list)
    audit_rate: float = 0.0

    def set_clock(self, at_us: int) -> None:
        self.now_us = at_us
        self.times_us.append(at_us)

    def check(self) -> None:
        if self.ended:
            raise SimulationError("the simulated server has ended")

    def decide_many(self, requests: Sequence[dict[str, Any]]) -> list[Decision | ItemError]:
        if self.refused == "message":
            return [REFUSED] * len(requests)
        return [
            a_decision(Tier.HUMAN_IN_THE_LOOP, decision_id=f"{self.now_us}-{one['request_id']}") for one in requests
        ]

    def record_outcomes(self, outcomes: Iterable[dict[str, Any]]) -> list[str | ItemError]:
        found = list(outcomes)
        self.outcomes += found
        return [REFUSED if self.refused == "outcome" else str(one["outcome_id"]) for one in found]

    def update_thresholds(self, changes: Sequence[dict[str, Any]], **_: object) -> Any:
        self.audit_rate = changes[0]["value"]
        return SimpleNamespace(revision=1)

    def get_status(self) -> Any:
        return SimpleNamespace(thresholds=SimpleNamespace(revision=1))

    def list_warnings(self, **_: object) -> Any:
        tested_at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=self.now_us)
        return SimpleNamespace(tested_at=tested_at if self.tested else None, warnings=self.warnings)

    def get_error_rates(self, **_: object) -> Any:
        rate = SimpleNamespace(
            group=SimpleNamespace(tier=Tier.HUMAN_IN_THE_LOOP), rate=0.1, low=0.0, high=0.2, n=9, state="MEASURED"
        )
        return SimpleNamespace(rates=[rate])


def a_warning(found: WarningState, intent: str | None = None) -> Any:
    """Return a warning as the client has it."""
    return SimpleNamespace(sign=WarningSign.CSAT_FALLS, intent=intent, rule_id=None, found=found, message="words")


def a_centre(server: FakeServer) -> Centre:
    """Return a centre of two days; waiting costs no time."""
    ticks = iter(range(100_000))
    return Centre(
        a_scenario(days=2, warm_up_days=1, messages_per_day=30, audit_rate=0.4),
        1,
        cast("SimulatedServer", server),
        cast("Client", server),
        cast("AdminClient", server),
        sleep=lambda _: None,
        clock=lambda: float(next(ticks)),
    )


def test_days_pass_in_order_and_everything_is_reported() -> None:
    """Time never goes back, and what is not due before the end is not sent."""
    server = FakeServer()
    centre = a_centre(server)

    on_loop, in_loop = centre.run()

    assert sorted(server.times_us) == server.times_us
    assert day_us(2) < server.now_us < day_us(3)
    assert 0.4 == server.audit_rate
    assert centre.tally.outcomes == len(server.outcomes) == len({one["outcome_id"] for one in server.outcomes})
    assert (0, None, "INSUFFICIENT_DATA") == (on_loop.decisions, on_loop.true_rate, on_loop.said.state)
    assert (centre.tally.messages, 0.1) == (in_loop.decisions, in_loop.said.rate)


def test_only_what_a_test_found_by_itself_is_noted() -> None:
    """A warning of the warm-up that still stands would hide the next one."""
    server = FakeServer(warnings=(a_warning(WarningState.OK, "refund_request"), a_warning(WarningState.WARN)))
    centre = a_centre(server)

    centre.run()

    assert [(Sign.CSAT_FALLS, None, "WARN", 1)] == [
        (one.sign, one.intent, one.state, one.day) for one in centre.tally.found
    ]


@pytest.mark.parametrize(
    ("server", "said"),
    [
        (FakeServer(tested=False), "waited 600 s in vain for the test of the signs after day 0"),
        (FakeServer(tested=False, ended=True), "the simulated server has ended"),
        (FakeServer(refused="message"), "a message was not decided: intent: too long"),
        (FakeServer(refused="outcome"), "an outcome was not recorded: intent: too long"),
    ],
)
def test_a_service_that_does_not_go_along_ends_the_simulation(server: FakeServer, said: str) -> None:
    """In words: figures with a hole in them would be taken for findings."""
    with pytest.raises(SimulationError, match=said):
        a_centre(server).run()
