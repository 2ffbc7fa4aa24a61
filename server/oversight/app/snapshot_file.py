"""The snapshot in force, on its way from the controller, which compiles it, to the workers, which only load it."""

from __future__ import annotations

import importlib.util
import json
import marshal
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from oversight.app.dated import Dated, live_in, moments
from oversight.app.handover import file_stamp, write_file
from oversight.engine.compile import ENGINE_VERSION, Blueprint
from oversight.engine.snapshot import LiveValue, Snapshot, Stop
from oversight.policies import SnapshotSource, assemble_source

__all__ = ["Published", "load_published", "load_snapshot", "publish_snapshot", "snapshot_stamp"]

_NAME = "snapshot.bin"
_MAGIC = importlib.util.MAGIC_NUMBER.hex()


@dataclass(frozen=True, slots=True)
class Published:
    """
    What the controller published, as a worker holds it.

    `dated` are the live values; whenever the time of one is over (`moments`, microseconds since 1970), the snapshot of
    the next phase decides. `digests` are those of all phases, the first of which was in force when it was published.
    """

    source: SnapshotSource
    blueprint: Blueprint
    dated: tuple[Dated, ...]
    digests: tuple[str, ...]

    def phase(self, at_us: int) -> int:
        """Return the number of the phase in force at *at_us*."""
        return sum(moment <= at_us for moment in moments(self.dated))

    def assemble(self, phase: int = 0) -> Snapshot:
        """Return the snapshot of a *phase*; raise ValueError where it is not the one that was published."""
        snapshot = assemble_source(replace(self.source, live=live_in(self.dated, phase)), self.blueprint)
        if snapshot.digest != self.digests[phase]:
            raise ValueError(f"it is damaged: its digest is {snapshot.digest}, it says {self.digests[phase]}")
        return snapshot


def publish_snapshot(
    run: Path,
    snapshot: Snapshot,
    blueprint: Blueprint,
    source: SnapshotSource,
    *,
    dated: Sequence[Dated] | None = None,
    digests: Sequence[str] = (),
) -> None:
    """
    Hand *snapshot* to the workers, as the compiled *blueprint* of *source*. Raises OSError.

    *dated* are the live values that have an end, too, and *digests* those of the snapshots that follow as they end.
    A line of JSON says which interpreter and engine can read the rest, and how much of that is the plan, which a worker
    loads at once; behind it stands the code of the indexed rules, of which it loads what it needs. Both are marshalled:
    they carry code objects, and only processes of this server read them.
    """
    terms = {
        "default_policy": source.default_policy,
        "commit": source.commit,
        "max_policy_age_s": source.max_policy_age_s,
        "max_threshold_age_s": source.max_threshold_age_s,
        "threshold_revision": source.threshold_revision,
        "stops": [tuple(stop) for stop in source.stops],
    }
    code: bytes = blueprint["groups"]["content"]
    values = [Dated(value) for value in source.live] if dated is None else dated
    plan = marshal.dumps(
        {
            "blueprint": {**blueprint, "groups": {"ends": blueprint["groups"]["ends"]}},
            "terms": terms,
            "dated": [(tuple(value), end_us) for value, end_us in values],  # marshal writes plain tuples only
        }
    )
    header = {
        "magic": _MAGIC,
        "engine_version": ENGINE_VERSION,
        "digests": [snapshot.digest, *digests],
        "plan_bytes": len(plan),
        "crc32": zlib.crc32(code, zlib.crc32(plan)),
    }
    write_file(run / _NAME, b"".join((json.dumps(header).encode(), b"\n", plan, code)))


def snapshot_stamp(run: Path) -> tuple[int, int, int] | None:
    """Return what changes whenever a snapshot is published; None while there is none."""
    return file_stamp(run / _NAME)


def load_snapshot(run: Path) -> Snapshot:
    """Return the snapshot last published, in its first phase; raises what `load_published` does."""
    return load_published(run).assemble()


def load_published(run: Path) -> Published:
    """Return what was published last. Raise FileNotFoundError while there is nothing, ValueError if it is damaged."""
    # One copy of it all: most of it is code that is only made into functions when a call needs it.
    content = (run / _NAME).read_bytes()
    end = content.find(b"\n")
    try:
        header = json.loads(content[:end])
        if header["magic"] != _MAGIC or header["engine_version"] != ENGINE_VERSION:
            raise ValueError("it was written by another version of Python or of the engine")
        body = memoryview(content)[end + 1 :]
        if zlib.crc32(body) != header["crc32"]:
            raise ValueError("it is damaged: its checksum does not fit")
        plan = marshal.loads(body[: header["plan_bytes"]])  # noqa: S302 - written by our controller into a folder that is ours alone
        plan["blueprint"]["groups"]["content"] = body[header["plan_bytes"] :]
        terms = plan["terms"]
        terms["stops"] = tuple(Stop(*stop) for stop in terms["stops"])
        dated = tuple(Dated(LiveValue(*value), end_us) for value, end_us in plan["dated"])
        published = Published(
            SnapshotSource(files={}, **terms), plan["blueprint"], dated, tuple(map(str, header["digests"]))
        )
    except (EOFError, TypeError, KeyError) as problem:
        raise ValueError(f"it is damaged: {problem!r}") from problem
    if len(published.digests) != len(moments(dated)) + 1:
        raise ValueError(f"it is damaged: it has {len(published.digests)} digests for {len(moments(dated))} moments")
    return published
