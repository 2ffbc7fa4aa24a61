"""What a policy's constraints leave to one threshold, the others being as they are."""

from __future__ import annotations

from collections.abc import Mapping

from oversight.engine.policy import Policy
from oversight.rules.scopes import Scope
from oversight.thresholds.values import Values

__all__ = ["constraint_limits"]

_TURNED: Mapping[str, str] = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def constraint_limits(
    values: Values, policy: Policy, name: str, scope: Scope, now_us: int
) -> tuple[tuple[str, float], ...]:
    """Return what constraints ask of threshold *name* in *scope*, as `ThresholdLimits` has it: operators and values."""
    find = values.lookup(policy.name, now_us)

    def side(one: str | float) -> float:
        return find(one, scope).value if isinstance(one, str) else one

    found: list[tuple[str, float]] = []
    for one in policy.constraints:
        if one.left == name and one.right != name:
            found.append((one.operator, side(one.right)))
        elif one.right == name and one.left != name:
            found.append((_TURNED[one.operator], side(one.left)))
    return tuple(found)
