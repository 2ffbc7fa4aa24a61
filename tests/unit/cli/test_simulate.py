"""`oversight simulate`: what is asked for wrongly, and how figures are shown."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from oversight.cli.simulation_tables import Run, print_runs, runs_as_dict
from oversight.feedback.signs import Sign
from oversight.simulation.conduct import Change, Conduct
from oversight.simulation.scenario import Scenario
from oversight.simulation.tally import SaidRate, Tally, Told
from oversight_client.enums import Tier
from unit.simulation.scenes import a_scenario

ON = Tier.HUMAN_ON_THE_LOOP
SCENARIO = a_scenario(
    Change(from_day=15, intents=["order_status"], to=Conduct(repeat_rate=0.2)), expected=["repeat_contact_rises"]
)


def a_run(seed: int, scenario: Scenario = SCENARIO, *, found_on: int | None = None, alarm: bool = False) -> Run:
    """Return a run with 1,000 outcomes after the warm-up, that found the sign on a day or not at all."""
    tally = Tally(scenario)
    for number in range(1_000):
        tally.add_decision(20, ON, wrong=number < 100)
        tally.add_outcome(20, 15, "order_status", {"repeat_contact": False})
    if alarm:
        tally.add_warnings(16, [Told(Sign.CSAT_FALLS, None, None, "WARN", "words")])
    if found_on is not None:
        tally.add_warnings(found_on, [Told(Sign.REPEAT_CONTACT_RISES, "order_status", None, "WARN", "words")])
    return Run(seed, tally, (tally.beside_truth(ON, SaidRate(0.2, 0.15, 0.25, 300, "MEASURED")),))


def printed(scenario: Scenario, *runs: Run) -> str:
    """Return what people see."""
    out = io.StringIO()
    print_runs(scenario, runs, Console(file=out, width=200))
    return out.getvalue()


def test_the_scenarios_are_listed(run) -> None:
    """Nobody knows them by heart."""
    shown = run("simulate", "--list").stdout
    listed = json.loads(run("simulate", "--list", "--json").stdout)["scenarios"]

    assert "quiet" in [one["scenario"] for one in listed]
    assert all(one["description"] in shown for one in listed)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "name a scenario or a file"),
        (("quite",), "did you mean quiet"),
        (("quiet", "--keep", "."), "--keep .: it is there already"),
    ],
)
def test_what_is_asked_for_wrongly_is_said(run, words, said) -> None:
    """Before anything starts."""
    result = run("simulate", *words)

    assert 2 == result.exit_code
    assert said in result.stderr


def test_a_scenario_that_is_wrong_is_said_by_line(run, tmp_path: Path) -> None:
    """As rule files are."""
    path = tmp_path / "mine.yaml"
    path.write_text("scenario: mine\ndayz: 3\n", encoding="utf-8")

    result = run("simulate", str(path))

    assert 1 == result.exit_code
    assert "mine.yaml:2:1: unknown key 'dayz'" in result.stderr


def test_medians_are_of_the_runs_that_found_the_sign() -> None:
    """And how many did not is said beside them."""
    figures = runs_as_dict(SCENARIO, [a_run(1, found_on=20), a_run(2, found_on=24), a_run(3, alarm=True)])

    assert [
        {
            "sign": "REPEAT_CONTACT_RISES",
            "found_runs": 2,
            "day": 22.0,
            "days_after_change": 8.0,
            "outcomes": 1_000.0,
        }
    ] == figures["signs"]
    assert (1, 1.0, 3) == (figures["false_alarms"], figures["false_alarms_per_3000"], figures["runs"])
    assert figures == json.loads(json.dumps(figures))


def test_people_see_what_was_found_and_what_was_not() -> None:
    """The truth beside what was said, and where it is outside."""
    shown = printed(SCENARIO, a_run(1, found_on=20, alarm=True))
    assert "found repeat contact rises 6 days after the change (1,000 outcomes about it)" in shown
    assert "1 false alarms after day 10, 3.00 per 3,000 outcomes" in shown
    assert "false alarm" in shown
    assert "order_status" in shown
    assert "10.00 %" in shown
    assert "15.00 % to 25.00 %" in shown
    assert "the truth is outside" in shown
    assert "NOT FOUND: repeat contact rises" in printed(SCENARIO, a_run(1))
    assert "found in 1 of 2 runs; medians: repeat" in printed(SCENARIO, a_run(1), a_run(2, found_on=20))
