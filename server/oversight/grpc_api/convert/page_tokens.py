"""Page tokens: the place behind which a list goes on, and which filters it was made with."""

from __future__ import annotations

import base64
import binascii
import struct
from hashlib import blake2b
from typing import NamedTuple

from oversight.errors import InvalidRequestError

__all__ = ["LARGEST_PAGE", "PageTokens", "Place", "check_page_size"]

LARGEST_PAGE = 1_000
"""Most items of one page."""

_USUAL_PAGE = 50
_TOKEN = struct.Struct(">8sq16s")


class Place(NamedTuple):
    """The place of a decision in a list: a time in microseconds since 1970 (UTC), and its id."""

    at_us: int
    decision_id: str


class PageTokens:
    """
    Makes and reads the page tokens of one list with certain *filters*, whose text is the same for the same filters.

    A page token is the place of a page's last item and a hash of the filters, in base64: it keeps nothing secret, and
    says nothing that the list did not.
    """

    def __init__(self, filters: str) -> None:
        self._filters = blake2b(filters.encode(), digest_size=8).digest()

    def make(self, place: tuple[int, str] | None) -> str:
        """Return the token of the page behind *place*, empty where there is none."""
        if place is None:
            return ""
        at_us, decision_id = place
        packed = _TOKEN.pack(self._filters, at_us, bytes.fromhex(decision_id))
        return base64.urlsafe_b64encode(packed).decode()

    def read(self, token: str) -> Place | None:
        """Return the place in *token*, None where that is empty; raise `InvalidRequestError` for any other text."""
        if not token:
            return None
        try:
            filters, at_us, decision_id = _TOKEN.unpack(base64.b64decode(token, altchars=b"-_", validate=True))
        except (ValueError, binascii.Error, struct.error):
            raise InvalidRequestError("page_token", "expected a next_page_token of an earlier page") from None
        if filters != self._filters:
            raise InvalidRequestError(
                "page_token", "expected the same filters as for the page before: the token was made with others"
            )
        return Place(at_us, decision_id.hex())


def check_page_size(page_size: int) -> int:
    """Return how many items a page has at most: 50 unless asked otherwise; raise `InvalidRequestError` below 0."""
    if page_size < 0:
        raise InvalidRequestError("page_size", f"expected a number from 0, got {page_size}")
    return min(page_size or _USUAL_PAGE, LARGEST_PAGE)
