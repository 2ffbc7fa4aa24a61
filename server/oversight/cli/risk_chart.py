"""Risk against coverage on a terminal: what the labels say about each value of a threshold."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from oversight_client import CandidateProof

__all__ = ["draw_risk", "highest_risk"]

_WIDTH, _HEIGHT = 60, 12
_TARGET, _BOUND, _SEEN, _UNTESTED, _CHOSEN = "─", "▲", "o", "·", "◆"
_STYLES = {_TARGET: "red", _BOUND: "yellow", _SEEN: "cyan", _UNTESTED: "dim", _CHOSEN: "bold green"}


def draw_risk(candidates: Sequence[CandidateProof], max_error: float, chosen: float | None) -> Text:
    """
    Return a chart: errors upwards, the share that goes out unreviewed to the right.

    For each candidate its upper bound and the errors seen, the chosen one marked, and the target as a line; what lies
    higher than there is room for is at the upper edge.
    """
    highest = highest_risk(candidates, max_error)
    rows = [[" "] * (_WIDTH + 1) for _ in range(_HEIGHT + 1)]
    rows[_row(max_error, highest)] = [_TARGET] * (_WIDTH + 1)
    for one in candidates:
        column = round(one.autonomy * _WIDTH)
        if one.n:
            rows[_row(_seen(one), highest)][column] = _SEEN
        rows[_row(one.upper_bound, highest)][column] = _mark(one, chosen)
    text = Text("\n")
    for number, row in enumerate(rows):
        marked = number % 3 == 0
        label = f"{(1 - number / _HEIGHT) * highest:7.1%} ┤" if marked else " " * 8 + "│"
        text.append(label)
        for cell in row:
            text.append(cell, _STYLES.get(cell, ""))
        text.append("\n")
    text.append(" " * 8 + "└" + "─" * (_WIDTH + 1) + "\n")
    text.append(" " * 8 + f"0 %{'50 %':>{_WIDTH // 2 - 1}}{'100 %':>{_WIDTH // 2}}\n")
    text.append("        to the right: the share that goes out unreviewed; upwards: wrong\n")
    legend = [(_BOUND, "upper bound"), (_UNTESTED, "not tested"), (_SEEN, "errors seen"), (_TARGET, "target")]
    if chosen is not None:
        legend.insert(0, (_CHOSEN, f"certified ({chosen:.6g})"))
    for mark, meaning in legend:
        text.append("        " if mark == legend[0][0] else "  ")
        text.append(mark, _STYLES[mark])
        text.append(f" {meaning}")
    return text.append("\n")


def highest_risk(candidates: Sequence[CandidateProof], max_error: float) -> float:
    """
    Return how high a chart goes: room for the target and for what was tested.

    The bound of a value with hardly a label is near 1; with room for that, nothing else could be told apart.
    """
    tested = [max(one.upper_bound, _seen(one)) for one in candidates if one.tested]
    return min(1.0, 1.25 * max(2 * max_error, *tested, 0.0))


def _mark(one: CandidateProof, chosen: float | None) -> str:
    if one.threshold == chosen:
        return _CHOSEN
    return _BOUND if one.tested else _UNTESTED


def _seen(one: CandidateProof) -> float:
    return one.errors / one.n if one.n else 0.0


def _row(value: float, highest: float) -> int:
    return _HEIGHT - round(min(1.0, value / highest) * _HEIGHT)
