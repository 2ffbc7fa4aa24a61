"""`oversight load`, against a server that answers as told."""

import json

import grpc
import pytest

SHORT = ("--duration", "300ms", "--warmup", "100ms", "--connections", 2)


def loaded(ask, *words):
    """Run a short load; return the result, its summary, and its problems but for a rate that a busy machine lost."""
    result = ask("load", *SHORT, *words, "--json")
    summary = json.loads(result.stdout)
    assert (result.exit_code, summary["ok"]) == ((1, False) if summary["problems"] else (0, True))
    assert all(f"oversight: {problem}" in result.stderr for problem in summary["problems"])
    return result, summary, [problem for problem in summary["problems"] if "THE RATE WAS NOT KEPT" not in problem]


def test_calls_are_sent_at_the_rate_and_summed_up(ask, desk):
    """The command's whole purpose, in the form that a machine reads."""
    _, summary, problems = loaded(ask, "--rate", 100, "--arrivals", "uniform", "--seed", 9)
    (step,) = summary["steps"]
    # 40 calls of which the first 10 are the warm-up.
    assert ([], 30, 30, 0) == (problems, step["calls"], step["latency"]["answered"]["calls"], step["failed"])
    assert {f"load-9-1.0-{number}" for number in range(40)} == {request.request_id for request in desk.requests}
    assert 30 == sum(tier["count"] for tier in step["tiers"].values())
    assert 0 < step["service"]["p50"] <= step["latency"]["all"]["max"]
    assert (9, "uniform", "built-in mix") == tuple(summary[name] for name in ("seed", "arrivals", "messages"))


def test_several_rates_are_run_one_after_the_other(ask, desk):
    """And their ids are of different steps."""
    _, summary, problems = loaded(ask, "--rates", "50,100")
    assert [] == problems
    assert [50.0, 100.0] == [step["rate_asked_per_s"] for step in summary["steps"]]
    assert {"1.0", "2.0"} == {request.request_id.split("-")[2] for request in desk.requests}
    assert len(desk.requests) == len({request.request_id for request in desk.requests})


def test_shares_of_the_saturation_rate_are_run(ask):
    """The rate at which a server is half busy is not known beforehand."""
    _, summary, problems = loaded(ask, "--saturation", "0.02,0.05")
    assert [] == problems
    saturation = summary["saturation_per_s"]
    assert saturation > 100
    rates = [step["rate_asked_per_s"] for step in summary["steps"]]
    assert pytest.approx([0.02 * saturation, 0.05 * saturation], abs=1) == rates


def test_a_saturation_that_cannot_be_found_is_an_error(ask, desk):
    """A share of nothing is no rate."""
    desk.refusals = [grpc.StatusCode.INTERNAL] * 100_000
    result = ask("load", *SHORT, "--saturation", "0.5")
    assert 1 == result.exit_code
    assert "--saturation: no call was answered: INTERNAL" in result.stderr


def test_messages_of_a_file_are_sent(ask, desk, tmp_path):
    """One's own traffic tells more than any mix; rows that are none are named."""
    path = tmp_path / "messages.jsonl"
    rows = [{"intent": "a", "score": 0.95}, {"intent": "b", "score": 0.5}]
    path.write_text("\n".join([*map(json.dumps, rows), *["{"] * 22]), encoding="utf-8")
    result, summary, problems = loaded(
        ask,
        "--rate",
        100,
        "--file",
        path,
        "--map",
        "response_confidence=score",
        "--map",
        "language=none",
        "--tenant",
        "t",
    )
    assert ([], str(path)) == (problems, summary["messages"])
    assert {("a", 0.95, "t"), ("b", 0.5, "t")} == {
        (request.intent, request.response_confidence, request.tenant_id) for request in desk.requests
    }
    assert "no row had the column 'none' of --map" in result.stderr
    assert f"left out: {path}:3: not JSON" in result.stderr
    assert "… and 2 more rows" in result.stderr


def test_failed_calls_are_shown_and_end_in_exit_code_1(ask, desk):
    """A server that refuses is fast; that must not look like a good run."""
    # By their ids: a machine that stood still sends all at once, and then those of the warm-up may come last.
    desk.refused = {f"load-9-1.0-{number}": grpc.StatusCode.RESOURCE_EXHAUSTED for number in (20, 21, 22)}
    result = ask("load", *SHORT, "--rate", 100, "--arrivals", "uniform", "--seed", 9)
    assert 1 == result.exit_code
    assert "100 calls/s: 3 calls failed with RESOURCE_EXHAUSTED: told to refuse" in result.stderr
    assert "RESOURCE_EXHAUSTED" in result.stdout


def test_decisions_that_are_not_on_record_end_in_exit_code_1(ask, desk):
    """Fast, and worth nothing."""
    desk.recorded = False
    _, _, (problem,) = loaded(ask, "--rate", 50)
    assert problem.endswith(" decisions are not on record")


def test_a_rate_that_was_not_kept_is_said_and_ends_in_exit_code_1(run, silent):
    """One call at a time, each with a timeout of 0.2 s, are never 100 a second."""
    words = ("--target", silent, "--rate", 100, "--timeout", 0.2, "--max-in-flight", 1, "--warmup", "0s")
    result = run("load", *words, "--duration", "500ms", "--connections", 1)
    assert 1 == result.exit_code
    assert "100 calls/s: THE RATE WAS NOT KEPT" in result.stderr
    assert "(--max-in-flight)" in result.stderr
    assert "failed with DEADLINE_EXCEEDED" in result.stderr


def test_the_page_is_written(ask, tmp_path):
    """For whoever was not there."""
    page = tmp_path / "report.html"
    result = ask("load", *SHORT, "--rate", 50, "--html", page)
    assert "since due" in result.stdout
    assert "<svg" in page.read_text(encoding="utf-8")


def test_nobody_waits_for_a_server_that_is_not_there(run):
    """Thirty seconds of refused connections say no more than one."""
    result = run("load", "--target", "127.0.0.1:1")
    assert 1 == result.exit_code
    assert "no answer from 127.0.0.1:1" in result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--rate", "fast"), "--rate fast: expected numbers"),
        (("--rates", "1,0"), "--rates 1,0: 0 is not above 0"),
        (("--saturation", "80"), "--saturation 80: 80 is not above 0 and at most 5"),
        (("--rate", "1", "--rates", "1,2"), "--rate and --rates: expected one of them"),
        (("--duration", "soon"), "--duration soon: expected a duration"),
        (("--arrivals", "bursts"), "--arrivals bursts: expected poisson or uniform"),
        (("--map", "intent=x"), "--map is about the messages of a file"),
        (("--tenant", "t"), "--tenant is about the messages of a file"),
        (("--file", "messages.txt"), "messages.txt: expected a name ending in"),
        (("--html", "/nowhere/report.html"), "--html /nowhere/report.html: there is no folder /nowhere"),
        (("--batch", "501"), "--batch"),
        (("--target", "example.com:50051"), "example.com:50051 is not on this machine"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_sent(run, words, said):
    """Exit code 2, and the option by its name."""
    result = run("load", *words)
    assert (2, "") == (result.exit_code, result.stdout)
    assert said in result.stderr
