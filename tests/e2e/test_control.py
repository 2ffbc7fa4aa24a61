"""Thresholds and stops in the processes as shipped, whatever else goes wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from contract.control_samples import a_change, a_release, a_stop
from e2e.control import administrator
from oversight.app.clock import now_us
from oversight.app.local_stops import LocalStop, LocalStops
from oversight.engine.request import Stop
from oversight.v1.decision_pb2 import TIER_HUMAN_AS_THE_LOOP, TIER_HUMAN_IN_THE_LOOP, TIER_HUMAN_ON_THE_LOOP
from postgres import PostgresServer
from servers import ServerProcess, started, wait_until

pytestmark = pytest.mark.e2e
OVERSIGHT = str(Path(sys.executable).with_name("oversight"))
UNSURE: dict[str, Any] = {"response_confidence": 0.88}


def reason(server: ServerProcess, **fields: Any) -> str:
    return server.decide(**fields).reason


def test_a_threshold_and_a_stop_come_into_force_and_replies_say_since_when(tmp_path: Path) -> None:
    """The revision is what tells an administrator that a change has arrived."""
    with started(tmp_path, workers=2) as server, administrator(server.data_dir) as admin:
        first = server.decide(**UNSURE)
        assert (TIER_HUMAN_ON_THE_LOOP, 0) == (first.tier, first.threshold_revision)

        assert 1 == admin.do(a_change(0.9))
        wait_until(lambda: server.decide(**UNSURE).threshold_revision == 1, "the change to be in force")
        reply = server.decide(**UNSURE)
        assert (TIER_HUMAN_IN_THE_LOOP, "autonomy_confidence live") == (
            reply.tier,
            reply.reasons[0].comparisons[0].limit_source,
        )

        admin.do(a_stop(intent="order_status"))
        wait_until(lambda: reason(server) == "OVERSIGHT_STOP", "the stop to be in force")
        admin.do(a_release(intent="order_status"))
        wait_until(lambda: reason(server) == "ROUTINE", "the stop to be released")


def test_a_restart_has_what_was_decided(tmp_path: Path) -> None:
    """From the first decision on."""
    with started(tmp_path) as server, administrator(server.data_dir) as admin:
        admin.do(a_stop("bank"))
        wait_until(lambda: reason(server, department="bank") == "OVERSIGHT_STOP", "the stop to be in force")
        server.terminate()
        server.start()

        assert "OVERSIGHT_STOP" == reason(server, department="bank")


def test_a_store_that_lost_its_history_does_not_let_the_ai_go(tmp_path: Path) -> None:
    """Fault: `control.db` is gone at a restart. Whoever means it says so; until then nothing becomes freer."""
    with started(tmp_path) as server, administrator(server.data_dir) as admin:
        admin.do(a_change(0.9))
        admin.do(a_stop("bank"))
        wait_until(lambda: reason(server, department="bank") == "OVERSIGHT_STOP", "the stop to be in force")
        server.terminate()
        (server.data_dir / "control.db").rename(tmp_path / "away.db")
        server.start()

        assert "OVERSIGHT_STOP" == reason(server, department="bank")
        assert (TIER_HUMAN_IN_THE_LOOP, "THRESHOLDS_STALE") == (server.decide().tier, reason(server))
        (alarm,) = server.status().alarms
        assert "revision 2 is not in it, its newest is 0" in alarm
        shown = server.command("status")
        assert (1, True) == (shown.returncode, "not confirmed" in shown.stdout), shown.stdout

        accepted = server.command("store", "accept", "--yes")
        assert "the store's history holds here: revision 0" in accepted.stdout, accepted.stderr
        wait_until(lambda: reason(server, department="bank") == "UNKNOWN_DEPARTMENT", "the stop to be gone")
        wait_until(lambda: server.status().alarms == (), "the alarm to end")


def test_a_stop_is_engaged_with_no_server_and_on_record_later(tmp_path: Path) -> None:
    """The button works when nothing else does."""
    server = ServerProcess(tmp_path)
    server.data_dir.mkdir(mode=0o700)
    LocalStops(server.data_dir).engage(LocalStop(Stop(), "local:ann", now_us(), "wrong answers"))

    with server, administrator(server.data_dir) as admin:
        assert "OVERSIGHT_STOP" == reason(server)
        wait_until(lambda: admin.state().stops, "the stop to be on record")
        wait_until(lambda: server.decide().threshold_revision == 1, "the recorded stop to be in force")
        assert "local:ann" == admin.state().stops[0].author
        wait_until(lambda: not LocalStops(server.data_dir).read(), "the file to be removed")
        assert "OVERSIGHT_STOP" == reason(server)


def test_a_stop_that_comes_and_goes_with_no_server_leaves_the_one_on_record(tmp_path: Path) -> None:
    """Fault: the server was down, and whoever stopped and let go on the machine could not see what was on record."""
    with started(tmp_path) as server, administrator(server.data_dir) as admin:
        admin.do(a_stop())
        wait_until(lambda: reason(server) == "OVERSIGHT_STOP", "the stop to be in force")
        server.terminate()
        stops = LocalStops(server.data_dir)
        stops.engage(LocalStop(Stop(), "local:ann", now_us(), "wrong answers"))
        stops.release(Stop(), by="local:ann", at_us=now_us(), justification="over")
        server.start()

        wait_until(lambda: admin.state().revision == 3, "both to be on record")
        wait_until(lambda: server.decide().threshold_revision == 3, "both to be in force")
        assert "OVERSIGHT_STOP" == reason(server)
        admin.do(a_release())
        wait_until(lambda: reason(server) == "ROUTINE", "the stop to be released")


def test_broken_rules_keep_neither_a_threshold_nor_a_stop_out(tmp_path: Path) -> None:
    """Fault: a policy that does not compile while a threshold changes."""
    with started(tmp_path) as server, administrator(server.data_dir) as admin:
        (server.policy / "contact_centre.yaml").write_text("policy: [\n")
        wait_until(lambda: server.status().problems, "the broken rules to be seen")

        admin.do(a_change(0.9))
        wait_until(lambda: server.decide(**UNSURE).tier == TIER_HUMAN_IN_THE_LOOP, "the threshold to be in force")
        admin.do(a_stop())
        wait_until(lambda: server.decide(**UNSURE).tier == TIER_HUMAN_AS_THE_LOOP, "the stop to be in force")


def test_a_threshold_expires_while_the_controller_is_dead(tmp_path: Path) -> None:
    """Fault: workers end what is over by themselves; the record can be replayed all the same."""
    with started(tmp_path) as server, administrator(server.data_dir) as admin:
        admin.do(a_change(0.9, expires_at_us=now_us() + 3_000_000))
        wait_until(lambda: server.decide(**UNSURE).tier == TIER_HUMAN_IN_THE_LOOP, "the threshold to be in force")
        controller = server.status().controller
        assert controller is not None
        os.kill(controller.pid, signal.SIGSTOP)
        try:
            wait_until(lambda: server.decide(**UNSURE).tier == TIER_HUMAN_ON_THE_LOOP, "the threshold to be over")
            reply = server.decide("after", **UNSURE)
        finally:
            os.kill(controller.pid, signal.SIGKILL)
        assert 1 == reply.threshold_revision
        wait_until(lambda: server.find(reply.decision_id).decided_at.seconds, "the record to be in the store")

        replayed = server.command("replay-record", reply.decision_id)
        assert 0 == replayed.returncode, replayed.stdout + replayed.stderr


def test_a_stop_is_engaged_while_the_store_is_down(tmp_path: Path, postgres_programs: None) -> None:
    """Fault: it holds at once on this replica, survives a restart, and reaches the others when the store is back."""
    with PostgresServer(durable=True) as postgres:
        store = postgres.create_database()
        for folder in ("one", "two"):
            (tmp_path / folder).mkdir()
        with (
            started(tmp_path / "one", store=store, workers=2) as one,
            started(tmp_path / "two", store=store) as two,
            administrator(store) as admin,
        ):
            postgres.stop()
            LocalStops(one.data_dir).engage(LocalStop(Stop(), "local:ann", now_us(), "wrong answers"))
            wait_until(lambda: reason(one) == "OVERSIGHT_STOP", "the stop to be in force here")
            assert "ROUTINE" == reason(two)
            stopped = one.decide("stopped")
            one.terminate()
            one.start()
            assert "OVERSIGHT_STOP" == reason(one)

            postgres.start()
            wait_until(lambda: reason(two) == "OVERSIGHT_STOP", "the stop to be in force on the other replica")
            wait_until(lambda: not LocalStops(one.data_dir).read(), "the file to be removed")
            assert "OVERSIGHT_STOP" == reason(one)
            assert ["local:ann"] == [each.author for each in admin.state().stops]

            wait_until(lambda: one.find(stopped.decision_id).decided_at.seconds, "the record to be in the store")
            replayed = subprocess.run(
                [OVERSIGHT, "replay-record", stopped.decision_id, "--data-dir", str(one.data_dir)],
                env={**os.environ, "OVERSIGHT_STORE": store},
                check=False,
                capture_output=True,
                text=True,
                timeout=60,
            )
            assert 0 == replayed.returncode, replayed.stdout + replayed.stderr
