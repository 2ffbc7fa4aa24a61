"""The admin port over a folder of rules, with nothing behind it but policies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc

from desks import RuleFolder
from oversight.grpc_api.admin_server import build_admin_server
from oversight.grpc_api.insight_service import InsightUseCases
from oversight.policies import SnapshotSource, assemble_source, compile_source
from oversight.settings import Settings
from oversight.telemetry.counters import Counters
from oversight.v1 import policy_service_pb2 as pb
from oversight.v1 import policy_service_pb2_grpc
from servers import POLICY, write_policy

__all__ = ["BROKEN", "Port", "opened"]

UNUSED: Any = None
BROKEN = POLICY.format(version="2").replace("response_confidence: {", "responce_confidence: {")


class Port:
    """The admin port over a folder of rules, and a stub to call it."""

    def __init__(self, folder: Path) -> None:
        self.folder = RuleFolder(folder)
        self.server = build_admin_server(
            Settings(admin_listen="127.0.0.1:0"),
            insights=InsightUseCases(UNUSED, UNUSED, UNUSED, UNUSED),
            thresholds=UNUSED,
            policies=self.folder.desk,
            counters=Counters(),
            tracer=None,
        )
        self.target = f"127.0.0.1:{self.server.start()}"
        self.channel = grpc.insecure_channel(self.target, [("grpc.max_send_message_length", -1)])
        self.stub = policy_service_pb2_grpc.PolicyServiceStub(self.channel)

    def get(self, **fields: Any) -> pb.GetPolicyResponse:
        return self.stub.GetPolicy(pb.GetPolicyRequest(**fields), timeout=30)

    def versions(self, **fields: Any) -> pb.ListPolicyVersionsResponse:
        return self.stub.ListPolicyVersions(pb.ListPolicyVersionsRequest(**fields), timeout=30)

    def validate(self, files: dict[str, str], **fields: Any) -> pb.ValidatePolicyResponse:
        return self.stub.ValidatePolicy(pb.ValidatePolicyRequest(files=files, **fields), timeout=60)

    def reload(self) -> pb.ReloadPolicyResponse:
        return self.stub.ReloadPolicy(pb.ReloadPolicyRequest(), timeout=30)

    def publish(self, version: str) -> str:
        """Publish the small policy under another version, bring it into the store, and return the digest."""
        write_policy(self.folder.rules, version)
        digest = self.reload().digest
        self.folder.store()
        return digest

    def put(self, source: SnapshotSource) -> str:
        """Put a snapshot into the store as if it had been published, and return its digest."""
        blueprint, _ = compile_source(source)
        digest = assemble_source(source, blueprint).digest
        self.folder.snapshots.put_snapshot(digest, source.to_document())
        return digest

    def close(self) -> None:
        self.channel.close()
        self.server.stop(0)


@contextmanager
def opened(folder: Path) -> Iterator[Port]:
    """Yield an admin port over the small policy in *folder*."""
    port = Port(folder)
    yield port
    port.close()
