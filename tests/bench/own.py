"""Our own contenders: the floor, and the service as shipped."""

from __future__ import annotations

import contextlib
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import grpc

from bench.bodies import batch_of, request
from bench.contenders import Contender
from bench.figures import NotMeasuredError
from bench.machine import ROOT
from oversight.v1 import decision_pb2, decision_service_pb2_grpc

__all__ = ["BATCH_DECIDE", "DECIDE", "POLICY", "floor", "service"]

DECIDE = "oversight.v1.DecisionService/Decide"
BATCH_DECIDE = "oversight.v1.DecisionService/BatchDecide"
POLICY = ROOT / "policy_rules"
_ANSWERS_WITHIN_S = 60.0
_LOOPBACK = "127.0.0.1"


def floor() -> Contender:
    """Return the floor."""
    return Contender(
        name="floor",
        command=lambda ports, _: (sys.executable, "-P", str(Path(__file__).with_name("floor.py")), str(ports[0])),
        method=DECIDE,
        message=request().SerializeToString(),
        check=_check_floor,
    )


def service(
    name: str = "service",
    *,
    batch: int = 0,
    workers: int = 1,
    policy: Path = POLICY,
    message: bytes = b"",
    environment: Mapping[str, str] | None = None,
    **settings: object,
) -> Contender:
    """
    Return `oversight serve` with default settings but for *workers*, *policy* and *settings*, by their names.

    *batch* messages to a call, 0 for `Decide`; *message* is sent instead of the usual one.
    """
    given = {"workers": workers, "policy": policy, **settings}
    named = {f"OVERSIGHT_{setting.upper()}": str(value) for setting, value in given.items()}
    usual = batch_of(batch).SerializeToString() if batch else request().SerializeToString()
    return Contender(
        name=name,
        command=_serve,
        method=BATCH_DECIDE if batch else DECIDE,
        message=message or usual,
        check=lambda channel: _check_batch(channel, batch) if batch else _check_service(channel),
        count=_count_records,
        per_call=batch or 1,
        environment=named | dict(environment or {}),
    )


def _serve(ports: Sequence[int], folder: Path) -> Sequence[str]:
    listen = ("--listen", f"{_LOOPBACK}:{ports[0]}", "--admin-listen", f"{_LOOPBACK}:{ports[1]}")
    return (str(Path(sys.executable).with_name("oversight")), "serve", *listen, "--data-dir", str(folder / "data"))


def _check_floor(channel: grpc.Channel) -> None:
    reply = decision_service_pb2_grpc.DecisionServiceStub(channel).Decide(
        request(), timeout=_ANSWERS_WITHIN_S, wait_for_ready=True
    )
    if reply.tier != decision_pb2.TIER_HUMAN_IN_THE_LOOP or len(reply.reasons) != 2:
        raise NotMeasuredError(f"the floor's reply is not the canned one: {reply}")


def _check_service(channel: grpc.Channel) -> None:
    reply = decision_service_pb2_grpc.DecisionServiceStub(channel).Decide(
        request(), timeout=_ANSWERS_WITHIN_S, wait_for_ready=True
    )
    if not (reply.decision_id and reply.recorded and reply.tier == decision_pb2.TIER_HUMAN_IN_THE_LOOP):
        raise NotMeasuredError(f"the service's reply is not the decision expected: {reply}")


def _check_batch(channel: grpc.Channel, size: int) -> None:
    reply = decision_service_pb2_grpc.DecisionServiceStub(channel).BatchDecide(
        batch_of(size), timeout=_ANSWERS_WITHIN_S, wait_for_ready=True
    )
    if size != len({result.response.decision_id for result in reply.results if result.response.recorded}):
        raise NotMeasuredError(f"a batch of {size} came back with {len(reply.results)} results: {reply}"[:300])


def _count_records(folder: Path) -> int:
    """Return how many decisions the store has."""
    file = folder / "data" / "records.db"
    if not file.exists():
        return 0
    # As the product's readers do, see `ServerProcess.ask_store`.
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=rw", uri=True, timeout=10)) as store:
        return int(store.execute("SELECT count(*) FROM decisions").fetchone()[0])
