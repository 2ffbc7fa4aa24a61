"""`oversight decide`: decide one message and show the decision."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from oversight.cli.connection import open_client, send
from oversight.cli.decision_panel import print_decision
from oversight.cli.known_names import name_hints
from oversight.cli.options import AsJson, Insecure, Target, TimeoutS, takes_fields
from oversight.cli.output import console, print_json
from oversight.cli.request_fields import REQUEST
from oversight_client.convert import decision_to_dict

__all__ = ["run"]


@takes_fields(REQUEST.values())
def run(
    given: Mapping[str, object],
    target: Target = "127.0.0.1:50051",
    timeout_s: TimeoutS = 5.0,
    insecure: Insecure = False,
    as_json: AsJson = False,
) -> None:
    """
    Decide one message. What is left out is absent, which is never the same as 0 or no.

    Negative numbers are best written with an equals sign: --sentiment-score=-0.8
    """
    with open_client(target, timeout_s, insecure=insecure) as client:
        decision = decision_to_dict(send(client.decide, given))
    for hint in name_hints(given, decision):
        sys.stderr.write(f"oversight: {hint}\n")
    if as_json:
        print_json(decision)
    else:
        print_decision(decision, console())
