"""The messages of one day, drawn with what is true of each and hidden from the server."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from oversight.durations import DAY_US
from oversight.simulation.conduct import Conduct
from oversight.simulation.scenario import Scenario

__all__ = ["HOUR_SHARES", "START_US", "Chances", "Message", "day_us", "draw_day"]

START_US = 1_767_571_200_000_000
"""2026-01-05T00:00:00Z, a Monday: when every scenario begins."""

_OPEN = {8: 4, 9: 8, 10: 12, 11: 10, 12: 7, 13: 8, 14: 10, 15: 9, 16: 7, 17: 6, 18: 8, 19: 6, 20: 3, 21: 2}
HOUR_SHARES = {hour: weight / sum(_OPEN.values()) for hour, weight in _OPEN.items()}
"""Which share of a day's messages each hour has, in UTC; the centre is closed in the others."""

_SATURDAY = 5
_CONFIDENCE = (12.0, 1.2)
"""Beta distribution of response confidence; its mean is 0.91."""


class Chances(NamedTuple):
    """
    What decides how people deal with one message, drawn beforehand: the same whatever the server answers.

    Uniform in 0..1 but for `mood`, which is standard normal.
    """

    skip: float
    stamp: float
    catch: float
    planted: float
    planted_catch: float
    review: float
    audit_skip: float
    audit_delay: float
    answer: float
    mood: float
    repeat: float
    escalate: float
    complain: float
    confirm: float
    category: float


class Message(NamedTuple):
    """
    One message of a customer with the AI's draft.

    `hour` of the day is 0..23, `load` is the share of the busiest hour's messages that its hour has (0..1). `wrong` is
    the truth about the draft. The rest is what a gateway sends.
    """

    number: int
    day: int
    hour: int
    load: float
    intent: str
    wrong: bool
    response_confidence: float
    intent_confidence: float
    sentiment_score: float
    human_requested: bool
    conduct: Conduct
    chances: Chances


def day_us(day: int) -> int:
    """Return when simulated *day* begins, in microseconds since 1970 (UTC)."""
    return START_US + day * DAY_US


def draw_day(scenario: Scenario, day: int, seed: int) -> list[Message]:
    """
    Return the messages of *day* (from 0), by hour; the same for the same scenario, day and *seed*.

    Counts of each hour and intent are Poisson. A draft is wrong with a chance that falls linearly to 0 where the AI is
    certain, and is `error_rate` on the average.
    """
    draw = np.random.default_rng([seed, day])
    busiest = max(HOUR_SHARES.values())
    weekday = scenario.weekend if day % 7 >= _SATURDAY else 1.0
    found: list[Message] = []
    for hour, hour_share in HOUR_SHARES.items():
        for one in scenario.intents:
            conduct = scenario.conduct_of(one.intent, day)
            mean = scenario.messages_per_day * weekday * hour_share * one.share * conduct.volume
            load = min(1.0, hour_share * weekday * conduct.volume / busiest)
            for _ in range(int(draw.poisson(mean))):
                found.append(_draw(draw, len(found), day, hour, load, one.intent, conduct))
    return found


def _draw(
    draw: np.random.Generator, number: int, day: int, hour: int, load: float, intent: str, conduct: Conduct
) -> Message:
    a, b = _CONFIDENCE
    confidence = float(draw.beta(a, b))
    chance = conduct.error_rate * (1 - confidence) * (a + b) / b
    uniform = draw.random(len(Chances._fields)).tolist()
    return Message(
        number=number,
        day=day,
        hour=hour,
        load=load,
        intent=intent,
        wrong=bool(draw.random() < chance),
        response_confidence=confidence,
        intent_confidence=float(draw.uniform(0.8, 1.0)),
        sentiment_score=float(np.clip(draw.normal(0.1, 0.25), -1, 1)),
        human_requested=bool(draw.random() < 0.02),
        conduct=conduct,
        chances=Chances(*uniform)._replace(mood=float(draw.normal())),
    )
