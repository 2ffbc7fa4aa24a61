"""What is wrong with a run is said, and why."""

import pytest

from oversight.cli.load_generator.closed_loop import Pace
from oversight.cli.load_generator.findings import find_notes, find_pace_notes, find_pace_problems, find_problems
from oversight.cli.load_generator.rates import Rates
from oversight.cli.load_generator.transport import OK
from oversight.v1.decision_pb2 import Evaluation
from unit.cli.load_generator.fakes import a_batch_reply, a_measurement, a_plan, a_reply, add_call

PLAN = a_plan(duration_s=10.0)


def measured_at(*due_s, late_s=0.0, service_s=0.001, **call):
    """Return the measurement of calls that were due at these seconds."""
    measured = a_measurement(PLAN)
    for second in due_s:
        add_call(measured, due_s=second, late_s=late_s, service_s=service_s, **call)
    return measured


def problems_of(measured):
    """Return the problems of a step of 10 calls a second."""
    return list(find_problems(PLAN, 10.0, measured))


def test_a_good_run_has_no_problems_and_no_notes():
    """Exit code 0 must mean something."""
    measured = measured_at(*range(10))
    assert ([], []) == (problems_of(measured), list(find_notes(PLAN, 1.0, measured)))
    assert Rates(1.0, 1.0, 1.0, 1.0) == Rates.of(PLAN, measured)


@pytest.mark.parametrize(("last_s", "kept"), [(9.9, True), (10.5, True), (10.6, False), (20.0, False)])
def test_the_rate_is_kept_where_all_was_sent_in_nearly_the_time(last_s, kept):
    """10 s of calls that took 10.5 s to send are 95 % of the rate; any less measured something else."""
    measured = measured_at(*range(9))
    add_call(measured, due_s=9.0, late_s=last_s - 9.0)
    assert kept is Rates.of(PLAN, measured).kept
    assert kept is not any("THE RATE WAS NOT KEPT" in problem for problem in problems_of(measured))


@pytest.mark.parametrize(
    ("cpu", "waited", "cause"),
    [
        (0.97, 0, "The generator used 97 % of a CPU: give it more with --processes"),
        (0.2, 0, "The generator used only 20 % of a CPU: something else keeps it from running"),
        (0.97, 7, "7 calls had to wait because 10,000 were under way (--max-in-flight)"),
    ],
)
def test_the_cause_of_a_lost_rate_is_named(cpu, waited, cause):
    """Whoever reads it must know what to turn."""
    measured = measured_at(0.0, late_s=20.0)
    measured.generator_cpu, measured.waited = cpu, waited
    (problem,) = problems_of(measured)
    assert problem.startswith("10 calls/s: THE RATE WAS NOT KEPT: 0 calls/s were sent, 50.0 % of those due. ")
    assert cause in problem


def test_calls_never_sent_are_part_of_what_was_due():
    """Left out, they would make the rest a run that went well."""
    measured = measured_at(*range(5))
    for _ in range(5):
        measured.skip(due_s=9.0)
    (problem,) = problems_of(measured)
    assert "50.0 % of those due, and 5 calls were never sent" in problem


def test_answers_that_are_not_good_ones_are_problems():
    """Each by its kind and number, with the server's own words."""
    measured = measured_at(*range(5))
    add_call(measured, status="UNAVAILABLE", text="going away")
    add_call(measured, status="INTERNAL")
    add_call(measured, body=a_reply("x"))
    add_call(measured, body=a_reply("r", recorded=False, evaluation=Evaluation.EVALUATION_ERROR))
    assert [
        "10 calls/s: 1 calls failed with INTERNAL",
        "10 calls/s: 1 calls failed with UNAVAILABLE: going away",
        "10 calls/s: 1 replies make no sense: unreadable, or about another request",
        "10 calls/s: 1 decisions are not on record",
        "10 calls/s: 1 decisions have the evaluation ERROR",
    ] == problems_of(measured)


def test_items_of_a_batch_that_failed_are_problems():
    """The call was OK, and one of its messages was not decided."""
    plan = a_plan(batch=2)
    measured = a_measurement(plan)
    add_call(measured, ids=("a", "b"), body=a_batch_reply(a_reply("a"), error_code=3))
    assert ["1 calls/s: 1 messages of batches were not decided: INVALID_ARGUMENT 1"] == list(
        find_problems(plan, 1.0, measured)
    )


def test_a_run_without_a_call_is_a_problem():
    """Nothing measured is not nothing wrong."""
    assert ["10 calls/s: no call was due: give a higher --rate or a longer --duration"] == problems_of(a_measurement())


def test_a_run_that_was_stopped_says_so_and_has_the_rates_of_its_part():
    """A part of a run is worth having, and is no run."""
    measured = measured_at(0.0, 1.0, 2.0, 3.0)
    measured.stopped_s = 4.0
    assert ["10 calls/s: stopped after 4.0 s of 10 s"] == problems_of(measured)
    assert 1.0 == Rates.of(PLAN, measured).sent_per_s


def test_a_run_that_was_stopped_in_its_warm_up_has_no_rates():
    """And nothing is divided by nothing."""
    measured = a_measurement()
    measured.stopped_s = -0.5
    assert "10 calls/s: stopped after 0.0 s of 10 s" in problems_of(measured)
    assert Rates(0.0, 0.0, 0.0, 0.0) == Rates.of(PLAN, measured)


def test_answers_that_came_late_are_a_lower_rate():
    """Ten calls answered in twenty seconds are half a call a second."""
    measured = measured_at(*range(10))
    add_call(measured, due_s=9.5, service_s=12.5)
    assert 0.5 == Rates.of(PLAN, measured).answered_per_s


def test_a_generator_that_lags_is_noted():
    """Its lag is in the latency: what is the generator's own must not be taken for the server's."""
    measured = measured_at(*range(9), late_s=0.02)
    (note,) = find_notes(PLAN, 10.0, measured)
    assert "sent more than 20 ms late" in note


def test_a_generator_that_is_busy_is_noted():
    """An answer that waits for it on its way in looks like one that the server was slow to give."""
    measured = measured_at(*range(9))
    measured.generator_cpu = 0.93
    (note,) = find_notes(PLAN, 10.0, measured)
    assert note.startswith("10 calls/s: the generator used 93 % of a CPU: answers may have waited for it")


def test_failures_of_the_warm_up_are_noted():
    """They are not measured, and not hidden."""
    measured = measured_at(*range(9))
    add_call(measured, due_s=-1.0, status="UNAVAILABLE", text="starting")
    assert ["10 calls/s: 1 calls of the warm-up failed: UNAVAILABLE 1"] == list(find_notes(PLAN, 10.0, measured))


def test_the_search_for_saturation_has_findings_of_its_own():
    """Its rate is what every step is a share of."""
    assert ([], []) == (list(find_pace_problems(None)), list(find_pace_notes(None)))
    assert ([], []) == (list(find_pace_problems(Pace(100.0))), list(find_pace_notes(Pace(100.0))))
    pace = Pace(12_345.0, generator_cpu=0.99)
    pace.failed[OK + "?"] = 3
    assert ["saturation: 3 calls of the closed loop failed: OK? 3"] == list(find_pace_problems(pace))
    (note,) = find_pace_notes(pace)
    assert "may answer more than 12,345 calls/s" in note
