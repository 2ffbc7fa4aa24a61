"""`oversight outcome`: report what became of a decision."""

from __future__ import annotations

from collections.abc import Mapping

from oversight.cli.connection import open_client, send
from oversight.cli.options import AsJson, Insecure, Target, TimeoutS, takes_fields
from oversight.cli.outcome_fields import OUTCOME
from oversight.cli.output import console, print_json
from oversight.errors import UsageError

__all__ = ["run"]

_REQUIRED = ("outcome_id", "decision_id")


@takes_fields(OUTCOME.values())
def run(
    given: Mapping[str, object],
    target: Target = "127.0.0.1:50051",
    timeout_s: TimeoutS = 5.0,
    insecure: Insecure = False,
    as_json: AsJson = False,
) -> None:
    """
    Report what became of a decision. Say what is known; say more later under another --outcome-id.

    A --verdict needs its --label-basis.
    """
    if missing := [f"--{name.replace('_', '-')}" for name in _REQUIRED if name not in given]:
        raise UsageError(f"{' and '.join(missing)} must be given")
    with open_client(target, timeout_s, insecure=insecure) as client:
        outcome_id = send(client.record_outcome, given)
    if as_json:
        print_json({"outcome_id": outcome_id, "decision_id": given["decision_id"]})
    else:
        console().print(f"outcome {outcome_id} of decision {given['decision_id']} is on record", markup=False)
