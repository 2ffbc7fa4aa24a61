"""What was probably meant by an intent or a department that the policy does not know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["name_hints"]


def name_hints(given: Mapping[str, object], decision: Mapping[str, Any]) -> Iterator[str]:
    """
    Yield a hint for each name in *given* that *decision* calls unknown, where a name like it is known.

    The names are those of the rule files of this machine, which may not be the server's: a hint says where it looked,
    and without readable files there is none.
    """
    codes = {reason["code"] for reason in decision["reasons"]}
    if not codes & {"UNKNOWN_INTENT", "UNKNOWN_DEPARTMENT"}:
        return
    # Reading rules takes longer than the whole decision; nearly none needs a hint.
    from oversight.cli.rule_folder import find_default_policy, find_folder
    from oversight.errors import OversightError
    from oversight.rules.load import load
    from oversight.rules.source import read_folder
    from oversight.rules.suggest import suggest

    try:
        folder = find_folder(None)
        policies = load(read_folder(folder), default_policy=find_default_policy(None)).policies
    except OversightError:
        return
    policy = policies.get(decision["policy"]["name"])
    known = {
        "UNKNOWN_INTENT": ("intent", policy.intents if policy else ()),
        "UNKNOWN_DEPARTMENT": ("department", policies),
    }
    for code, (field, names) in known.items():
        near = suggest(str(given.get(field, "")), names) if code in codes else ""
        # The very name that was given: these files know it, only the server does not.
        if near and near != given[field]:
            yield f"{field} {given[field]!r} is unknown (did you mean {near!r}? {folder} has it)"
