"""The simulated contact centre at work: its days pass one after the other, and the service is asked as in earnest."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby

from oversight.durations import HOUR_US
from oversight.errors import SimulationError
from oversight.feedback.signs import Sign
from oversight.simulation.messages import Message, day_us, draw_day
from oversight.simulation.people import audit, follow_up, request_fields, review
from oversight.simulation.scenario import Scenario
from oversight.simulation.server import SimulatedServer
from oversight.simulation.tally import RateBesideTruth, SaidRate, Tally, Told
from oversight_client import AdminClient, Client
from oversight_client.enums import Tier
from oversight_client.fields import OutcomeFields
from oversight_client.values import Decision, ItemError

__all__ = ["Centre"]

_REVIEW_US = 60_000_000
"""When reviews come: within the time that policies give them."""
_EVENING_H = 23
_NIGHT_US = 6 * HOUR_US
_NIGHT_PACE = 120
"""How much faster the night passes than ours."""
_LOOK_S = 0.02
_LONGEST_WAIT_S = 600.0
"""The keeper gets what CPU time others leave: on a busy machine a night takes minutes."""
_RAISED = ("WARN", "CRITICAL")
_TIERS = (Tier.HUMAN_ON_THE_LOOP, Tier.HUMAN_IN_THE_LOOP)
_Due = tuple[int, str, OutcomeFields]
"""An outcome with the day of its decision and the intent."""


class Centre:
    """
    Plays *scenario* against *server*, whose ports *client* and *admin* call; *client* has to raise where it fails.

    *on_day* is told of each day that is over. *sleep* and *clock* (seconds) are for tests.
    """

    def __init__(
        self,
        scenario: Scenario,
        seed: int,
        server: SimulatedServer,
        client: Client,
        admin: AdminClient,
        *,
        on_day: Callable[[int], object] = lambda _: None,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.tally = Tally(scenario)
        self._scenario = scenario
        self._seed = seed
        self._server = server
        self._client = client
        self._admin = admin
        self._on_day = on_day
        self._sleep = sleep
        self._clock = clock
        self._due: defaultdict[int, list[_Due]] = defaultdict(list)

    def run(self) -> tuple[RateBesideTruth, ...]:
        """
        Let every day pass; return the true error rates beside what the service says at the end.

        Raises `SimulationError` where the server ends or does not catch up, and the client's errors.
        """
        self._set_audit_rate()
        for day in range(self._scenario.days):
            self._pass_day(day)
            self._on_day(day)
        return tuple(self._beside_truth())

    def _set_audit_rate(self) -> None:
        changes = [{"name": "audit_rate", "value": self._scenario.audit_rate}]
        update = self._admin.update_thresholds(changes, justification="simulation: the audit rate of the scenario")
        revision = update.revision
        self._wait(lambda: self._admin.get_status().thresholds.revision == revision, "the audit rate to be in force")

    def _pass_day(self, day: int) -> None:
        messages = draw_day(self._scenario, day, self._seed)
        for hour, group in groupby(messages, key=lambda message: message.hour):
            self._pass_hour(day_us(day) + hour * HOUR_US, list(group))
        self._server.set_clock(day_us(day) + _EVENING_H * HOUR_US)
        self._record(day, self._due.pop(day, []))
        self._learn(day)

    def _pass_hour(self, at_us: int, messages: Sequence[Message]) -> None:
        self._server.set_clock(at_us)
        requests = [request_fields(message, self._scenario.department) for message in messages]
        decided = self._client.decide_many(requests)
        reviewed: list[_Due] = []
        for message, decision in zip(messages, decided, strict=True):
            if isinstance(decision, ItemError):
                raise SimulationError(f"a message was not decided: {decision.message}")
            self.tally.add_decision(message.day, decision.tier, wrong=message.wrong)
            reviewed += [(message.day, message.intent, outcome) for outcome in review(message, decision)]
            self._await(message, decision)
        self._server.set_clock(at_us + _REVIEW_US)
        if messages:
            self._record(messages[0].day, reviewed)

    def _await(self, message: Message, decision: Decision) -> None:
        for report in (*audit(message, decision), *follow_up(message, decision)):
            due = (message.day, message.intent, report.outcome)
            self._due[message.day + report.after_days].append(due)

    def _record(self, day: int, due: Sequence[_Due]) -> None:
        for result in self._client.record_outcomes(outcome for _, _, outcome in due):
            if isinstance(result, ItemError):
                raise SimulationError(f"an outcome was not recorded: {result.message}")
        for decided_day, intent, outcome in due:
            self.tally.add_outcome(day, decided_day, intent, outcome)

    def _learn(self, day: int) -> None:
        """Let the night begin, wait for the test of the signs, and note what it found."""
        tomorrow_us = day_us(day + 1)
        tomorrow = datetime.fromtimestamp(tomorrow_us / 1e6, UTC)
        began_s = self._clock()

        def is_tested() -> bool:
            # Time goes on: whoever looks again after a minute must see one pass. The day begins at eight.
            night_us = min(_NIGHT_US, round((self._clock() - began_s) * _NIGHT_PACE * 1e6))
            self._server.set_clock(tomorrow_us + HOUR_US + night_us)
            return self._is_tested(tomorrow)

        self._wait(is_tested, f"the test of the signs after day {day}")
        self.tally.add_warnings(day, self._told())

    def _is_tested(self, since: datetime) -> bool:
        tested_at = self._admin.list_warnings().tested_at
        return tested_at is not None and tested_at >= since

    def _told(self) -> Iterator[Told]:
        for warning in self._admin.list_warnings(all=True).warnings:
            if warning.sign is not None and str(warning.found) in _RAISED:
                yield Told(
                    Sign(str(warning.sign)), warning.intent, warning.rule_id, str(warning.found), warning.message
                )

    def _beside_truth(self) -> Iterator[RateBesideTruth]:
        rates = {one.group.tier: one for one in self._admin.get_error_rates(group_by=["TIER"]).rates}
        for tier in _TIERS:
            found = rates.get(tier)
            said = SaidRate(None, 0.0, 1.0, 0, "INSUFFICIENT_DATA")
            if found is not None:
                said = SaidRate(found.rate, found.low, found.high, found.n, str(found.state))
            yield self.tally.beside_truth(tier, said)

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        deadline_s = self._clock() + _LONGEST_WAIT_S
        while not condition():
            self._server.check()
            if self._clock() > deadline_s:
                raise SimulationError(f"waited {_LONGEST_WAIT_S:.0f} s in vain for {what}")
            self._sleep(_LOOK_S)
