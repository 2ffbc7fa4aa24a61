"""The labels behind error rates, counted for several splits in one look: what a rate of each would count in rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from sqlalchemy import Connection, text

from oversight.storage.evidence import Cell
from oversight.storage.evidence_places import given

__all__ = ["Groups", "Labels", "Place", "count_labels"]

_CELLS_A_LOOK = 500

Groups = Mapping[Cell, Sequence[int]]
"""The cells of each group."""


class Place(NamedTuple):
    """Where the settled decisions of a group end, and the least chance of any of them to be looked at."""

    end_us: int
    least: float


class Labels(NamedTuple):
    """What is counted in the rows of one cell; see `RateCounts`. The last three are those of one place."""

    labelled: int
    newest_label_us: int | None
    n: int
    errors: int
    missed: int


def count_labels(
    connection: Connection,
    times: Mapping[str, int],
    grouped: Sequence[Groups],
    places: Sequence[Mapping[Cell, Place]],
) -> list[dict[int, Labels]]:
    """Return, by split, what is counted in each cell with the place of its group; *times* are of the window and now."""
    # Groups of several splits are often in one place, and each place of a cell is as much work as all else of its rows.
    asked: dict[int, list[Place]] = defaultdict(list)
    for groups, of in zip(grouped, places, strict=True):
        for group, ids in groups.items():
            for cell_id in ids:
                if of[group] not in asked[cell_id]:
                    asked[cell_id].append(of[group])
    counted = _count(connection, times, asked)
    return [
        {
            cell_id: counted[cell_id, of[group]]
            for group, ids in groups.items()
            for cell_id in ids
            if (cell_id, of[group]) in counted
        }
        for groups, of in zip(grouped, places, strict=True)
    ]


def _count(
    connection: Connection, times: Mapping[str, int], asked: Mapping[int, list[Place]]
) -> dict[tuple[int, Place], Labels]:
    """Return what is counted in each cell with each of its places that are *asked* for; one without rows has none."""
    width = max(map(len, asked.values()), default=0)
    columns, statement = _statement(width)
    # A cell that is asked for fewer has its first place again.
    rows = [(cell_id, *chain(*of + of[:1] * (width - len(of)))) for cell_id, of in asked.items()]
    found: dict[tuple[int, Place], Labels] = {}
    for start in range(0, len(rows), _CELLS_A_LOOK):
        table, values = given("place", columns, rows[start : start + _CELLS_A_LOOK])
        for cell_id, labelled, newest_us, *counted in connection.execute(
            text(f"WITH {table} {statement}"), {**times, **values}
        ):
            for number, place in enumerate(asked[cell_id]):
                found[cell_id, place] = Labels(labelled, newest_us, *counted[3 * number : 3 * number + 3])
    return found


def _statement(places: int) -> tuple[dict[str, str], str]:
    """Return the columns of the table `place`, a pair for each of so many *places*, and what counts by them."""
    columns, sums = {"cell_id": "BIGINT"}, ""
    for number in range(places):
        columns |= {f"end_{number}": "BIGINT", f"least_{number}": "DOUBLE PRECISION"}
        # In the sample: settled, and kept with one and the same chance (`feedback.sampling.equal_probability`).
        sampled = (
            f"e.decided_at_us < place.end_{number} AND e.probability > 0"
            f" AND e.draw * e.probability < place.least_{number}"
        )
        sums += f""",
       SUM(CASE WHEN e.loss IS NOT NULL AND {sampled} THEN 1 ELSE 0 END),
       SUM(CASE WHEN e.loss = 1 AND {sampled} THEN 1 ELSE 0 END),
       SUM(CASE WHEN e.loss IS NULL AND e.due_at_us < :now_us AND {sampled} THEN 1 ELSE 0 END)"""
    # A cross join, so that SQLite goes from cells to their rows in the window, and not over all rows there are.
    statement = f"""
SELECT e.cell_id, COUNT(e.loss), MAX(e.labelled_at_us){sums}
  FROM place CROSS JOIN evidence e
 WHERE e.cell_id = place.cell_id AND e.decided_at_us >= :since_us AND e.decided_at_us < :until_us
 GROUP BY e.cell_id
"""  # noqa: S608 - our own names
    return columns, statement
