"""Lists of records: filters and page tokens from protobuf, every field checked, and pages back."""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any

from oversight.engine.decision import Evaluation, Tier
from oversight.errors import InvalidRequestError
from oversight.grpc_api.convert.checks import FieldCheck, check_choice, check_text, check_time
from oversight.grpc_api.convert.replies import found_to_proto
from oversight.reading import FoundDecision
from oversight.storage.records import PageKey, RecordFilter, RecordPage
from oversight.v1 import insight_service_pb2 as pb

__all__ = ["LARGEST_PAGE", "ListQuery", "list_query", "page_to_proto"]

LARGEST_PAGE = 1_000
"""Most records of one page."""

_USUAL_PAGE = 50
_MAX_PAGE_BYTES = 3 * 1024 * 1024
"""gRPC's clients take 4 MiB unless told otherwise."""

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
    """
    A checked request for a page: what is `wanted`, at most how many (`limit`), and behind which place (`after`).

    A page token is the place of a page's last record and a hash of the filters, in base64: it keeps nothing secret, and
    says nothing that the list did not.
    """

    def __init__(self, wanted: RecordFilter, limit: int, token: str) -> None:
        self.wanted = wanted
        self.limit = limit
        self._filters = blake2b(repr(wanted).encode(), digest_size=8).digest()
        self.after = self._read(token) if token else None

    def token(self, place: PageKey | None) -> str:
        """Return the token of the page behind *place*, empty where there is none."""
        if place is None:
            return ""
        packed = _TOKEN.pack(self._filters, place.decided_at_us, bytes.fromhex(place.decision_id))
        return base64.urlsafe_b64encode(packed).decode()

    def _read(self, token: str) -> PageKey:
        try:
            filters, decided_at_us, decision_id = _TOKEN.unpack(base64.b64decode(token, altchars=b"-_", validate=True))
        except (ValueError, binascii.Error, struct.error):
            raise InvalidRequestError("page_token", "expected a next_page_token of an earlier page") from None
        if filters != self._filters:
            raise InvalidRequestError(
                "page_token", "expected the same filters as for the page before: the token was made with others"
            )
        return PageKey(decided_at_us, decision_id.hex())


_TOKEN = struct.Struct(">8sq16s")


def list_query(message: pb.ListRecordsRequest) -> ListQuery:
    """Return the checked request; raise `InvalidRequestError` naming the first field that is wrong."""
    found: dict[str, Any] = {}
    for field, value in message.ListFields():
        if field.name in _CHECKS:
            name, check = _CHECKS[field.name]
            found[name] = check(value)
    if message.page_size < 0:
        raise InvalidRequestError("page_size", f"expected a number from 0, got {message.page_size}")
    limit = min(message.page_size or _USUAL_PAGE, LARGEST_PAGE)
    return ListQuery(RecordFilter(**found), limit, message.page_token)


def page_to_proto(page: RecordPage, token: Callable[[PageKey | None], str]) -> pb.ListRecordsResponse:
    """Return the page as a message, cut before it grows too large; *token* makes the next one's."""
    response = pb.ListRecordsResponse()
    size_bytes = 0
    for number, stored in enumerate(page.decisions):
        record = found_to_proto(FoundDecision(stored))
        size_bytes += record.ByteSize()
        if number and size_bytes > _MAX_PAGE_BYTES:
            response.next_page_token = token(_place(page, number - 1))
            return response
        response.records.append(record)
    response.next_page_token = token(page.following)
    return response


def _place(page: RecordPage, number: int) -> PageKey:
    stored = page.decisions[number]
    return PageKey(stored.request.decided_at_us, stored.decision.decision_id)
