"""The problems of a set of rule files, collected so that all are told at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from oversight.errors import InvalidPolicyError, Problem

__all__ = ["NOWHERE", "Place", "Report"]


class Place(NamedTuple):
    """Where something stands in a file; line and column count from 1, 0 is the file as a whole."""

    line: int
    column: int


NOWHERE = Place(0, 0)
"""The file as a whole."""


class Report:
    """Collects problems while rule files are read and checked."""

    def __init__(self) -> None:
        self._problems: set[Problem] = set()

    def error(self, file: str, place: Place, message: str, suggestion: str = "") -> None:
        """Add an error: the set will be refused."""
        self._problems.add(Problem(file, *place, message, suggestion))

    def warn(self, file: str, place: Place, message: str) -> None:
        """Add a warning: it is listed, the set stands."""
        self._problems.add(Problem(file, *place, message, severity="warning"))

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The errors by file and line."""
        return tuple(sorted(problem for problem in self._problems if problem.severity == "error"))

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """The warnings by file and line."""
        return tuple(sorted(problem for problem in self._problems if problem.severity == "warning"))

    def extend(self, problems: Iterable[Problem]) -> None:
        """Add *problems* that were found elsewhere."""
        self._problems.update(problems)

    def raise_errors(self) -> None:
        """Raise `InvalidPolicyError` with every error, if there is one."""
        if errors := self.errors:
            raise InvalidPolicyError(errors)
