"""Reading of the processes as shipped: records from journals, lists, and the admin port over restarts."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import grpc
import pytest

from oversight.v1 import decision_service_pb2, decision_service_pb2_grpc, outcome_pb2, outcome_service_pb2
from oversight_client import AdminClient
from oversight_client.errors import CallError
from refusals import refusal_of
from servers import ServerProcess, started, wait_until

COMMAND = str(Path(sys.executable).with_name("oversight"))


def listed(address: str, **filters: str) -> set[str]:
    """Return the ids that the admin port lists."""
    with AdminClient(address, timeout_s=30) as client:
        return {record.response.decision_id for record in client.iterate_records(**filters)}


@contextmanager
def store_held(server: ServerProcess) -> Iterator[None]:
    """Keep the store from being read or written."""
    with closing(sqlite3.connect(server.data_dir / "records.db", isolation_level=None, timeout=10)) as store:
        store.execute("BEGIN EXCLUSIVE")
        yield
        store.execute("ROLLBACK")


def an_outcome(decision_id: str, outcome_id: str) -> outcome_service_pb2.RecordOutcomeRequest:
    return outcome_service_pb2.RecordOutcomeRequest(
        outcome=outcome_pb2.Outcome(outcome_id=outcome_id, decision_id=decision_id)
    )


def outcome_ids(found: decision_service_pb2.Decision) -> list[str]:
    return [recorded.outcome.outcome_id for recorded in found.outcomes]


def test_a_decision_is_found_before_it_is_drained_and_while_the_store_is_away(tmp_path: Path) -> None:
    """It was promised to be on record; the outcome came before the drain as well, to whichever worker."""
    with started(tmp_path, workers=2, drain_interval_s=60) as server:
        wait_until((server.data_dir / "records.db").exists, "the store")
        ids = []
        for number in range(4):
            ids.append(server.decide(f"r{number}").decision_id)
            server.outcomes().RecordOutcome(an_outcome(ids[-1], f"o{number}"), timeout=10)
            server.close_channel()  # so that both workers get some
        assert [[f"o{number}"] for number in range(4)] == [outcome_ids(server.find(one)) for one in ids]
        with store_held(server):
            assert [[f"o{number}"] for number in range(4)] == [outcome_ids(server.find(one)) for one in ids]
            stub = decision_service_pb2_grpc.DecisionServiceStub(server.channel())
            explained = stub.GetDecision(
                decision_service_pb2.GetDecisionRequest(
                    decision_id=ids[0], view=decision_service_pb2.DECISION_VIEW_EXPLAIN
                ),
                timeout=20,
            )
            assert ["low_confidence"] == [rule.rule_id for rule in explained.rules]
        assert set() == listed(server.admin_target), "what is in journals alone is not listed"


def test_an_outcome_waits_for_the_decision_of_another_replica(tmp_path: Path) -> None:
    """Two replicas share keys and rules; the desk talks to the one that did not decide."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with started(tmp_path / "one") as first:
        decision_id = first.decide("shared").decision_id
        records = wait_until(
            lambda: found if decision_id in (found := listed(first.admin_target)) else None, "the record"
        )
    assert {decision_id} == records
    keys = first.data_dir / "keys"
    settings: dict[str, object] = {"id_key_file": keys / "id.key", "audit_key_file": keys / "audit.key"}
    with started(tmp_path / "two", None, **settings) as second:
        second.outcomes().RecordOutcome(an_outcome(decision_id, "early"), timeout=10)
        refusal = refusal_of(lambda: second.find(decision_id))
        assert (grpc.StatusCode.NOT_FOUND, f"no decision {decision_id} is on record; outcomes of it that wait: 1") == (
            refusal.code,
            refusal.text,
        )
        wait_until(lambda: second.status().waiting_outcomes == 1, "the outcome to be counted as waiting")

        assert decision_id == second.decide("shared").decision_id, "the same request, decided alike, is the same"

        assert ["early"] == outcome_ids(second.find(decision_id))
        wait_until(lambda: second.status().waiting_outcomes == 0, "the wait to be over")


@pytest.mark.parametrize("how", ["rolling", "killed"])
def test_the_admin_port_is_there_again_after_its_controller(tmp_path: Path, how: str) -> None:
    """The new controller gets the port; the client hardly notices."""
    with started(tmp_path) as server:
        decision_id = server.decide("before").decision_id
        address = server.admin_target
        wait_until(lambda: decision_id in listed(address), "the record")
        controller = server.status().controller
        assert controller is not None
        if how == "rolling":
            os.kill(server.pid, signal.SIGHUP)
        else:
            os.kill(controller.pid, signal.SIGKILL)

        def is_another() -> bool:
            now = server.status().controller
            return now is not None and now.pid != controller.pid

        wait_until(is_another, "another controller")
        assert decision_id in listed(address)
        wait_until(lambda: server.status().state == "serving", "all to be well")


def test_an_admin_port_that_is_taken_stops_the_start_in_words(tmp_path: Path) -> None:
    """As with the data port: nobody must talk to a stranger."""
    (tmp_path / "first").mkdir()
    with started(tmp_path / "first") as first:
        address = first.admin_target
        second = subprocess.run(
            [COMMAND, "serve", "--listen", "127.0.0.1:0", "--admin-listen", address, "--data-dir", tmp_path / "second"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    assert 1 == second.returncode
    assert f"{address} is taken by another program; choose another with --admin-listen" in second.stderr


def test_a_customer_is_forgotten_in_a_running_server(tmp_path: Path) -> None:
    """Also the record that is still on its way."""
    with started(tmp_path, drain_interval_s=0.05) as server:
        address = server.admin_target
        gone = server.decide("r1", subject_ref="s-1").decision_id
        kept = server.decide("r2", subject_ref="s-2").decision_id
        wait_until(lambda: {gone, kept} <= listed(address), "the records")

        with AdminClient(address, timeout_s=30) as client:
            assert 1 == client.erase_subject("s-1").erased_decisions

        assert ({kept}, set()) == (listed(address, subject_ref="s-2"), listed(address, subject_ref="s-1"))
        assert ("", True) == ((found := server.find(gone)).request.subject_ref, found.erased)


def test_without_a_server_the_admin_client_says_so() -> None:
    """UNAVAILABLE, after its own time."""
    with AdminClient("127.0.0.1:1", timeout_s=0.3) as client, pytest.raises(CallError):
        client.list_records()
