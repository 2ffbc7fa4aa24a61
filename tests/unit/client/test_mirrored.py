"""Values that mirror messages: every field, and nothing made up."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest

from oversight.v1 import policy_service_pb2 as pb
from oversight_client import PolicyProblem, ReloadedPolicy, ServerStatus, Severity, policy_values
from oversight_client.errors import InvalidResponseError
from oversight_client.mirrored import mirrored

MESSAGES = {
    "Policy": "GetPolicyResponse",
    "PolicyVersionPage": "ListPolicyVersionsResponse",
    "CheckedPolicy": "ValidatePolicyResponse",
    "ReloadedPolicy": "ReloadPolicyResponse",
    "ServerStatus": "GetStatusResponse",
}


@pytest.mark.parametrize("name", policy_values.__all__)
def test_a_value_has_each_field_of_its_message(name):
    """A field that is missing here cannot be read by anybody."""
    message = pb.DESCRIPTOR.message_types_by_name[MESSAGES.get(name, name)]
    fields = {field.name for field in dataclasses.fields(getattr(policy_values, name))}
    assert set(message.fields_by_name) == fields


def test_absent_is_none_and_not_zero():
    """A process that says nothing is not one that was heard of this moment."""
    message = pb.GetStatusResponse(
        processes=[pb.ProcessStatus(name="supervisor", pid=1), pb.ProcessStatus(name="controller", silent_s=0.0)],
        restarts={"worker-0": 2},
    )
    message.started_at.FromJsonString("2026-06-01T09:30:00Z")
    found = mirrored(ServerStatus, message)
    assert [None, 0.0] == [one.silent_s for one in found.processes]
    assert (None, datetime(2026, 6, 1, 9, 30, tzinfo=UTC), {"worker-0": 2}) == (
        *(found.state, found.started_at),
        found.restarts,
    )
    assert () == found.policy.policies, "a message that is absent is an empty one where it always comes"


def test_an_enum_of_a_newer_server_is_not_passed_over():
    """What is not understood may be what matters."""
    known = pb.PolicyProblem(file="a.yaml", line=1, column=2, message="wrong", severity=pb.SEVERITY_WARNING)
    assert Severity.WARNING is mirrored(PolicyProblem, known).severity
    newer = pb.ReloadPolicyResponse(problems=[pb.PolicyProblem(severity=9)])  # type: ignore[arg-type]  # that is the point
    with pytest.raises(InvalidResponseError, match="severity: 9 is no Severity; this client is older"):
        mirrored(ReloadedPolicy, newer)


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (PolicyProblem("a.yaml", 3, 5, "wrong", "right", Severity.ERROR), "a.yaml:3:5: wrong (did you mean 'right'?)"),
        (PolicyProblem("a.yaml", 0, 0, "wrong", "", Severity.ERROR), "a.yaml: wrong"),
    ],
)
def test_a_problem_reads_as_editors_expect(problem, text):
    """file:line:column opens at the place."""
    assert text == str(problem)
