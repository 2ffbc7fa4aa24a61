"""What is in force on this replica: the rules and what administrators decided, published together, as one snapshot."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from oversight.app.dated import Dated, live_in, moments
from oversight.app.snapshot_file import publish_snapshot
from oversight.app.snapshot_outbox import SnapshotOutbox
from oversight.engine.control import ControlState, Setting
from oversight.engine.limits import LiveValue
from oversight.policies import SnapshotSource, assemble_source
from oversight.thresholds.reloaded import allow
from oversight.thresholds.values import Key, RulesInForce

__all__ = ["InForce", "Publication", "Rules"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules that compiled: their source without live values and stops, and what they say."""

    source: SnapshotSource
    checked: RulesInForce


class InForce(NamedTuple):
    """
    What is published: `digests` of the snapshots in force now and, in order, when live values will have ended.

    `outlawed` are the settings that the rules do not allow any more, as they are in force instead; `broken` says which
    live values and constraints do not go with the rules, one sentence each.
    """

    digests: tuple[str, ...] = ()
    commit: str = ""
    published_us: int = 0
    control: ControlState = ControlState()
    outlawed: tuple[Setting, ...] = ()
    broken: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """The digest of the snapshot in force; empty while nothing is."""
        return self.digests[0] if self.digests else ""


class Publication:
    """
    Publishes whenever rules, values or stops change; `in_force` is replaced by one assignment, for any thread to read.

    Each is put in by a watch of its own: where one cannot go on, the other one's news come into force all the same,
    with the last good part of the first.
    """

    def __init__(self, run: Path, *, outbox: SnapshotOutbox, clock_us: Callable[[], int]) -> None:
        self.in_force = InForce()
        self._run = run
        self._outbox = outbox
        self._clock_us = clock_us
        self._rules: Rules | None = None
        self._control = ControlState()
        self._changing = threading.RLock()
        self._moments: tuple[int, ...] = ()

    def put_rules(self, rules: Rules) -> None:
        """Publish *rules*. Raises OSError, and what was in force stays."""
        with self._changing:
            self._publish(rules, self._control)
            self._rules = rules

    def put_control(self, control: ControlState) -> None:
        """Publish what *control* has in force, as soon as there are rules. Raises OSError as `put_rules` does."""
        with self._changing:
            if self._rules is not None:
                self._publish(self._rules, control)
            self._control = control

    def expire(self) -> bool:
        """Publish anew if the time of a live value is over; return whether that was so. Raises OSError."""
        with self._changing:
            if self._rules is None or not self._moments or self._clock_us() < self._moments[0]:
                return False
            self._publish(self._rules, self._control)
            return True

    def _publish(self, rules: Rules, control: ControlState) -> None:
        now_us = self._clock_us()
        allowed = allow(rules.checked, _not_ended(control, now_us), now_us)
        dated = _dated(allowed.values)
        ends_us = moments(dated)
        sources = [
            replace(
                rules.source,
                live=live_in(dated, phase),
                stops=control.stopped,
                threshold_revision=control.revision,
            )
            for phase in range(len(ends_us) + 1)
        ]
        snapshots = [assemble_source(source, rules.checked.blueprint) for source in sources]
        digests = tuple(one.digest for one in snapshots)
        with self._outbox.holding(digests) as missing:
            # Kept before they are published: no decision may rest on what could not be found again.
            for source, digest in zip(sources, digests, strict=True):
                if digest in missing:
                    self._outbox.put(digest, source.to_document())
            publish_snapshot(
                self._run, snapshots[0], rules.checked.blueprint, sources[0], dated=dated, digests=digests[1:]
            )
        self._moments = ends_us
        for text in sorted({*allowed.broken} - {*self.in_force.broken}):
            _log.error("live values and rules do not go together: %s", text)
        self.in_force = InForce(digests, rules.source.commit, now_us, control, allowed.outlawed, allowed.broken)
        _log.info(
            "policy %s is published",
            digests[0],
            extra={"commit": rules.source.commit, "threshold_revision": control.revision},
        )


def _not_ended(control: ControlState, now_us: int) -> dict[Key, Setting]:
    return {key: one for key, one in control.values.items() if one.expires_at_us is None or now_us < one.expires_at_us}


def _dated(values: Mapping[Key, Setting]) -> tuple[Dated, ...]:
    """Return the live *values*, each with its end, in an order that rests on nothing but them."""
    dated: list[Dated] = []
    for key in sorted(values, key=repr):
        one = values[key]
        if one.value is not None:
            value = LiveValue(one.policy, one.name, one.value, one.intent, one.department, one.currency)
            dated.append(Dated(value, one.expires_at_us))
    return tuple(dated)
