"""From status to error."""

from __future__ import annotations

import ast
import inspect

import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc import StatusCode

from oversight.v1.errors_pb2 import ErrorReason
from oversight_client import CallError, errors
from oversight_client.failures import ERRORS, ERRORS_BY_REASON, error_from_rpc, error_of_status
from unit.client.failing_channel import Failure

OURS = ErrorInfo(reason="INVALID_REQUEST", domain="oversight.dev", metadata={"field": "intent"})


def details(*messages: Message) -> tuple[tuple[str, bytes], ...]:
    """Return the trailer that carries *messages*."""
    packed = []
    for message in messages:
        packed.append(AnyMessage())
        packed[-1].Pack(message)
    return (("grpc-status-details-bin", Status(details=packed).SerializeToString()),)


def leaves(kind: type[Exception]) -> set[type[Exception]]:
    """Return the classes under *kind* that have none under them."""
    below = kind.__subclasses__()
    return set().union(*map(leaves, below)) if below else {kind}


@pytest.mark.parametrize("code", [code for code in StatusCode if code is not StatusCode.OK])
def test_every_status_is_an_error_of_the_tree(code):
    """Callers catch `CallError` and have caught everything."""
    error = error_from_rpc(Failure(code, "as told"))
    assert ERRORS.get(code, errors.ServiceError) is type(error)
    assert (code, "as told", "", "", {}, None) == (
        error.code,
        str(error),
        error.reason,
        error.field,
        error.metadata,
        error.retry_after_s,
    )


def test_every_call_error_has_an_origin():
    """An error that nothing raises is a promise that nothing keeps."""
    here = {errors.InvalidResponseError, errors.ClientClosedError, errors.ServiceError}
    assert leaves(CallError) == here | {*ERRORS.values(), *ERRORS_BY_REASON.values()}


def test_reasons_that_choose_an_error_exist():
    """A misspelt one would never be met."""
    assert {f"ERROR_REASON_{reason}" for reason in ERRORS_BY_REASON} <= set(ErrorReason.keys())


def test_the_tree_in_the_docstring_is_the_tree():
    """The docstring is what people read."""
    listed = [line.split()[1] for line in errors.__doc__.splitlines() if line.strip().startswith(("*", "x"))]
    classes = [node.name for node in ast.parse(inspect.getsource(errors)).body if isinstance(node, ast.ClassDef)]
    assert sorted(classes) == sorted(listed)
    assert sorted(classes) == sorted(errors.__all__)


def test_the_services_own_word_and_field_are_on_the_error():
    """Software reacts to the reason, people to the text."""
    error = error_from_rpc(Failure(StatusCode.INVALID_ARGUMENT, "intent: too long", details(RetryInfo(), OURS)))
    assert errors.InvalidRequestError is type(error)
    assert ("INVALID_REQUEST", "intent", {"field": "intent"}) == (error.reason, error.field, error.metadata)


def test_a_bad_request_names_the_field_too():
    """Other servers in between speak only the standard detail."""
    bad = BadRequest(field_violations=[BadRequest.FieldViolation(field="currency")])
    assert "currency" == error_from_rpc(Failure(StatusCode.INVALID_ARGUMENT, "no", details(bad))).field


def test_somebody_elses_word_is_not_ours():
    """A proxy's reason must not be taken for one of the service's."""
    theirs = ErrorInfo(reason="REQUEST_TOO_LARGE", domain="proxy.example", metadata={"field": "x"})
    error = error_from_rpc(Failure(StatusCode.RESOURCE_EXHAUSTED, "no", details(theirs)))
    assert (errors.OverloadedError, "", "") == (type(error), error.reason, error.field)


def test_a_message_too_large_is_told_from_overload():
    """One is mended by the caller, the other by waiting."""
    error = error_of_status(StatusCode.RESOURCE_EXHAUSTED, "5 MB", reason="REQUEST_TOO_LARGE")
    assert errors.RequestTooLargeError is type(error)


@pytest.mark.parametrize(("text", "seconds"), [("250", 0.25), ("0", 0.0), ("-1", -0.001), ("soon", -1.0)])
def test_a_pushback_is_read_in_seconds_and_an_unreadable_one_forbids(text, seconds):
    """GRFC A6 says so."""
    failure = Failure(StatusCode.RESOURCE_EXHAUSTED, "busy", (("grpc-retry-pushback-ms", text),))
    assert seconds == error_from_rpc(failure).retry_after_s


@pytest.mark.parametrize("data", [b"\xff\xff", "text"])
def test_details_that_cannot_be_read_leave_the_status(data):
    """Whatever sent them, the call failed and the status says how."""
    error = error_from_rpc(Failure(StatusCode.UNAVAILABLE, "", (("grpc-status-details-bin", data),)))
    assert (errors.UnavailableError, "UNAVAILABLE", "") == (type(error), str(error), error.reason)


def test_a_failure_without_a_status_is_unknown():
    """GRPC's types allow it, so it must not be an AttributeError in the caller's face."""
    assert StatusCode.UNKNOWN is error_from_rpc(Failure(None, "")).code  # type: ignore[arg-type]  # grpc may
