"""What the controller's heartbeat says of thresholds and stops, as JSON has it."""

from __future__ import annotations

from typing import Any

from oversight.app.control_watch import ControlWatchState
from oversight.app.publication import InForce

__all__ = ["describe_control"]


def describe_control(in_force: InForce, control: ControlWatchState, at_us: int) -> dict[str, Any]:
    """Return the fields of a `ControllerReport` about what is *in_force* at *at_us*."""
    stand_ins = {one[:2] + one[3:6]: one for one in in_force.outlawed}
    values = [
        stand_ins.get(one[:2] + one[3:6], one)._asdict()
        for one in in_force.control.values.values()
        if one.expires_at_us is None or at_us < one.expires_at_us
    ]
    stops = [
        {**one.stop._asdict(), "author": one.author, "at_us": one.at_us, "justification": one.justification}
        for one in in_force.control.stops
    ]
    return {
        "threshold_revision": in_force.control.revision,
        "values": tuple(values),
        "stops": tuple(stops),
        "control_problem": control.problem,
        "local_stops": control.local_stops,
        "broken_constraints": in_force.broken,
    }
