"""A server as shipped that is sent whatever there is, and an account of what that may have changed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from drawn_messages import Rpc, all_rpcs
from oversight.v1 import decision_service_pb2, outcome_service_pb2
from servers import ServerProcess, wait_until

_TIMEOUT_S = 60.0
_READS = ("Get", "List", "Validate", "Preview", "Recommend")
_RECORDS = ("oversight.v1.DecisionService", "oversight.v1.OutcomeService")


class Account(NamedTuple):
    """What a server holds that calls may change: the digest in force, and the ids on record."""

    digest: str
    decisions: frozenset[str]
    outcomes: frozenset[str]


class Size(NamedTuple):
    """What a process takes: memory in bytes, and open files with sockets."""

    rss_bytes: int
    files: int


class FuzzedServer:
    """Sends bytes to every method of *server*, and keeps what the replies promised."""

    def __init__(self, server: ServerProcess) -> None:
        self.server = server
        self.addresses = (server.target, server.admin_target)
        options = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
        self.channels = [grpc.insecure_channel(address, options) for address in self.addresses]
        self.ports = {name: channel for channel in self.channels for name in _served(channel)}
        self.pids = self.processes()
        self.digest = server.status().digest
        self.calls = 0
        self.statuses: dict[str, int] = {}
        self.decided: set[str] = set()
        self.reported: set[str] = set()
        self.changes: list[str] = []
        """Calls that were answered and may have changed what is in force."""

    def call(self, rpc: Rpc, data: bytes) -> grpc.StatusCode:
        """Send *data* to the method, and return the status; one that the method does not declare fails."""
        send: grpc.UnaryUnaryMultiCallable[bytes, bytes] = self.ports[rpc.service].unary_unary(rpc.path)
        try:
            reply = send(data, timeout=_TIMEOUT_S)
        except grpc.RpcError as error:
            code: grpc.StatusCode = error.code()
            assert code.name in rpc.declared, f"{rpc.path} ended with {code.name}, of which its comment says nothing"
        else:
            code = grpc.StatusCode.OK
            self._note(rpc, reply)
        self.calls += 1
        self.statuses[code.name] = self.statuses.get(code.name, 0) + 1
        return code

    def call_without_message(self, rpc: Rpc) -> grpc.StatusCode:
        """End the call before there is a message."""
        send: grpc.StreamUnaryMultiCallable[bytes, bytes] = self.ports[rpc.service].stream_unary(rpc.path)
        try:
            send(iter(()), timeout=_TIMEOUT_S)
        except grpc.RpcError as error:
            return error.code()
        return grpc.StatusCode.OK

    def _note(self, rpc: Rpc, reply: bytes) -> None:
        message = rpc.response.FromString(reply)
        name = rpc.descriptor.name
        if isinstance(message, decision_service_pb2.DecideResponse):
            self.decided.add(message.decision_id)
        elif isinstance(message, decision_service_pb2.BatchDecideResponse):
            self.decided |= {one.response.decision_id for one in message.results if one.HasField("response")}
        elif isinstance(message, outcome_service_pb2.RecordOutcomeResponse):
            self.reported.add(message.outcome_id)
        elif isinstance(message, outcome_service_pb2.BatchRecordOutcomesResponse):
            self.reported |= {one.response.outcome_id for one in message.results if one.HasField("response")}
        elif (
            rpc.service not in _RECORDS and not name.startswith(_READS) and name not in ("ReloadPolicy", "EraseSubject")
        ):
            self.changes.append(f"{rpc.path} {message}"[:300])

    def account(self) -> Account:
        """Return what the server holds, when nothing is on its way to the store any more."""
        known = [len(self.decided), len(self.reported)]
        wait_until(lambda: self._counts() >= known and not self.server.status().pending_records, "the drain", 120)
        ids = [
            frozenset(row[0] for row in self.server.ask_store(f"SELECT {column} FROM {table}"))  # noqa: S608 - both are ours
            for column, table in (("decision_id", "decisions"), ("outcome_id", "outcomes"))
        ]
        return Account(self.server.status().digest, *ids)

    def _counts(self) -> list[int]:
        counts = [
            self.server.ask_store(statement)[0][0]
            for statement in ("SELECT count(*) FROM decisions", "SELECT count(DISTINCT outcome_id) FROM outcomes")
        ]
        # Both or neither: lists compare by their first item alone.
        return counts if counts[1] >= len(self.reported) else [-1, -1]

    def processes(self) -> dict[str, int]:
        """Return the process ids by name."""
        return {process.name: process.pid for process in self.server.status().processes}

    def sizes(self) -> Mapping[str, Size]:
        """Return what each process takes now, by name."""
        return {name: _size(pid) for name, pid in self.processes().items()}

    def close(self) -> None:
        for channel in self.channels:
            channel.close()


def _size(pid: int) -> Size:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return Size(pages * os.sysconf("SC_PAGE_SIZE"), len(list(Path(f"/proc/{pid}/fd").iterdir())))


def _served(channel: grpc.Channel) -> list[str]:
    """Return the services at the other end, as it says itself."""
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    [answer] = stub.ServerReflectionInfo(
        iter([reflection_pb2.ServerReflectionRequest(list_services="")]), timeout=_TIMEOUT_S, wait_for_ready=True
    )
    return [service.name for service in answer.list_services_response.service]


def missing_services(fuzzed: FuzzedServer) -> set[str]:
    """Return services of the package that neither port serves."""
    return {rpc.service for rpc in all_rpcs()} - fuzzed.ports.keys()
