"""The metrics: observable instruments over integers that were counted anyway, so that counting costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from oversight.engine.decision import Evaluation, Tier
from oversight.telemetry.counters import Counters

__all__ = ["GAUGES", "Read", "register_counters", "register_gauges"]

Read = float | Mapping[tuple[tuple[str, str], ...], float]
"""What a gauge shows: one value, or one for each set of attributes."""

GAUGES: Mapping[str, tuple[str, str]] = {
    "oversight.records.pending": ("{record}", "Records in journals that are not in the store yet."),
    "oversight.records.oldest_age": ("s", "Age of the oldest record that is not in the store yet."),
    "oversight.policy.problems": (
        "{problem}",
        "Problems of the rule files; while there are any, an earlier set is in force.",
    ),
    "oversight.thresholds.revision": (
        "{revision}",
        "Revision of thresholds and stops: of a worker what it decides by, of the controller what it published.",
    ),
    "oversight.thresholds.age": ("s", "Time since that revision was last found to be the newest."),
    "oversight.warnings": (
        "{place}",
        "Places (departments, intents, rules) by warning sign and by how it stands there, of the keeper that tests.",
    ),
}
"""Every gauge by name, with its unit and what it means."""


def register_counters(meter: Meter, counters: Counters) -> None:
    """Let *meter* read *counters* whenever it exports."""

    def decisions(_: CallbackOptions) -> Iterable[Observation]:
        for (tier, evaluation), count in counters.decisions().items():
            yield Observation(count, {"tier": Tier(tier).name, "evaluation": Evaluation(evaluation).name})

    def calls(_: CallbackOptions) -> Iterable[Observation]:
        for (method, code), count in counters.calls().items():
            yield Observation(count, {"rpc.method": method, "rpc.status_code": code})

    def lost(_: CallbackOptions) -> Iterable[Observation]:
        yield Observation(counters.lost)

    def syncs(_: CallbackOptions) -> Iterable[Observation]:
        yield Observation(counters.syncs)

    def synced(_: CallbackOptions) -> Iterable[Observation]:
        yield Observation(counters.synced)

    def outcomes(_: CallbackOptions) -> Iterable[Observation]:
        yield Observation(counters.outcomes)

    meter.create_observable_counter(
        "oversight.decisions", [decisions], unit="{decision}", description="Decisions answered."
    )
    meter.create_observable_counter(
        "oversight.outcomes", [outcomes], unit="{outcome}", description="Outcomes acknowledged."
    )
    meter.create_observable_counter(
        "oversight.records.lost", [lost], unit="{record}", description="Records that could not be written."
    )
    meter.create_observable_counter(
        "oversight.journal.failures",
        [_by_cause(counters.failures)],
        unit="{call}",
        description="Calls whose records could not be written, by cause.",
    )
    meter.create_observable_counter(
        "oversight.authentication.failures",
        [_by_cause(counters.refused_callers)],
        unit="{call}",
        description="Calls refused for who sent them, by cause.",
    )
    meter.create_observable_counter(
        "oversight.journal.syncs", [syncs], unit="{sync}", description="Syncs of the journal to the disk."
    )
    meter.create_observable_counter(
        "oversight.journal.synced_calls", [synced], unit="{call}", description="Calls that waited for such a sync."
    )
    meter.create_observable_counter("oversight.calls", [calls], unit="{call}", description="Calls finished.")


def register_gauges(meter: Meter, gauges: Mapping[str, Callable[[], Read]]) -> None:
    """Let *meter* read each of *gauges*, named in `GAUGES`, whenever it exports: a value, or values by attributes."""
    for name, read in gauges.items():
        unit, description = GAUGES[name]
        meter.create_observable_gauge(name, [_observe(read)], unit=unit, description=description)


def _by_cause(read: Callable[[], Mapping[str, int]]) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def observe(_: CallbackOptions) -> Iterable[Observation]:
        for cause, count in read().items():
            yield Observation(count, {"cause": cause})

    return observe


def _observe(read: Callable[[], Read]) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def observe(_: CallbackOptions) -> Iterable[Observation]:
        found = read()
        if isinstance(found, Mapping):
            for attributes, value in found.items():
                yield Observation(value, dict(attributes))
        else:
            yield Observation(found)

    return observe
