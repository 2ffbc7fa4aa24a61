"""From rule files to a snapshot, and back from a stored one: what controller, `explain` and replay share."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from oversight.engine.compile import ENGINE_VERSION, Blueprint, compile_policies
from oversight.engine.snapshot import LiveValue, Snapshot, Stop, assemble
from oversight.errors import InvalidPolicyError, NotReplayableError

if TYPE_CHECKING:
    from oversight.rules.load import RuleSet

__all__ = ["ReplayedSnapshot", "SnapshotSource", "assemble_source", "compile_source", "replay_snapshot"]


@dataclass(frozen=True, slots=True)
class SnapshotSource:
    """
    Everything a snapshot is made of, as its authors wrote it.

    Rule files by path, live values, stops, and the settings that a decision depends on (ages in seconds). This, never
    compiled code, is what lasts.
    """

    files: Mapping[str, str]
    default_policy: str
    commit: str = ""
    max_policy_age_s: int = 86_400
    max_threshold_age_s: int = 300
    live: tuple[LiveValue, ...] = ()
    threshold_revision: int = 0
    stops: tuple[Stop, ...] = ()

    def to_document(self) -> str:
        """Return the source as JSON, with the engine version that read it."""
        return json.dumps({"engine_version": ENGINE_VERSION, **asdict(self)}, sort_keys=True)

    @classmethod
    def from_document(cls, document: str) -> SnapshotSource:
        """Return the source that `to_document` wrote; raise ValueError where it is none of this engine version."""
        fields = json.loads(document)
        version = fields.pop("engine_version", None) if isinstance(fields, dict) else None
        if version != ENGINE_VERSION:
            raise ValueError(f"a snapshot of engine version {version}, this engine is {ENGINE_VERSION}")
        try:
            live = tuple(LiveValue(*value) for value in fields.pop("live"))
            stops = tuple(Stop(*stop) for stop in fields.pop("stops"))
            return cls(live=live, stops=stops, **fields)
        except (KeyError, TypeError) as error:
            raise ValueError(f"the source of a snapshot is incomplete or altered: {error}") from error


@dataclass(frozen=True, slots=True)
class ReplayedSnapshot:
    """A snapshot compiled anew from its source, with the documents behind it."""

    snapshot: Snapshot
    rules: RuleSet


def compile_source(source: SnapshotSource) -> tuple[Blueprint, RuleSet]:
    """Return the blueprint and the checked rules of *source*; raise `InvalidPolicyError` with every problem."""
    # A worker reads rules only to explain a decision; until then it need not hold the 6 MB that YAML and Git take.
    from oversight.rules.load import load
    from oversight.rules.source import RuleFiles

    with _uncollected():
        rules = load(RuleFiles(files=source.files, commit=source.commit), default_policy=source.default_policy)
        return compile_policies(rules.policies), rules


@contextmanager
def _uncollected() -> Iterator[None]:
    """Put the garbage collector off: to look again and again through what all stays takes a third of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def assemble_source(source: SnapshotSource, blueprint: Blueprint) -> Snapshot:
    """Return the snapshot of *source*, from its compiled *blueprint*."""
    return assemble(
        blueprint,
        default_policy=source.default_policy,
        commit=source.commit,
        max_policy_age_s=source.max_policy_age_s,
        max_threshold_age_s=source.max_threshold_age_s,
        live=source.live,
        threshold_revision=source.threshold_revision,
        stops=source.stops,
    )


@lru_cache(maxsize=8)
def replay_snapshot(digest: str, document: str) -> ReplayedSnapshot:
    """
    Return the snapshot stored under *digest*, from its *document*.

    Raise `NotReplayableError` where it does not compile any more, or comes out as another.
    """
    try:
        source = SnapshotSource.from_document(document)
        blueprint, rules = compile_source(source)
    except (ValueError, InvalidPolicyError) as error:
        raise NotReplayableError(digest, f"snapshot {digest} cannot be compiled by this version: {error}") from error
    snapshot = assemble_source(source, blueprint)
    if snapshot.digest != digest:
        raise NotReplayableError(digest, f"snapshot {digest} compiles to {snapshot.digest}: its document was altered")
    return ReplayedSnapshot(snapshot, rules)
