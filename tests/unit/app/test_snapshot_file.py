"""The snapshot on its way to the workers."""

from __future__ import annotations

import json
import marshal
import zlib
from pathlib import Path

import pytest

from builders import KEYS, a_policy, a_rule
from oversight.app.snapshot_file import load_snapshot, publish_snapshot, snapshot_stamp
from oversight.engine.compile import compile_policies
from oversight.engine.decide import decide
from oversight.engine.policy import Check, Literal
from oversight.engine.request import Request, ServerFacts
from oversight.engine.snapshot import LiveValue, Snapshot, Stop
from oversight.policies import SnapshotSource, assemble_source

BLUEPRINT = compile_policies({"contact_centre": a_policy()})
SOURCE = SnapshotSource(
    files={"contact_centre.yaml": "not needed any more"},
    default_policy="contact_centre",
    commit="c" * 40,
    max_policy_age_s=7,
    max_threshold_age_s=8,
    live=(LiveValue("contact_centre", "autonomy_confidence", 0.9, intent="order_status"),),
    threshold_revision=9,
    stops=(Stop(intent="order_status"),),
)


def publish(run: Path) -> Snapshot:
    """Publish the snapshot of `SOURCE`."""
    snapshot = assemble_source(SOURCE, BLUEPRINT)
    publish_snapshot(run, snapshot, BLUEPRINT, SOURCE)
    return snapshot


def rewrite(run: Path, *, body: bytes | None = None, **header: object) -> None:
    """Replace the body, or values of the header, of what is published; the checksum fits."""
    path = run / "snapshot.bin"
    line, _, old = path.read_bytes().partition(b"\n")
    new = old if body is None else body
    sums = {"crc32": zlib.crc32(new), "plan_bytes": json.loads(line)["plan_bytes"] if body is None else len(new)}
    path.write_bytes(json.dumps({**json.loads(line), **sums, **header}).encode() + b"\n" + new)


def test_a_worker_gets_just_what_was_published(tmp_path: Path) -> None:
    """Digest, commit, live values, stops and ages: anything less would decide otherwise."""
    published = publish(tmp_path)

    loaded = load_snapshot(tmp_path)

    names = (
        "digest",
        "commit",
        "default_policy",
        "stops",
        "threshold_revision",
        "max_policy_age_s",
        "max_threshold_age_s",
    )
    assert [getattr(published, name) for name in names] == [getattr(loaded, name) for name in names]
    assert (9, 7, 8, (Stop(intent="order_status"),)) == (
        loaded.threshold_revision,
        loaded.max_policy_age_s,
        loaded.max_threshold_age_s,
        loaded.stops,
    )


def test_nothing_published_is_nothing_found(tmp_path: Path) -> None:
    """The worker waits."""
    assert snapshot_stamp(tmp_path) is None
    with pytest.raises(FileNotFoundError):
        load_snapshot(tmp_path)


def test_each_publication_has_a_stamp_of_its_own(tmp_path: Path) -> None:
    """A commit alone may change, with the digest as before."""
    publish(tmp_path)
    first = snapshot_stamp(tmp_path)

    publish(tmp_path)

    assert first != snapshot_stamp(tmp_path)


@pytest.mark.parametrize("header", [{"magic": "00000000"}, {"engine_version": 0}])
def test_code_of_another_interpreter_or_engine_is_not_touched(tmp_path: Path, header: dict[str, object]) -> None:
    """Marshalled code of another version can crash the process."""
    publish(tmp_path)
    rewrite(tmp_path, body=b"\xff" * 20, **header)

    with pytest.raises(ValueError, match="another version of Python or of the engine"):
        load_snapshot(tmp_path)


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff\xff", marshal.dumps({}), marshal.dumps([1]), marshal.dumps({"terms": {"live": [], "stops": []}})],
)
def test_a_damaged_body_is_refused(tmp_path: Path, body: bytes) -> None:
    """What is in force stays in force."""
    publish(tmp_path)
    rewrite(tmp_path, body=body)

    with pytest.raises(ValueError, match=r"damaged|bad marshal data"):
        load_snapshot(tmp_path)


@pytest.mark.parametrize("at", [-1, 200])
def test_one_altered_byte_is_found(tmp_path: Path, at: int) -> None:
    """Most of the code is only loaded when a call needs it: then it is too late."""
    publish(tmp_path)
    path = tmp_path / "snapshot.bin"
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)

    with pytest.raises(ValueError, match=r"it is damaged: its checksum|Invalid control character|Expecting"):
        load_snapshot(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\n", b"[]\n", b"{}\n", b"null\n"])
def test_a_damaged_header_is_refused(tmp_path: Path, content: bytes) -> None:
    """Also one that is JSON, and none of ours."""
    (tmp_path / "snapshot.bin").write_bytes(content)

    with pytest.raises(ValueError, match=r"damaged|Expecting value"):
        load_snapshot(tmp_path)


def test_a_digest_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    """Replies would name rules that did not decide."""
    publish(tmp_path)
    rewrite(tmp_path, digests=["0" * 64])

    with pytest.raises(ValueError, match="its digest is"):
        load_snapshot(tmp_path)


def test_indexed_rules_are_handed_over_as_code_without_their_text(tmp_path: Path) -> None:
    """A worker needs the code of a few of them at a time, and the text of none."""
    rule = a_rule("asked", Check("intent", "equals", Literal("order_status")))
    blueprint = compile_policies({"contact_centre": a_policy(rule)}, least_indexed=0)
    publish_snapshot(tmp_path, assemble_source(SOURCE, blueprint), blueprint, SOURCE)

    loaded = load_snapshot(tmp_path)

    assert () == loaded.policies["contact_centre"].group_sources
    assert {} == loaded.groups.made
    request = Request(intent="order_status", response_confidence=0.97, sentiment_score=0.2)
    assert ["asked"] == [one.rule_id for one in decide(loaded, request, ServerFacts(), KEYS).reasons if one.tier == 2][
        :1
    ]
    assert 1 == len(loaded.groups.made)
