"""The snapshot in force, on its way from the controller, which compiles it, to the workers, which only load it."""

from __future__ import annotations

import importlib.util
import json
import marshal
from pathlib import Path

from oversight.app.handover import file_stamp, write_file
from oversight.engine.compile import ENGINE_VERSION, Blueprint
from oversight.engine.snapshot import LiveValue, Snapshot, Stop
from oversight.policies import SnapshotSource, assemble_source

__all__ = ["load_snapshot", "publish_snapshot", "snapshot_stamp"]

_NAME = "snapshot.bin"
_MAGIC = importlib.util.MAGIC_NUMBER.hex()


def publish_snapshot(run: Path, snapshot: Snapshot, blueprint: Blueprint, source: SnapshotSource) -> None:
    """
    Hand *snapshot* to the workers, as the compiled *blueprint* of *source*. Raises OSError.

    A line of JSON says which interpreter and engine can read the rest, which is marshalled: it carries code objects,
    and only processes of this server read it.
    """
    header = {"magic": _MAGIC, "engine_version": ENGINE_VERSION, "digest": snapshot.digest}
    terms = {
        "default_policy": source.default_policy,
        "commit": source.commit,
        "max_policy_age_s": source.max_policy_age_s,
        "max_threshold_age_s": source.max_threshold_age_s,
        "live": [tuple(value) for value in source.live],  # marshal writes plain tuples only
        "threshold_revision": source.threshold_revision,
        "stops": [tuple(stop) for stop in source.stops],
    }
    body = marshal.dumps({"blueprint": blueprint, "terms": terms})
    write_file(run / _NAME, json.dumps(header).encode() + b"\n" + body)


def snapshot_stamp(run: Path) -> tuple[int, int, int] | None:
    """Return what changes whenever a snapshot is published; None while there is none."""
    return file_stamp(run / _NAME)


def load_snapshot(run: Path) -> Snapshot:
    """Return the snapshot last published. Raise FileNotFoundError while there is none, ValueError for a damaged one."""
    line, _, body = (run / _NAME).read_bytes().partition(b"\n")
    try:
        header = json.loads(line)
        if header["magic"] != _MAGIC or header["engine_version"] != ENGINE_VERSION:
            raise ValueError("it was written by another version of Python or of the engine")
        content = marshal.loads(body)  # noqa: S302 - written by our controller into a folder that is ours alone
        terms = content["terms"]
        terms["live"] = tuple(LiveValue(*value) for value in terms["live"])
        terms["stops"] = tuple(Stop(*stop) for stop in terms["stops"])
        snapshot = assemble_source(SnapshotSource(files={}, **terms), content["blueprint"])
    except (EOFError, TypeError, KeyError) as problem:
        raise ValueError(f"it is damaged: {problem!r}") from problem
    if snapshot.digest != header["digest"]:
        raise ValueError(f"it is damaged: its digest is {snapshot.digest}, it says {header['digest']}")
    return snapshot
