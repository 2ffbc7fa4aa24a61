"""One draft that was decided again under one request: which of its decisions has its label, and which is looked at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, text

from oversight.storage.evidence_rows import Evidence, cell_of, draft_key

__all__ = ["find_others", "standing_back"]

_MOST = 20
"""Decisions on one draft that are looked at beside those that come: a caller may send one id with every message."""

_KEYS_A_LOOK = 100

Made = tuple[Row[Any], Evidence]
"""A decision, with the `DECISION_COLUMNS`, and what the evidence would hold of it, were it the only one."""


def find_others(connection: Connection, rows: Iterable[Row[Any]]) -> list[str]:
    """
    Return the ids of decisions in the evidence that are on the draft and the request of one of the *rows*.

    At most twenty for each draft: what was decided more often counts by itself.
    """
    keys = sorted({key for row in rows if (key := draft_key(row)) is not None})
    found: dict[str, None] = {}
    for start in range(0, len(keys), _KEYS_A_LOOK):
        some = keys[start : start + _KEYS_A_LOOK]
        looks = " UNION ALL ".join(_LOOK.format(number) for number in range(len(some)))
        values = {f"key_{number}": key for number, key in enumerate(some)}
        found |= dict.fromkeys(connection.scalars(text(looks), values))
    return list(found)


def standing_back(made: Iterable[Made]) -> set[str]:
    """
    Return the ids of those decisions for whose label, or for whose review, another one on the same draft stands.

    Of several labels of one draft the worst counts, once; of equals the last. Where nobody said anything, a review or
    audit is due once, for the last decision, if that one asks for no less.
    """
    drafts: dict[tuple[str, str], list[Made]] = defaultdict(list)
    for row, found in made:
        if row.draft_sha256 is not None:
            drafts[row.request_key, row.draft_sha256].append((row, found))
    return {
        found.decision_id
        for alike in drafts.values()
        for row, found in alike
        if any(_stands_for(one, (row, found)) for one in alike)
    }


def _stands_for(other: Made, one: Made) -> bool:
    (row, found), (other_row, other_found) = one, other
    loss, other_loss = found.label.loss, other_found.label.loss
    later = _moment(other_found) > _moment(found)
    if loss is not None:
        return other_loss is not None and (other_loss > loss or (other_loss == loss and later))
    # Whoever said anything has seen this one; and to ask again must not free anybody from what the first answer asked.
    asks_no_less = other_found.due_at_us is not None and other_row.tier >= row.tier
    return not found.said and later and asks_no_less and _likeness(row) == _likeness(other_row)


def _moment(found: Evidence) -> tuple[int, str]:
    return found.decided_at_us, found.decision_id


def _likeness(row: Row[Any]) -> Sequence[Any]:
    """Return by what an error of one decision counts where the other's does, but for the tier."""
    return *cell_of(row)._replace(tier=None), row.response_confidence


# A select each, so that each ends by itself; either database takes the index for it.
_LOOK = f"SELECT * FROM (SELECT decision_id FROM evidence WHERE draft_key = :key_{{0}} LIMIT {_MOST}) AS draft_{{0}}"  # noqa: S608 - our own names
