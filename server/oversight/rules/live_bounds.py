"""A live value against rules that came after it."""

from __future__ import annotations

from collections.abc import Mapping

from oversight.engine.control import Setting
from oversight.engine.policy import Threshold
from oversight.rules.scopes import FileValues, scope_of

__all__ = ["within_bounds"]


def within_bounds(setting: Setting, thresholds: Mapping[str, Mapping[str, Threshold]]) -> Setting:
    """
    Return *setting* as the *thresholds* of the policies allow it.

    One outside the bounds becomes the stricter of the file's value in its scope and the nearest bound: a reload may
    tighten, never loosen. A threshold that is not there any more has no bounds: whoever asks has to say so.
    """
    threshold = thresholds.get(setting.policy, {}).get(setting.name)
    if threshold is None or setting.value is None or threshold.minimum <= setting.value <= threshold.maximum:
        return setting
    nearest = min(max(setting.value, threshold.minimum), threshold.maximum)
    by_file = FileValues(threshold).at(scope_of(setting)).value
    return setting._replace(value=max(nearest, by_file) if threshold.tightens == "raise" else min(nearest, by_file))
