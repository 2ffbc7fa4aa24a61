"""Calls as bytes, for a program that sends and times them itself: no attempts, no fail-safe, no values made of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from google.protobuf.message import DecodeError
from grpc import StatusCode

from oversight.v1.decision_service_pb2 import BatchDecideRequest, BatchDecideResponse, DecideResponse
from oversight_client.convert import decide_request
from oversight_client.errors import InvalidResponseError

__all__ = ["BATCH_DECIDE", "DECIDE", "Answered", "Template", "batch_payload", "read_batch", "read_decision"]

DECIDE = "/oversight.v1.DecisionService/Decide"
BATCH_DECIDE = "/oversight.v1.DecisionService/BatchDecide"

_STATUS_NAMES = {code.value[0]: code.name for code in StatusCode if code is not StatusCode.OK}


class Answered(NamedTuple):
    """
    What a reply says of one message.

    `tier` and `evaluation` are the API's numbers. `error` is the status of an item that was not decided, empty where it
    was.
    """

    request_id: str
    tier: int
    evaluation: int
    recorded: bool
    error: str = ""


class Template:
    """
    One message that is sent again and again, each time under another id.

    *fields* are a request's; TypeError or ValueError names the wrong one.
    """

    def __init__(self, fields: Mapping[str, object]) -> None:
        self._message = decide_request(fields)
        self._confidence = self._message.response_confidence
        self._sentiment = self._message.sentiment_score

    @property
    def request_id(self) -> str:
        """The message's id."""
        return self._message.request_id

    def renew(self, request_id: str) -> None:
        """Give the message another id."""
        self._message.request_id = request_id

    def shift(self, confidence: float, sentiment: float) -> None:
        """Move response confidence and sentiment by so much from what they were at first, within their ranges."""
        self._message.response_confidence = min(1.0, max(0.0, self._confidence + confidence))
        self._message.sentiment_score = min(1.0, max(-1.0, self._sentiment + sentiment))

    def payload(self) -> bytes:
        """Return the DecideRequest as it is now."""
        return self._message.SerializeToString()

    def add_to(self, batch: BatchDecideRequest) -> None:
        """Add the request as it is now to *batch*."""
        batch.requests.append(self._message)


def batch_payload(templates: Iterable[Template]) -> bytes:
    """Return the BatchDecideRequest of *templates*, each as it is when its turn comes."""
    batch = BatchDecideRequest()
    for template in templates:
        template.add_to(batch)
    return batch.SerializeToString()


def read_decision(data: bytes) -> tuple[Answered, ...]:
    """Return what the DecideResponse *data* says; InvalidResponseError where it is none."""
    try:
        return (_answered(DecideResponse.FromString(data)),)
    except DecodeError as error:
        raise InvalidResponseError(f"the reply cannot be read: {error}") from error


def read_batch(data: bytes) -> tuple[Answered, ...]:
    """Return what the BatchDecideResponse *data* says of each item; InvalidResponseError where it is none."""
    try:
        results = BatchDecideResponse.FromString(data).results
    except DecodeError as error:
        raise InvalidResponseError(f"the reply cannot be read: {error}") from error
    return tuple(
        [
            _answered(result.response)
            if result.HasField("response")
            else Answered("", 0, 0, recorded=False, error=_STATUS_NAMES.get(result.error.code, "UNKNOWN"))
            for result in results
        ]
    )


def _answered(response: DecideResponse) -> Answered:
    return Answered(response.request_id, response.tier, response.evaluation, response.recorded)
