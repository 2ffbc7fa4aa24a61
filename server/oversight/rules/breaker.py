"""The breaker of a policy: which thresholds it may tighten, and by how much."""

from __future__ import annotations

from collections.abc import Mapping

from oversight.engine.policy import Breaker, Policy, Threshold
from oversight.rules.policy_source import PolicySource
from oversight.rules.report import Report
from oversight.rules.suggest import suggest
from oversight.rules.wording import show_number

__all__ = ["read_breaker"]


def read_breaker(
    source: PolicySource, parent: Policy | None, thresholds: Mapping[str, Threshold], report: Report
) -> Breaker:
    """
    Return the breaker of one policy, that of its *parent* where it has none; what is wrong goes to *report*.

    One that is given anew stands for itself: nothing of the parent's is added.
    """
    document = source.document.breaker
    if document is None:
        return parent.breaker if parent is not None else Breaker()
    if document.anomalies and not document.steps and not source.declared_in("breaker", "steps"):
        message = "'anomalies' takes steps, and there are none: name thresholds under 'steps'"
        report.error(source.file, source.place("breaker", "anomalies"), message)
    known = thresholds.keys() | source.declared("thresholds")
    for name, step in document.steps.items():
        place = source.place("breaker", "steps", name)
        if name not in known:
            report.error(source.file, place, f"unknown threshold '{name}' in the breaker", suggest(name, known))
        elif name in thresholds and step > (most := thresholds[name].maximum - thresholds[name].minimum):
            message = (
                f"a step of {show_number(step)} leaves the bounds of '{name}', which are {show_number(most)} apart"
            )
            report.error(source.file, place, f"{message}; make it smaller")
    return Breaker(dict(document.steps), document.anomalies)
