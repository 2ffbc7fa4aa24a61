"""The way back to the live values of an earlier revision, and whether the rules still allow it."""

from __future__ import annotations

from collections.abc import Iterator

from oversight.engine.control import ControlState, Setting
from oversight.errors import InvalidRequestError, ThresholdRefusedError
from oversight.thresholds.checks import check_settings, without_field
from oversight.thresholds.values import RulesInForce, describe_setting

__all__ = ["find_way_back"]


def find_way_back(rules: RulesInForce, state: ControlState, earlier: ControlState, now_us: int) -> tuple[Setting, ...]:
    """
    Return what makes the live values of *state* those of *earlier*, as far as these have not ended.

    Raises `InvalidRequestError` where nothing does, or where the *rules* in force do not allow one of the values.
    """
    found = tuple(_changes(state, earlier, now_us))
    if not found:
        raise InvalidRequestError("to_revision", f"nothing to change: the values are those of {earlier.revision}")
    for one in found:
        try:
            check_settings(rules, (one,), state.values)
        except ThresholdRefusedError as refused:
            text = f"revision {earlier.revision} has a value that the rules do not allow any more"
            why = f"{describe_setting(one)}: {without_field(refused)}"
            raise InvalidRequestError("to_revision", f"{text}, {why}; set the values that you want anew") from refused
    return found


def _changes(state: ControlState, earlier: ControlState, now_us: int) -> Iterator[Setting]:
    kept = {key: one for key, one in earlier.values.items() if one.expires_at_us is None or now_us < one.expires_at_us}
    for key in sorted({*state.values, *kept}, key=repr):
        wanted = kept.get(key)
        if wanted is None:
            yield state.values[key]._replace(value=None, expires_at_us=None)
        elif wanted != state.values.get(key):
            yield wanted
