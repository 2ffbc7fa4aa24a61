"""Lists of records: filters and page tokens from protobuf, every field checked, and pages back."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from oversight.engine.decision import Evaluation, Tier
from oversight.errors import InvalidRequestError
from oversight.grpc_api.convert.checks import FieldCheck, check_choice, check_text, check_time
from oversight.grpc_api.convert.page_tokens import PageTokens, check_page_size
from oversight.grpc_api.convert.replies import found_to_proto
from oversight.grpc_api.convert.room import MOST_BYTES
from oversight.reading import FoundDecision
from oversight.storage.records import PageKey, RecordFilter, RecordPage
from oversight.v1 import insight_service_pb2 as pb

__all__ = ["ListQuery", "list_query", "page_to_proto"]

_is_digest = re.compile("[0-9a-f]{64}").fullmatch


def _check_digest(value: str) -> str:
    if _is_digest(value):
        return value
    raise InvalidRequestError("policy_digest", f"expected 64 lower-case hex digits, got {value[:80]!r}")


_CHECKS: Mapping[str, tuple[str, FieldCheck]] = {
    "tenant_id": ("tenant_id", check_text("tenant_id", 64)),
    "conversation_id": ("conversation_id", check_text("conversation_id", 128)),
    "subject_ref": ("subject_ref", check_text("subject_ref", 128)),
    "department": ("department", check_text("department", 64)),
    "intent": ("intent", check_text("intent", 128)),
    "tier": ("tier", check_choice("tier", [int(tier) for tier in Tier])),
    "policy_digest": ("policy_digest", _check_digest),
    "since": ("since_us", check_time("since")),
    "until": ("until_us", check_time("until")),
    "evaluation": ("evaluation", check_choice("evaluation", [int(one) for one in Evaluation])),
}


class ListQuery:
    """A checked request for a page: what is `wanted`, at most how many (`limit`), and behind which place (`after`)."""

    def __init__(self, wanted: RecordFilter, limit: int, token: str) -> None:
        self.wanted = wanted
        self.limit = limit
        self._tokens = PageTokens(repr(wanted))
        place = self._tokens.read(token)
        self.after = None if place is None else PageKey(*place)

    def token(self, place: PageKey | None) -> str:
        """Return the token of the page behind *place*, empty where there is none."""
        return self._tokens.make(place)


def list_query(message: pb.ListRecordsRequest) -> ListQuery:
    """Return the checked request; raise `InvalidRequestError` naming the first field that is wrong."""
    found: dict[str, Any] = {}
    for field, value in message.ListFields():
        if field.name in _CHECKS:
            name, check = _CHECKS[field.name]
            found[name] = check(value)
    return ListQuery(RecordFilter(**found), check_page_size(message.page_size), message.page_token)


def page_to_proto(page: RecordPage, token: Callable[[PageKey | None], str]) -> pb.ListRecordsResponse:
    """Return the page as a message, cut before it grows too large; *token* makes the next one's."""
    response = pb.ListRecordsResponse()
    size_bytes = 0
    for number, stored in enumerate(page.decisions):
        record = found_to_proto(FoundDecision(stored))
        size_bytes += record.ByteSize()
        if number and size_bytes > MOST_BYTES:
            response.next_page_token = token(_place(page, number - 1))
            return response
        response.records.append(record)
    response.next_page_token = token(page.following)
    return response


def _place(page: RecordPage, number: int) -> PageKey:
    stored = page.decisions[number]
    return PageKey(stored.request.decided_at_us, stored.decision.decision_id)
