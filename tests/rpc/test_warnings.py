"""ListWarnings over the wire."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from oversight.decisions import Call
from oversight.errors import PermissionDeniedError
from oversight.feedback.signs import Finding, Sign, Standing, State
from oversight.grpc_api.admin_server import build_admin_server
from oversight.grpc_api.insight_service import InsightService, InsightUseCases
from oversight.insight.warnings import Warnings
from oversight.settings import Settings
from oversight.storage.sql import SqlStore
from oversight.storage.sqlite import file_url
from oversight.storage.warning_store import LastTest, SqlWarningStore, StoredWarning, WarningKey
from oversight.telemetry.counters import Counters
from oversight.v1 import insight_service_pb2 as pb
from oversight.v1 import insight_service_pb2_grpc
from refusals import refusal_of

NOW_US = 1_728_000_000_000_000
_UNUSED: Any = None


def a_warning(tenant_id: str, state: State, sign: Sign = Sign.CSAT_FALLS) -> StoredWarning:
    key = WarningKey(sign, tenant_id, "orders", "order_status")
    return StoredWarning(key, Standing(state, 5), Finding(sign, state, 120), "It fell.", NOW_US)


@pytest.fixture
def use_cases(tmp_path: Path) -> Iterator[InsightUseCases]:
    records = SqlStore(file_url(tmp_path / "records.db"), writer="w")
    store = SqlWarningStore(records)
    kept = [
        a_warning("acme", State.CRITICAL),
        a_warning("acme", State.OK, Sign.REVIEWS_SKIPPED),
        a_warning("other", State.WARN),
    ]
    store.put(kept, LastTest(20_000, NOW_US), after=LastTest())
    yield InsightUseCases(_UNUSED, _UNUSED, _UNUSED, Warnings(store, clock_us=lambda: NOW_US))
    records.close()


@pytest.fixture
def stub(use_cases: InsightUseCases) -> Iterator[insight_service_pb2_grpc.InsightServiceStub]:
    server = build_admin_server(
        Settings(admin_listen="127.0.0.1:0"),
        insights=use_cases,
        thresholds=_UNUSED,
        policies=_UNUSED,
        counters=Counters(),
        tracer=None,
    )
    with grpc.insecure_channel(f"127.0.0.1:{server.start()}") as channel:
        yield insight_service_pb2_grpc.InsightServiceStub(channel)
    server.stop(0)


def tenants(response: pb.ListWarningsResponse) -> list[str]:
    return [one.tenant_id for one in response.warnings]


def test_warnings_come_worst_first_with_when_they_were_tested(
    stub: insight_service_pb2_grpc.InsightServiceStub,
) -> None:
    """All of them only where that is asked for."""
    response = stub.ListWarnings(pb.ListWarningsRequest(), timeout=10)

    assert (["acme", "other"], NOW_US, "") == (
        *(tenants(response), response.tested_at.ToMicroseconds()),
        response.problem,
    )
    assert ["acme", "other", "acme"] == tenants(stub.ListWarnings(pb.ListWarningsRequest(all=True), timeout=10))
    filtered = pb.ListWarningsRequest(tenant_id="acme", sign=pb.WARNING_SIGN_REVIEWS_SKIPPED, all=True)
    assert [pb.WARNING_STATE_OK] == [one.state for one in stub.ListWarnings(filtered, timeout=10).warnings]


def test_a_wrong_field_is_named(stub: insight_service_pb2_grpc.InsightServiceStub) -> None:
    """Nobody has to guess what was wrong."""
    refusal = refusal_of(lambda: stub.ListWarnings(pb.ListWarningsRequest(sign=77), timeout=10))  # type: ignore[arg-type]

    assert (grpc.StatusCode.INVALID_ARGUMENT, "sign") == (refusal.code, refusal.field)


def test_a_caller_bound_to_a_tenant_sees_its_own(use_cases: InsightUseCases) -> None:
    """Another one's troubles are nobody's business."""
    service = InsightService(use_cases)
    bound = Call("gateway", "", 0, tenant_id="other")

    response = pb.ListWarningsResponse.FromString(service.list_warnings(pb.ListWarningsRequest(all=True), bound))

    assert ["other"] == tenants(response)
    with pytest.raises(PermissionDeniedError):
        service.list_warnings(pb.ListWarningsRequest(tenant_id="acme"), bound)
