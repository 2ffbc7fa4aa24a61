"""The snapshot in force, on its way from the controller, which compiles it, to the workers, which only load it."""

from __future__ import annotations

import importlib.util
import json
import marshal
import zlib
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

    A line of JSON says which interpreter and engine can read the rest, and how much of that is the plan, which a worker
    loads at once; behind it stands the code of the indexed rules, of which it loads what it needs. Both are marshalled:
    they carry code objects, and only processes of this server read them.
    """
    terms = {
        "default_policy": source.default_policy,
        "commit": source.commit,
        "max_policy_age_s": source.max_policy_age_s,
        "max_threshold_age_s": source.max_threshold_age_s,
        "live": [tuple(value) for value in source.live],  # marshal writes plain tuples only
        "threshold_revision": source.threshold_revision,
        "stops": [tuple(stop) for stop in source.stops],
    }
    code: bytes = blueprint["groups"]["content"]
    plan = marshal.dumps({"blueprint": {**blueprint, "groups": {"ends": blueprint["groups"]["ends"]}}, "terms": terms})
    header = {
        "magic": _MAGIC,
        "engine_version": ENGINE_VERSION,
        "digest": snapshot.digest,
        "plan_bytes": len(plan),
        "crc32": zlib.crc32(code, zlib.crc32(plan)),
    }
    write_file(run / _NAME, b"".join((json.dumps(header).encode(), b"\n", plan, code)))


def snapshot_stamp(run: Path) -> tuple[int, int, int] | None:
    """Return what changes whenever a snapshot is published; None while there is none."""
    return file_stamp(run / _NAME)


def load_snapshot(run: Path) -> Snapshot:
    """Return the snapshot last published. Raise FileNotFoundError while there is none, ValueError for a damaged one."""
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
        terms["live"] = tuple(LiveValue(*value) for value in terms["live"])
        terms["stops"] = tuple(Stop(*stop) for stop in terms["stops"])
        snapshot = assemble_source(SnapshotSource(files={}, **terms), plan["blueprint"])
    except (EOFError, TypeError, KeyError) as problem:
        raise ValueError(f"it is damaged: {problem!r}") from problem
    if snapshot.digest != header["digest"]:
        raise ValueError(f"it is damaged: its digest is {snapshot.digest}, it says {header['digest']}")
    return snapshot
