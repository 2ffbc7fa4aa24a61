"""`oversight load` against the service itself."""

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from typer.testing import CliRunner

from oversight.cli.commands import app
from oversight.cli.load_generator.transport import OK, Answer, GrpcTransport
from oversight.v1.decision_service_pb2 import DecideResponse
from oversight_client import payloads
from rpc.scripted_server import ScriptedServer, aborts
from serving import wait_until

SHORT = ("--duration", "500ms", "--warmup", "200ms", "--connections", "2", "--json")


def load(serving, *words):
    """Run a short load; return its one step, and its problems but for a rate that a busy machine did not keep."""
    result = CliRunner().invoke(app, ["load", "--target", serving.target, *SHORT, *words])
    summary = json.loads(result.stdout)
    assert result.exit_code == (1 if summary["problems"] else 0)
    (step,) = summary["steps"]
    problems = [problem.partition(": ")[2] for problem in summary["problems"]]
    return step, [problem for problem in problems if "THE RATE WAS NOT KEPT" not in problem]


def test_every_call_is_decided_recorded_and_counted(serving):
    """What the command says was answered, the server has on record."""
    step, problems = load(serving, "--rate", "200", "--arrivals", "uniform")
    assert ([], 100) == (problems, step["calls"])
    entries = serving.journal.entries()
    # 140 with those of the warm-up, and none of them twice.
    assert 140 == len({entry.request.request_id for entry in entries}) == len(entries)
    assert 100 == sum(tier["count"] for tier in step["tiers"].values())
    assert {"MATCHED", "DEFAULT"} >= {name for name, count in step["evaluations"].items() if count}


def test_batches_are_decided_item_by_item(serving):
    """Calls are counted as calls, and decisions as decisions."""
    step, problems = load(serving, "--rate", "40", "--arrivals", "uniform", "--batch", "10")
    assert ([], 20) == (problems, step["calls"])
    assert 200 == sum(tier["count"] for tier in step["tiers"].values())
    assert pytest.approx(10 * step["rate_answered_per_s"]) == step["decisions_per_s"]


def test_several_processes_share_the_rate(serving):
    """One interpreter is not always enough; their histograms are one."""
    step, problems = load(serving, "--rate", "200", "--arrivals", "uniform", "--processes", "2")
    assert ([], 100, 100) == (problems, step["calls"], step["latency"]["all"]["calls"])
    ids = [entry.request.request_id for entry in serving.journal.entries()]
    assert (140, {"1.0", "1.1"}) == (len(set(ids)), {request_id.split("-")[2] for request_id in ids})


def test_a_server_that_records_nothing_is_found_out(serving):
    """It answers, and quickly."""
    serving.journal.fail()
    step, problems = load(serving, "--rate", "100", "--arrivals", "uniform")
    assert (50, 50) == (step["unrecorded"], step["evaluations"]["ERROR"])
    assert ["50 decisions are not on record", "50 decisions have the evaluation ERROR"] == problems


@pytest.mark.parametrize("processes", ["1", "2"])
def test_ctrl_c_ends_a_run_with_what_was_measured(serving, processes):
    """Ten minutes of a run that was to take an hour are worth having."""
    words = ["--target", serving.target, "--rate", "100", "--duration", "1h", "--warmup", "0s", "--json"]
    program = Path(sys.executable).with_name("oversight")
    with subprocess.Popen(
        [program, "load", *words, "--processes", processes], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            wait_until(lambda: len(serving.journal.payloads) >= 10, within_s=30)
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    (step,) = json.loads(output)["steps"]
    assert 1 == process.returncode
    assert 10 <= step["calls"] == step["latency"]["answered"]["calls"]
    assert 0 < step["stopped_after_s"] < 60
    assert b"100 calls/s: stopped after " in errors


def test_the_transport_takes_its_connections_in_turn():
    """Workers that share a port get a connection each, or one of them has all the work."""
    peers = []

    def answer(_, context):
        peers.append(context.peer())
        return DecideResponse(request_id="r")

    with ScriptedServer(answer) as server:
        answers = asyncio.run(_calls(server.target, 6))
    assert [DecideResponse(request_id="r")] * 6 == [DecideResponse.FromString(found.body) for found in answers]
    assert [OK] * 6 == [found.status for found in answers]
    assert 3 == len(set(peers))
    assert peers[:3] == peers[3:]


def test_the_transport_says_how_a_call_ended():
    """By the status's name, in the server's words; a timeout is one too."""
    with ScriptedServer(aborts(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many")) as server:
        answers = asyncio.run(_calls(server.target, 1))
    assert [Answer("RESOURCE_EXHAUSTED", text="too many")] == answers
    assert ["UNAVAILABLE"] == [found.status for found in asyncio.run(_calls(server.target, 1))]


async def _calls(target: str, count: int) -> list[Answer]:
    async with GrpcTransport(target, method=payloads.DECIDE, connections=3, timeout_s=2.0) as transport:
        return [await transport.call(b"") for _ in range(count)]
