"""
The indexed rules of a snapshot: functions that are made when they are first needed, and the tables that find them.

Making all of them at once would hold the interpreter's lock while callers wait; most calls need very few.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from types import CodeType, FunctionType
from typing import Any

from oversight.engine.decision import Reason
from oversight.engine.index import Key
from oversight.engine.request import AttributeScalar
from oversight.engine.runtime import NAMESPACE, attribute

__all__ = ["GroupTable", "Groups", "bind_index", "put_in_order"]

_GLOBALS = dict(NAMESPACE)


class Groups:
    """
    The functions of all groups of one snapshot, shared by its policies.

    *content* holds their marshalled code, one after the other; *ends* says where each ends in it, in bytes. *sources*
    are their texts, if they are at hand. `made` has the functions made so far, by number.
    """

    def __init__(self, content: bytes | memoryview, ends: Sequence[int], sources: Sequence[str] = ()) -> None:
        self.made: dict[int, FunctionType] = {}
        self._content = memoryview(content)
        self._ends = ends
        self._sources = sources

    def function(self, number: int) -> FunctionType:
        """Return the function of group *number*; it has the number for a name."""
        made = self.made.get(number)
        if made is None:
            # Two threads may make the same one: either will do.
            start = self._ends[number - 1] if number else 0
            code: CodeType = marshal.loads(self._content[start : self._ends[number]])  # noqa: S302 - our own compiler's
            made = self.made[number] = FunctionType(code, _GLOBALS, str(number))
        return made

    def sources(self, numbers: Iterable[int]) -> tuple[str, ...]:
        """Return the texts of the groups *numbers*; none where they are not at hand."""
        return tuple(self._sources[number] for number in numbers) if self._sources else ()


class GroupTable(dict[Key, tuple[FunctionType, ...]]):
    """
    The groups that a request's values of some signals call for; filled as values are met.

    Values that no rule names share one empty answer and are not kept: requests cannot make the table grow.
    """

    def __init__(self, numbers: Mapping[Key, tuple[int, ...]], groups: Groups) -> None:
        super().__init__()
        self._numbers = numbers
        self._groups = groups

    def __missing__(self, key: Key) -> tuple[FunctionType, ...]:
        numbers = self._numbers.get(key)
        if numbers is None:
            return ()
        found = self[key] = tuple([self._groups.function(number) for number in numbers])
        return found


def bind_index(
    tables: Sequence[GroupTable], kinds: Mapping[str, str], may_fail: Sequence[int], groups: Groups
) -> dict[str, Any]:
    """
    Return the global names under which a policy's generated function finds its groups: in *tables*, one after another.

    The groups *may_fail* read the free attributes in *kinds*, which maps their names to types.
    """

    def add_failing(
        attributes: Mapping[str, AttributeScalar], found: tuple[FunctionType, ...]
    ) -> tuple[FunctionType, ...]:
        """Return *found* and, where an attribute is of the wrong type, every group that could fail over it."""
        try:
            for name, kind in kinds.items():
                attribute(attributes, name, kind)
        except Exception:  # noqa: BLE001 - whatever would make a rule fail, as in the rules themselves
            called = {one.__name__ for one in found}
            return (*found, *(groups.function(number) for number in may_fail if str(number) not in called))
        return found

    named = {f"table_{number}": table for number, table in enumerate(tables)}
    return {**named, "checked": add_failing, "order": put_in_order}


def put_in_order(reasons: list[Reason]) -> None:
    """Sort *reasons* into the order of replies: tier descending, escalation descending, rule id."""
    reasons.sort(key=_RULE_ID)
    reasons.sort(key=_STRENGTH, reverse=True)  # stable: those of one strength stay by id


_RULE_ID = itemgetter(Reason._fields.index("rule_id"))
_STRENGTH = itemgetter(Reason._fields.index("tier"), Reason._fields.index("escalation"))
