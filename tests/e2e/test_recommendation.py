"""From labels to a proven threshold and back to decisions, on real messages with real errors."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import grpc
import pytest

from e2e.on_evidence import wait_for_evidence
from oversight.v1 import threshold_service_pb2 as pb
from oversight.v1 import threshold_service_pb2_grpc
from oversight_client import AdminClient, Client, Decision, Tier
from servers import ServerProcess, started, wait_until

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
MESSAGES = ROOT.parent / "shared" / "data" / "replay" / "messages.jsonl.gz"
TARGET = 0.05
LEARNT = range(5)
"""The folds whose labels are learnt from; the others are judged."""


@pytest.fixture(scope="module")
def messages() -> list[dict[str, Any]]:
    """Return the real messages, each with what a classifier took it for and whether it was right."""
    if not MESSAGES.exists():
        pytest.skip(f"there are no real messages at {MESSAGES}")
    with gzip.open(MESSAGES, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Return one server by the default policy, with its departments."""
    folder = tmp_path_factory.mktemp("recommendation")
    with started(folder, policy=ROOT / "policy_rules", loosening_needs_approval=False) as server:
        yield server


def decide_all(server: ServerProcess, messages: Sequence[dict[str, Any]], prefix: str) -> list[Decision]:
    """Return the decisions about the *messages*, in order."""
    with Client(server.target, timeout_s=60, on_unavailable="raise") as client:
        found = client.decide_many(
            {
                "request_id": f"{prefix}-{message['message_id']}",
                "department": message["department"],
                "intent": message["predicted_intent"],
                "intent_confidence": message["confidence"],
                "intent_runner_up_confidence": max(0.0, round(message["confidence"] - message["confidence_margin"], 6)),
                "response_confidence": message["confidence"],
                "sentiment_score": message["sentiment"],
                "model_version": "a",
            }
            for message in messages
        )
    decisions = [one for one in found if isinstance(one, Decision)]
    assert len(messages) == len(decisions)
    return decisions


def on_the_loop(decisions: Sequence[Decision], messages: Sequence[dict[str, Any]]) -> tuple[int, int]:
    """Return how many decisions are on the loop, and in how many of them the AI was wrong."""
    alone = [message for one, message in zip(decisions, messages, strict=True) if one.tier is Tier.HUMAN_ON_THE_LOOP]
    return len(alone), sum(not message["correct"] for message in alone)


def test_a_recommended_threshold_keeps_the_target_on_other_messages(
    server: ServerProcess, messages: list[dict[str, Any]]
) -> None:
    """Learn on one half, put in force what is proven, and judge on the other half."""
    learnt = [message for message in messages if message["fold"] in LEARNT]
    judged = [message for message in messages if message["fold"] not in LEARNT]
    decisions = decide_all(server, learnt, "learnt")
    with Client(server.target, timeout_s=60) as client:
        client.record_outcomes(
            {
                "outcome_id": one.decision_id,
                "decision_id": one.decision_id,
                "verdict": "approved" if message["correct"] else "rejected",
                "label_basis": "census",
            }
            for one, message in zip(decisions, learnt, strict=True)
        )
    before = on_the_loop(decide_all(server, judged, "before"), judged)
    with grpc.insecure_channel(server.admin_target) as channel:
        wait_for_evidence(server)
        stub = threshold_service_pb2_grpc.ThresholdServiceStub(channel)
        begun_s = time.monotonic()
        found = stub.RecommendThresholds(pb.RecommendThresholdsRequest(max_error=TARGET), timeout=120)
        took_s = time.monotonic() - begun_s
        again = stub.RecommendThresholds(pb.RecommendThresholdsRequest(max_error=TARGET), timeout=120)

    assert pb.CERTIFICATE_STATUS_CERTIFIED == found.status, found
    assert (found.threshold, found.digest, True) == (again.threshold, again.digest, again.stored)
    with AdminClient(server.admin_target, timeout_s=30) as admin:
        change = {"name": found.name, "value": found.threshold}
        revision = admin.update_thresholds([change], justification="proven by labels").revision
    wait_until(lambda: decide_all(server, judged[:1], "is it in force")[0].threshold_revision == revision, "the value")
    after = on_the_loop(decide_all(server, judged, "after"), judged)

    print(
        f"\n{found.threshold} is proven by {found.errors} errors in {found.n} labels, at most {found.upper_bound:.4f}; "
        f"value in force before: {found.value_in_force}; made in {took_s:.1f} s"
    )
    for name, (alone, wrong) in (("before", before), ("after", after)):
        print(f"{name}: {alone} of {len(judged)} on the loop ({alone / len(judged):.1%}), {wrong / alone:.2%} wrong")
    assert after[1] / after[0] <= TARGET
