"""Insights: filters, groups and pages asked for in protobuf, every field checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from oversight.engine.decision import Tier
from oversight.errors import InvalidRequestError
from oversight.feedback.facts import LabelBasis
from oversight.grpc_api.convert.checks import FieldCheck, check_choice, check_text, check_time
from oversight.grpc_api.convert.page_tokens import PageTokens, check_page_size
from oversight.storage.evidence import CellFilter, EvidenceKey, Split
from oversight.v1 import insight_service_pb2 as pb

__all__ = ["PageQuery", "check_level", "corrections_query", "due_query", "filter_from_proto", "split_from_proto"]

_LEAST_LEVEL = 1e-6
_CHECKS: Mapping[str, tuple[str, Callable[[str], FieldCheck]]] = {
    "tenant_id": ("tenant_id", lambda field: check_text(field, 64)),
    "department": ("department", lambda field: check_text(field, 64)),
    "intent": ("intent", lambda field: check_text(field, 128)),
    "tier": ("tier", lambda field: check_choice(field, [int(tier) for tier in Tier])),
    "model_version": ("model_version", lambda field: check_text(field, 128)),
    "since": ("since_us", check_time),
    "until": ("until_us", check_time),
}
_SPLITS: Mapping[int, Split] = {
    pb.DIMENSION_TENANT: Split.TENANT,
    pb.DIMENSION_DEPARTMENT: Split.DEPARTMENT,
    pb.DIMENSION_INTENT: Split.INTENT,
    pb.DIMENSION_TIER: Split.TIER,
    pb.DIMENSION_MODEL_VERSION: Split.MODEL_VERSION,
}
_check_dimension = check_choice("group_by", _SPLITS)
_TIER_OF_BASIS = {
    int(LabelBasis.REVIEW): int(Tier.HUMAN_IN_THE_LOOP),
    int(LabelBasis.AUDIT): int(Tier.HUMAN_ON_THE_LOOP),
}
_check_basis = check_choice("label_basis", _TIER_OF_BASIS)


class PageQuery:
    """A checked request for a page: what is `wanted`, at most how many (`limit`), and behind which place (`after`)."""

    def __init__(self, wanted: CellFilter, others: object, page_size: int, token: str) -> None:
        """Take what is *wanted*, the *others* of the list's filters, and what the message says of the page."""
        self.wanted = wanted
        self.limit = check_page_size(page_size)
        self._tokens = PageTokens(repr((wanted, others)))
        place = self._tokens.read(token)
        self.after = None if place is None else EvidenceKey(*place)

    def token(self, place: EvidenceKey | None) -> str:
        """Return the token of the page behind *place*, empty where there is none."""
        return self._tokens.make(place)


def filter_from_proto(message: pb.InsightFilter) -> CellFilter:
    """Return the checked filter; raise `InvalidRequestError` naming the first field that is wrong."""
    wanted = CellFilter(**_checked(message, "filter."))
    if wanted.since_us is not None and wanted.until_us is not None and wanted.since_us >= wanted.until_us:
        raise InvalidRequestError("filter.since", "expected a time before filter.until")
    return wanted


def split_from_proto(dimensions: Sequence[int], usual: Sequence[Split]) -> tuple[Split, ...]:
    """Return by what an answer is split, each dimension once; *usual* where none is named."""
    return tuple(dict.fromkeys(_SPLITS[_check_dimension(one)] for one in dimensions)) or tuple(usual)


def check_level(field: str, value: float) -> float:
    """Return an error rate or a confidence; raise `InvalidRequestError` where it is not well between 0 and 1."""
    if _LEAST_LEVEL <= value <= 1 - _LEAST_LEVEL:
        return value
    text = f"expected a number between 0 and 1 (at least {_LEAST_LEVEL:f} from either), got {value}"
    raise InvalidRequestError(field, text)


def due_query(message: pb.ListDueAuditsRequest) -> PageQuery:
    """Return the checked request for a page of reviews and audits that are due."""
    wanted = CellFilter(**_checked(message, ""))
    if message.label_basis:
        wanted = wanted._replace(tier=_TIER_OF_BASIS[_check_basis(message.label_basis)])
    return PageQuery(wanted, message.overdue, message.page_size, message.page_token)


def corrections_query(message: pb.ListCorrectionsRequest) -> PageQuery:
    """Return the checked request for a page of corrections."""
    return PageQuery(filter_from_proto(message.filter), "corrections", message.page_size, message.page_token)


def _checked(message: Any, prefix: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field, value in message.ListFields():
        if field.name in _CHECKS:
            name, check = _CHECKS[field.name]
            found[name] = check(f"{prefix}{field.name}")(value)
    return found
