"""How the warning signs stand, in the records' database: written whole once a day, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from oversight.feedback.signs import Finding, Sign, Standing, State
from oversight.storage.evidence_feed import RecordDatabase
from oversight.storage.warning_tables import feedback_marks, warnings

__all__ = ["LastTest", "Mark", "SqlWarningStore", "SqlWarnings", "StoredWarning", "WarningKey"]

_TESTED = "signs"
_FIGURES = ("n", "value", "low", "high", "baseline", "p_value", "e_value")
_DEPARTMENT, _INTENT, _RULE = "DEPARTMENT", "INTENT", "RULE"


class WarningKey(NamedTuple):
    """Which sign of which place; `intent` and `rule_id` are None where the warning is about the whole department."""

    sign: Sign
    tenant_id: str
    department: str
    intent: str | None = None
    rule_id: str | None = None


class StoredWarning(NamedTuple):
    """
    One sign in one place: how it stands, and what the last test found by itself.

    `message` says in words what happened and what to do. `tested_at_us` is when it was tested, in microseconds since
    1970 (UTC).
    """

    key: WarningKey
    standing: Standing
    finding: Finding
    message: str
    tested_at_us: int


class LastTest(NamedTuple):
    """
    The last test of all signs.

    `day` counts from 1970 (UTC), `at_us` is when it was done; None where there was none yet. `problem` says why a later
    one could not be done, or is empty.
    """

    day: int | None = None
    at_us: int | None = None
    problem: str = ""


class Mark(NamedTuple):
    """What a part of the feedback loop remembers between two looks: a JSON object, and when it was written."""

    at_us: int
    document: Mapping[str, Any]


class SqlWarnings:
    """
    How the signs stand, to be read.

    *reading* gives a connection for one read, None where there is no database yet; reads raise `StoreUnavailableError`.
    """

    def __init__(self, reading: Callable[[], AbstractContextManager[Connection | None]]) -> None:
        self._reading = reading

    def list_warnings(
        self, tenant_id: str | None = None, department: str | None = None, sign: Sign | None = None
    ) -> list[StoredWarning]:
        """Return the warnings that meet every argument that is not None, in the order of their keys."""
        wanted = {warnings.c.tenant_id: tenant_id, warnings.c.department: department, warnings.c.sign: sign}
        conditions = [column == value for column, value in wanted.items() if value is not None]
        with self._reading() as connection:
            if connection is None:
                return []
            rows = connection.execute(select(warnings).where(*conditions)).mappings().all()
        return sorted(map(_from_row, rows), key=lambda one: tuple(map(str, one.key)))

    def tested(self) -> LastTest:
        """Return when the signs were last tested."""
        mark = self.mark(_TESTED)
        return LastTest() if mark is None else _tested(mark)

    def mark(self, name: str) -> Mark | None:
        """Return the mark of this *name*, None where there is none."""
        with self._reading() as connection:
            return None if connection is None else _read_mark(connection, name)


class SqlWarningStore(SqlWarnings):
    """The same, to be written too, in the *database* of the records."""

    def __init__(self, database: RecordDatabase) -> None:
        super().__init__(database.reading)
        self._database = database

    def put(self, found: Sequence[StoredWarning], tested: LastTest, *, after: LastTest) -> bool:
        """
        Replace all warnings by those *found*, in one transaction, if the last test is still the one *after* which.

        Returns False, with nothing changed, where another process has tested meanwhile. Raises `StoreUnavailableError`.
        """

        def work(connection: Connection) -> bool:
            mark = _read_mark(connection, _TESTED)
            if (LastTest() if mark is None else _tested(mark)).day != after.day:
                return False
            _write_mark(connection, _TESTED, tested.at_us or 0, _as_document(tested))
            connection.execute(delete(warnings))
            if found:
                connection.execute(insert(warnings), [_to_row(one) for one in found])
            return True

        return self._database.writing(work)

    def note_problem(self, problem: str, now_us: int) -> None:
        """Note why the signs could not be tested, or that they can (""); how they stood stays. May raise as `put`."""

        def work(connection: Connection) -> None:
            mark = _read_mark(connection, _TESTED)
            tested = LastTest() if mark is None else _tested(mark)
            _write_mark(connection, _TESTED, now_us, _as_document(tested._replace(problem=problem)))

        self._database.writing(work)

    def set_mark(self, name: str, mark: Mark) -> None:
        """Write the *mark* of this *name*. Raises `StoreUnavailableError`."""
        self._database.writing(lambda connection: _write_mark(connection, name, *mark))


def _read_mark(connection: Connection, name: str) -> Mark | None:
    row = connection.execute(select(feedback_marks).where(feedback_marks.c.name == name)).one_or_none()
    return None if row is None else Mark(row.at_us, json.loads(row.document))


def _write_mark(connection: Connection, name: str, at_us: int, document: Mapping[str, Any]) -> None:
    values = {"at_us": at_us, "document": json.dumps(document)}
    changed = connection.execute(update(feedback_marks).where(feedback_marks.c.name == name).values(values))
    if not changed.rowcount:
        connection.execute(insert(feedback_marks).values(name=name, **values))


def _tested(mark: Mark) -> LastTest:
    return LastTest(mark.document["day"], mark.document["at_us"], mark.document["problem"])


def _as_document(tested: LastTest) -> Mapping[str, Any]:
    return tested._asdict()


def _to_row(one: StoredWarning) -> dict[str, Any]:
    key, standing, finding = one.key, one.standing, one.finding
    scope, name = _DEPARTMENT, ""
    if key.intent is not None:
        scope, name = _INTENT, key.intent
    elif key.rule_id is not None:
        scope, name = _RULE, key.rule_id
    figures = {figure: value for figure in _FIGURES if (value := getattr(finding, figure)) is not None}
    return {
        "tenant_id": key.tenant_id,
        "department": key.department,
        "sign": key.sign,
        "scope": scope,
        "name": name,
        "state": standing.state,
        "raised_at_us": standing.raised_at_us,
        "quiet_since_us": standing.quiet_since_us,
        "found": finding.state,
        "tested_at_us": one.tested_at_us,
        "message": one.message,
        "figures": json.dumps({**figures, "details": dict(finding.details)}),
    }


def _from_row(row: Mapping[Any, Any]) -> StoredWarning:
    scope, name = row["scope"], row["name"]
    sign = Sign(row["sign"])
    return StoredWarning(
        WarningKey(
            *(sign, row["tenant_id"], row["department"]),
            name if scope == _INTENT else None,
            name if scope == _RULE else None,
        ),
        Standing(State(row["state"]), row["raised_at_us"], row["quiet_since_us"]),
        Finding(sign, State(row["found"]), **json.loads(row["figures"])),
        row["message"],
        row["tested_at_us"],
    )
