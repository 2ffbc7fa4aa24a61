"""Constraints between thresholds, checked in every scope in which one of them has a value of its own."""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping

from oversight.engine.policy import Constraint, Policy, Threshold
from oversight.rules.policy_source import PolicySource
from oversight.rules.report import Place, Report
from oversight.rules.scalars import INT64
from oversight.rules.scopes import EVERYWHERE, FileValues, shared_scopes
from oversight.rules.suggest import suggest
from oversight.rules.wording import show_number

__all__ = ["check_constraints", "read_constraints"]

_CONSTRAINT = re.compile(r"\$?(\S+?)\s*(<=|>=|<|>)\s*\$?(\S+)")
_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)")
_OPERATORS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def read_constraints(
    source: PolicySource, thresholds: Mapping[str, Threshold], report: Report
) -> tuple[tuple[Constraint, Place], ...]:
    """Return the constraints of one policy file, each with its place; what is wrong goes to *report*."""
    known = thresholds.keys() | source.declared("thresholds")
    read = []
    for text, place in source.texts("constraints"):
        found = _CONSTRAINT.fullmatch(text.strip())
        if found is None:
            message = f"{text!r} is not a constraint; write two thresholds or numbers with <, <=, > or >= between them"
            report.error(source.file, place, message)
            continue
        left, sign, right = found.groups()
        sides = [_side(word, known) for word in (left, right)]
        for word, side in zip((left, right), sides, strict=True):
            if side is None:
                report.error(source.file, place, f"unknown threshold '{word}' in the constraint", suggest(word, known))
            elif isinstance(side, float) and abs(side) > INT64[-1]:
                message = f"a number in the constraint is beyond 64 bits: it must be at most {INT64[-1]}"
                report.error(source.file, place, message)
        if sides[0] is not None and sides[1] is not None:
            read.append((Constraint(sides[0], sign, sides[1], text), place))
    return tuple(read)


def _side(word: str, known: set[str]) -> str | float | None:
    if _NUMBER.fullmatch(word):
        return float(word)
    return word if word in known else None


def check_constraints(
    policy: Policy, own: tuple[tuple[Constraint, Place], ...], source: PolicySource, report: Report
) -> None:
    """Report every constraint, its own or a parent's, that the values of *policy* break in some scope."""
    places = dict(own)
    for constraint in policy.constraints:
        sides = [_values(side, policy.thresholds) for side in (constraint.left, constraint.right)]
        if sides[0] is None or sides[1] is None:
            continue
        holds = _OPERATORS[constraint.operator]
        for scope in shared_scopes(sides[0], sides[1]):
            left, right = sides[0].at(scope), sides[1].at(scope)
            if not holds(left.value, right.value):
                where = f" for {scope}" if scope != EVERYWHERE else ""
                values = f"{show_number(left.value)} and {show_number(right.value)}"
                message = f"the constraint '{constraint.text}' does not hold{where}: {values}"
                report.error(source.file, places.get(constraint) or source.place("thresholds"), message)
                break


def _values(side: str | float, thresholds: Mapping[str, Threshold]) -> FileValues | None:
    if isinstance(side, str):
        return FileValues(thresholds[side]) if side in thresholds else None
    return FileValues(Threshold("", "", side, side, side, "raise"))
