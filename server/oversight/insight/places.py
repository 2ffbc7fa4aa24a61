"""Where a sign is tested: one intent of a department, the whole department, or one rule in it."""

from __future__ import annotations

from typing import NamedTuple

from oversight.feedback.signs import Finding

__all__ = ["Found", "Place"]


class Place(NamedTuple):
    """
    One place of one tenant; texts are empty where the requests had none.

    With an `intent`, that intent alone; with a `rule_id`, the decisions for which that rule gave the first reason; with
    neither the whole department.
    """

    tenant_id: str
    department: str
    intent: str | None = None
    rule_id: str | None = None

    @property
    def whole(self) -> Place:
        """The department that it is in."""
        return Place(self.tenant_id, self.department)

    @property
    def family(self) -> tuple[str, bool, bool]:
        """
        What is tested together: the intents, the departments or the rules of one tenant.

        How many tenants there are must not change what one of them is told.
        """
        return (self.tenant_id, self.intent is None, self.rule_id is None)


class Found(NamedTuple):
    """
    What a test found in one place.

    `worst` names the intents that most of it is about, of a sign that is tested for whole departments only.
    """

    place: Place
    finding: Finding
    worst: tuple[str, ...] = ()
