"""What a reply waits for (setting `record_sync`), seen from the kernel."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from e2e.system_calls import read_calls, traced, was_synced_before_it_left
from oversight.v1 import decision_service_pb2, decision_service_pb2_grpc
from servers import ServerProcess, a_request, started

CALLERS = 8


def decided(server: ServerProcess) -> set[str]:
    """Return the ids of decisions made by several callers at once, one by one and in batches."""
    stub = decision_service_pb2_grpc.DecisionServiceStub(server.channel())

    def ask(caller: int) -> list[str]:
        ids = [server.decide(f"r{caller}-{number}").decision_id for number in range(5)]
        batch = [a_request(f"b{caller}-{number}") for number in range(3)]
        reply = stub.BatchDecide(decision_service_pb2.BatchDecideRequest(requests=batch), timeout=10)
        return ids + [result.response.decision_id for result in reply.results]

    with ThreadPoolExecutor(CALLERS) as callers:
        return {decision_id for ids in callers.map(ask, range(CALLERS)) for decision_id in ids}


def test_no_reply_leaves_before_its_record_is_on_the_disk(tmp_path: Path) -> None:
    """The promise for a loss of power (P2), for each of the replies."""
    with started(tmp_path, record_sync="always") as server, traced(server.worker_pid(), tmp_path) as finish:
        ids = decided(server)
        calls = finish()

    assert CALLERS * 8 == len(ids)
    assert ids == {decision_id for decision_id in ids if was_synced_before_it_left(calls, decision_id)}
    syncs = [call for call in calls if call.name == "fdatasync"]
    assert len(syncs) < CALLERS * 6, "callers share syncs"
    folders = {Path(call.path).name for call in calls if call.name == "fsync" and call.ended < syncs[0].ended}
    assert {"worker-0", "journal", "data"} <= folders, "the segment has its name on the disk, too"


def test_by_default_nothing_is_synced(tmp_path: Path) -> None:
    """A sync takes longer than everything else; and what is observed above can be seen to be absent."""
    with started(tmp_path) as server, traced(server.worker_pid(), tmp_path) as finish:
        ids = decided(server)
        calls = finish()

    assert [] == [call for call in calls if call.name in ("fdatasync", "fsync")]
    assert set() == {decision_id for decision_id in ids if was_synced_before_it_left(calls, decision_id)}


WRITTEN = '11 write(7</d/1.journal>, "..id..", 6) = 6'
SYNCED = "12 fdatasync(7</d/1.journal>) = 0"
BEGUN, DONE = "12 fdatasync(7</d/1.journal> <unfinished ...>", "12 <... fdatasync resumed>) = 0"
SENT = '11 sendmsg(9<socket:[1]>, {msg_iov=[{iov_base="..id..", iov_len=6}]}, 0) = 6'


@pytest.mark.parametrize(
    ("trace", "expected"),
    [
        ([WRITTEN, SYNCED, SENT], True),
        ([WRITTEN, BEGUN, DONE, SENT], True),
        ([WRITTEN, SENT], False),
        ([WRITTEN, SENT, SYNCED], False),
        ([SYNCED, WRITTEN, SENT], False),
        ([BEGUN, WRITTEN, DONE, SENT], False),
        ([WRITTEN, BEGUN, SENT, DONE], False),
        ([WRITTEN, SYNCED.replace("1.journal", "2.journal"), SENT], False),
        ([WRITTEN, SYNCED.replace("= 0", "= -1 EIO (Input/output error)"), SENT], False),
    ],
)
def test_the_observation_can_fail(trace: list[str], expected: bool) -> None:
    """One that sees a sync in anything would show nothing."""
    assert expected == was_synced_before_it_left(read_calls("\n".join(trace)), "id")
