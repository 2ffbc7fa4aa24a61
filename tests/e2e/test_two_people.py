"""Roles and the second person, over the wire, with callers who are known by their tokens."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest

from e2e.test_authentication import create
from oversight.grpc_api.roles import ROLES
from oversight_client import AdminClient, PermissionDeniedError, RefusedError, UnauthenticatedError
from rpc.access_fakes import bearing
from servers import started, wait_until

ROLE_NAMES = ("decide", "record", "read", "policy", "admin", "approve", "stop")


def status_of(channel: grpc.Channel, method: str, token: str) -> str:
    """Return the status of an empty call of *method*."""
    send: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method)
    try:
        send(b"", timeout=10, metadata=bearing(token))
    except grpc.RpcError as error:
        return str(error.code().name)
    return "OK"


def test_every_method_is_for_those_with_its_role_alone(tmp_path: Path) -> None:
    """A token that leaks must be worth no more than what it was made for."""
    needing = {method: needs.role.value for method, needs in ROLES.items() if needs.role is not None}
    assert set(ROLE_NAMES) == set(needing.values())
    with started(tmp_path) as server:
        tokens = {role: create(server, f"only-{role}", role) for role in ROLE_NAMES}
        with (
            grpc.insecure_channel(server.target) as data,
            grpc.insecure_channel(server.admin_target) as admin,
        ):
            ports = {method: data if "Decision" in method or "Outcome" in method else admin for method in needing}
            # The last one made is known last, to both processes.
            last = tokens[ROLE_NAMES[-1]]
            probes = ("/oversight.v1.DecisionService/Decide", "/oversight.v1.ThresholdService/ListStops")
            wait_until(
                lambda: "UNAUTHENTICATED" not in {status_of(ports[probe], probe, last) for probe in probes},
                "the tokens to be taken",
            )
            refused = {
                (method, role): status_of(ports[method], method, tokens[role]) == "PERMISSION_DENIED"
                for method in needing
                for role in ROLE_NAMES
            }

    assert {pair: pair[1] != needing[pair[0]] for pair in refused} == refused


def test_what_loosens_waits_for_another_person(tmp_path: Path) -> None:
    """Neither its author nor somebody without the role can put it in force, and nobody twice."""
    with started(tmp_path, loosening_needs_approval=True) as server:
        ann, bob = create(server, "ann", "admin", "approve", "read"), create(server, "bob", "approve", "read")
        with (
            AdminClient(server.admin_target, token=ann, timeout_s=30) as author,
            AdminClient(server.admin_target, token=bob, timeout_s=30) as other,
        ):
            wait_until(lambda: is_taken(author) and is_taken(other), "the tokens to be taken")
            lower = {"policy": "contact_centre", "name": "autonomy_confidence", "value": 0.8}
            proposed = author.update_thresholds([lower], justification="Fewer reviews.")
            assert proposed.status is not None
            assert ("PENDING", 0.85) == (proposed.status.value, value_in_force(author))

            with pytest.raises(PermissionDeniedError, match=r"second person|another"):
                author.approve_threshold_change(proposed.revision, justification="Mine.")
            with pytest.raises(PermissionDeniedError, match="role admin"):
                other.update_thresholds([lower], justification="Mine, too.")
            assert 0.85 == value_in_force(author)

            other.approve_threshold_change(proposed.revision, justification="Seen the mix.")
            assert 0.8 == value_in_force(author)
            with pytest.raises(RefusedError):
                other.approve_threshold_change(proposed.revision, justification="Again.")


def is_taken(admin: AdminClient) -> bool:
    """Return whether the client's token is known to the server by now."""
    try:
        admin.list_stops()
    except UnauthenticatedError:
        return False
    return True


def value_in_force(admin: AdminClient) -> float:
    """Return the threshold's value for every message."""
    found = admin.get_thresholds(policy="contact_centre")
    return next(one.value for one in found.values if one.name == "autonomy_confidence")
