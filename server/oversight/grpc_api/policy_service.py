"""PolicyService: GetPolicy, ListPolicyVersions, ValidatePolicy, ReloadPolicy, GetStatus."""

from __future__ import annotations

from oversight.decisions import Call
from oversight.grpc_api.answering import Answering
from oversight.grpc_api.call_loop import Method, ReadingPool
from oversight.grpc_api.convert.policies import (
    VersionsQuery,
    checked_to_proto,
    policy_query,
    policy_to_proto,
    reloaded_to_proto,
    rule_files,
    versions_to_proto,
)
from oversight.grpc_api.convert.server_status import status_to_proto
from oversight.policy_desk import PolicyDesk
from oversight.v1 import policy_service_pb2 as pb

__all__ = ["PolicyService"]


class PolicyService:
    """Reads and checks policies, and says how the server is doing."""

    NAME = pb.DESCRIPTOR.services_by_name["PolicyService"].full_name

    def __init__(self, desk: PolicyDesk) -> None:
        self._desk = desk

    def methods(self, answering: Answering, reads: ReadingPool) -> list[Method]:
        """Return the service's methods; all of them run in *reads*."""
        return [
            answering.method(f"/{self.NAME}/GetPolicy", pb.GetPolicyRequest.FromString, self.get_policy, reads),
            answering.method(
                f"/{self.NAME}/ListPolicyVersions",
                pb.ListPolicyVersionsRequest.FromString,
                self.list_policy_versions,
                reads,
            ),
            answering.method(
                f"/{self.NAME}/ValidatePolicy", pb.ValidatePolicyRequest.FromString, self.validate_policy, reads
            ),
            answering.method(
                f"/{self.NAME}/ReloadPolicy", pb.ReloadPolicyRequest.FromString, self.reload_policy, reads
            ),
            answering.method(f"/{self.NAME}/GetStatus", pb.GetStatusRequest.FromString, self.get_status, reads),
        ]

    def get_policy(self, request: pb.GetPolicyRequest, call: Call) -> bytes:  # noqa: ARG002 - every method's signature
        """Return one policy."""
        name, digest = policy_query(request)
        return policy_to_proto(self._desk.get_policy(name, digest), request.view).SerializeToString()

    def list_policy_versions(self, request: pb.ListPolicyVersionsRequest, call: Call) -> bytes:  # noqa: ARG002 - likewise
        """Return one page of snapshots."""
        query = VersionsQuery(request)
        versions, following = self._desk.list_versions(query.limit, query.after)
        return versions_to_proto(versions, following, self._desk.digest).SerializeToString()

    def validate_policy(self, request: pb.ValidatePolicyRequest, call: Call) -> bytes:  # noqa: ARG002 - likewise
        """Check rule files."""
        files, default_policy = rule_files(request)
        return checked_to_proto(self._desk.check(files, default_policy)).SerializeToString()

    def reload_policy(self, request: pb.ReloadPolicyRequest, call: Call) -> bytes:  # noqa: ARG002 - likewise
        """Look at the folder of rule files."""
        return reloaded_to_proto(self._desk.reload()).SerializeToString()

    def get_status(self, request: pb.GetStatusRequest, call: Call) -> bytes:  # noqa: ARG002 - likewise
        """Say how the server is doing."""
        return status_to_proto(self._desk.status()).SerializeToString()
