"""A sign that turns critical, on the processes as shipped: listed, named in the status, and answered by the breaker."""

from __future__ import annotations

import time
from pathlib import Path

import grpc

from oversight.engine.control import SYSTEM
from oversight.storage.open import open_database
from oversight.storage.sqlite import file_url
from oversight.storage.transactions import Transactions
from oversight.v1 import insight_service_pb2 as insights
from oversight.v1 import insight_service_pb2_grpc, threshold_service_pb2_grpc
from oversight.v1 import threshold_service_pb2 as thresholds
from servers import POLICY, started, wait_until
from sign_evidence import DAY_US, Days, evidence_of, falling, moved
from sign_store import fill

BREAKER = "breaker: {steps: {autonomy_confidence: 0.02}}\n"


def prepare(folder: Path) -> None:
    """Put a store there in which satisfaction fell, and a policy with a breaker."""
    (folder / "policy").mkdir()
    text = POLICY.format(version="1").replace("[order_status]", "[order_status, order_change]")
    (folder / "policy" / "contact_centre.yaml").write_text(text + BREAKER)
    data = folder / "data"
    data.mkdir(mode=0o700)
    database = open_database(file_url(data / "records.db"), read_only=False)
    days = (Days(department="", days=45), falling(department="", days=45))
    now_us = time.time_ns() // 1_000
    fill(Transactions(database, migrate=False), moved(evidence_of(*days), now_us // DAY_US), through_us=now_us)
    database.engine.dispose()


def test_a_critical_sign_is_listed_and_tightened_once(tmp_path: Path) -> None:
    """From the evidence to the workers, without anybody; and a restart does not do it again."""
    prepare(tmp_path)
    with started(tmp_path) as server:
        # A keeper that has not caught up with midnight at its first look has its second one a minute later.
        values = wait_until(lambda: server.status().values, "a live value", timeout_s=150)
        assert [("autonomy_confidence", 0.87)] == [(one["name"], one["value"]) for one in values]
        wait_until(lambda: 1 == server.status().threshold_revision, "the workers to have it")
        named = "oversight warning: CSAT_FALLS (tenant acme, intent order_change): Satisfaction"
        # What was said of the first look stands for another second.
        wait_until(lambda: [one.startswith(named) for one in server.status().alarms] == [True], "the warning alone")
        assert "serving" == server.status().state
        with grpc.insecure_channel(server.admin_target) as channel:
            listed = insight_service_pb2_grpc.InsightServiceStub(channel).ListWarnings(
                insights.ListWarningsRequest(), timeout=30
            )
            stub = threshold_service_pb2_grpc.ThresholdServiceStub(channel)
            (event,) = stub.ListThresholdChanges(thresholds.ListThresholdChangesRequest(), timeout=30).changes
        worst = listed.warnings[0]
        assert (insights.WARNING_STATE_CRITICAL, "order_change") == (worst.state, worst.intent)
        assert SYSTEM == event.author

    with started(tmp_path) as again:
        wait_until(lambda: [one.startswith(named) for one in again.status().alarms] == [True], "the warning again")
        assert 1 == again.status().threshold_revision
