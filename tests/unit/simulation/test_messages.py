"""The drawn messages: always the same, and as the scenario says."""

from __future__ import annotations

from collections import Counter

import pytest

from oversight.simulation.conduct import Change, Conduct
from oversight.simulation.messages import HOUR_SHARES, Message, day_us, draw_day
from unit.simulation.scenes import a_scenario

DAYS = range(28)
CONDUCT = Conduct(error_rate=0.05)


@pytest.fixture(scope="module")
def drawn() -> list[Message]:
    """Four weeks of messages."""
    scenario = a_scenario(conduct=CONDUCT, weekend=0.5)
    return [message for day in DAYS for message in draw_day(scenario, day, 1)]


def test_the_same_seed_gives_the_same_day() -> None:
    """A finding that nobody can repeat is none."""
    scenario = a_scenario()

    assert draw_day(scenario, 5, 1) == draw_day(scenario, 5, 1)
    assert draw_day(scenario, 5, 1) != draw_day(scenario, 5, 2)
    assert [one.wrong for one in draw_day(scenario, 5, 1)] != [one.wrong for one in draw_day(scenario, 6, 1)]


def test_there_are_as_many_as_stated(drawn: list[Message]) -> None:
    """400 on weekdays, half of it at weekends: 20 x 400 + 8 x 200 in four weeks; within five standard deviations."""
    assert 9_600 == pytest.approx(len(drawn), abs=5 * 9_600**0.5)
    weekend = sum(message.day % 7 >= 5 for message in drawn)
    assert 1_600 == pytest.approx(weekend, abs=5 * 1_600**0.5)
    intents = Counter(message.intent for message in drawn)
    assert 0.75 == pytest.approx(intents["order_status"] / len(drawn), abs=0.025)


def test_hours_are_those_of_opening_and_in_order(drawn: list[Message]) -> None:
    """The centre sends hour by hour: a message out of order would be decided at another time."""
    assert set(HOUR_SHARES) == {message.hour for message in drawn}
    assert 1 == pytest.approx(sum(HOUR_SHARES.values()))
    for day in DAYS:
        hours = [message.hour for message in drawn if message.day == day]
        assert sorted(hours) == hours
    busiest = max(drawn, key=lambda message: message.load)
    assert (1.0, HOUR_SHARES[busiest.hour]) == (busiest.load, max(HOUR_SHARES.values()))


def test_numbers_tell_the_messages_of_a_day_apart(drawn: list[Message]) -> None:
    """They are in the request ids: two alike would be one decision."""
    assert len(drawn) == len({(message.day, message.number) for message in drawn})


def test_drafts_are_wrong_as_often_as_stated_and_rarer_where_the_ai_is_confident(drawn: list[Message]) -> None:
    """Else a threshold of confidence would not help, and the true rate would be another than the scenario's."""
    wrong = sum(message.wrong for message in drawn) / len(drawn)
    assert 0.05 == pytest.approx(wrong, abs=5 * (0.05 * 0.95 / len(drawn)) ** 0.5)
    confident = [message.wrong for message in drawn if message.response_confidence >= 0.9]
    doubtful = [message.wrong for message in drawn if message.response_confidence < 0.9]
    assert 2 * sum(confident) / len(confident) < sum(doubtful) / len(doubtful)


def test_a_change_is_true_from_its_day_for_its_intents() -> None:
    """Before it nothing is different, and others go on as they were."""
    scenario = a_scenario(Change(from_day=10, intents=["order_status"], to=Conduct(error_rate=0.2, volume=2.0)))

    assert Conduct() == scenario.conduct_of("order_status", 9)
    assert Conduct() == scenario.conduct_of("refund_request", 10)
    changed = scenario.conduct_of("order_status", 10)
    assert (0.2, 2.0, Conduct().csat_mean) == (changed.error_rate, changed.volume, changed.csat_mean)
    assert 10 == scenario.onset_day


def test_a_gradual_change_gets_there_in_equal_steps() -> None:
    """A drift that jumped would be found sooner than one that creeps."""
    scenario = a_scenario(
        Change(from_day=10, over_days=4, to=Conduct(error_rate=0.11, model_version="assistant-2")),
        conduct=Conduct(error_rate=0.03),
    )

    rates = [scenario.conduct_of("order_status", day).error_rate for day in (9, 10, 11, 12, 13, 14, 29)]
    assert pytest.approx([0.03, 0.05, 0.07, 0.09, 0.11, 0.11, 0.11]) == rates
    assert "assistant-2" == scenario.conduct_of("order_status", 10).model_version


def test_days_begin_at_midnight() -> None:
    """The signs are tested by days of UTC."""
    assert 0 == day_us(0) % 86_400_000_000
    assert 86_400_000_000 == day_us(1) - day_us(0)
