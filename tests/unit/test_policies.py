"""From rule files to a snapshot, and back from a stored one."""

from __future__ import annotations

import contextlib
import gc
import json
from dataclasses import replace

import pytest

from builders import KEYS
from oversight.engine.compile import ENGINE_VERSION
from oversight.engine.decide import decide
from oversight.engine.decision import Tier
from oversight.engine.request import Request, ServerFacts
from oversight.engine.snapshot import LiveValue, Snapshot, Stop
from oversight.errors import InvalidPolicyError, NotReplayableError
from oversight.policies import SnapshotSource, assemble_source, compile_source, replay_snapshot

POLICY = """\
policy: contact_centre
version: "1"
intents: [order_status]
thresholds:
  autonomy_confidence:
    description: Lowest response confidence at which the AI may send without a person.
    default: 0.85
    min: 0.60
    max: 0.99
    tightens: raise
rules:
  - id: low_confidence
    when: {response_confidence: {below: $autonomy_confidence}}
    tier: human_in_the_loop
    reason: LOW_CONFIDENCE
    message: The AI is not sure enough of its reply.
"""
SOURCE = SnapshotSource(
    files={"contact_centre.yaml": POLICY},
    default_policy="contact_centre",
    commit="c" * 40,
    max_policy_age_s=60,
    max_threshold_age_s=30,
    live=(LiveValue("contact_centre", "autonomy_confidence", 0.9, intent="order_status"),),
    threshold_revision=7,
    stops=(Stop(None, "refund_request"),),
)
NOW_US = 1_800_000_000_000_000


def snapshot_of(source: SnapshotSource) -> Snapshot:
    """Return what the controller makes of *source*."""
    blueprint, _ = compile_source(source)
    return assemble_source(source, blueprint)


def tier_at(snapshot: Snapshot, confidence: float) -> Tier:
    """Return what is decided of a routine message with a reply of this *confidence*."""
    request = Request(decided_at_us=NOW_US, intent="order_status", response_confidence=confidence, request_id="r")
    return decide(snapshot, request, ServerFacts(), KEYS).tier


def test_a_source_comes_back_whole_from_its_document() -> None:
    """What lasts for years is the document."""
    assert SOURCE == SnapshotSource.from_document(SOURCE.to_document())


def test_the_same_source_is_the_same_document() -> None:
    """It is kept under a digest, once; in which order a folder lists its files must not matter."""
    one, other = (replace(SOURCE, files=files) for files in ({"a": "1", "b": "2"}, {"b": "2", "a": "1"}))

    assert one.to_document() == other.to_document()


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("no JSON", "Expecting value"),
        ("[]", "a snapshot of engine version None"),
        ("{}", "a snapshot of engine version None"),
        (json.dumps({"engine_version": ENGINE_VERSION + 1}), f"engine version {ENGINE_VERSION + 1}, this engine is"),
        (json.dumps({"engine_version": ENGINE_VERSION}), "incomplete or altered: 'live'"),
        (json.dumps({"engine_version": ENGINE_VERSION, "live": [], "stops": []}), "incomplete or altered: .*'files'"),
        (json.dumps({"engine_version": ENGINE_VERSION, "live": 1, "stops": []}), "incomplete or altered"),
        (json.dumps({**json.loads(SOURCE.to_document()), "more": 1}), "incomplete or altered: .*'more'"),
    ],
)
def test_a_document_that_is_none_is_refused_in_words(document: str, words: str) -> None:
    """A store outlives versions, and disks alter files."""
    with pytest.raises(ValueError, match=words):
        SnapshotSource.from_document(document)


def test_everything_in_a_source_decides() -> None:
    """A field that the snapshot did not have would be kept in vain, and missed in a replay."""
    snapshot = snapshot_of(SOURCE)

    assert ("contact_centre", "c" * 40, 60, 30, 7, SOURCE.stops) == (
        snapshot.default_policy,
        snapshot.commit,
        snapshot.max_policy_age_s,
        snapshot.max_threshold_age_s,
        snapshot.threshold_revision,
        snapshot.stops,
    )
    assert (Tier.HUMAN_IN_THE_LOOP, Tier.HUMAN_ON_THE_LOOP) == (tier_at(snapshot, 0.89), tier_at(snapshot, 0.9))


@pytest.mark.parametrize(
    "change",
    [
        {"files": {"contact_centre.yaml": POLICY.replace("default: 0.85", "default: 0.86")}},
        {"max_policy_age_s": 61},
        {"max_threshold_age_s": 31},
        {"live": ()},
        {"stops": ()},
    ],
)
def test_what_a_decision_depends_on_is_in_the_digest(change: dict[str, object]) -> None:
    """Two snapshots with one digest must decide alike."""
    changed = snapshot_of(replace(SOURCE, **change))  # type: ignore[arg-type]  # fields by name

    assert snapshot_of(SOURCE).digest != changed.digest


@pytest.mark.parametrize("change", [{"commit": "d" * 40}, {"threshold_revision": 8}])
def test_where_rules_and_values_came_from_is_not_in_the_digest(change: dict[str, object]) -> None:
    """The same rules in another commit decide alike."""
    changed = snapshot_of(replace(SOURCE, **change))  # type: ignore[arg-type]  # fields by name

    assert snapshot_of(SOURCE).digest == changed.digest


def test_rules_that_do_not_compile_are_refused_with_file_and_line() -> None:
    """The whole set, whatever else is in it."""
    with pytest.raises(InvalidPolicyError) as caught:
        compile_source(replace(SOURCE, files={**SOURCE.files, "other.yaml": "policy: other\nversion: [\n"}))

    assert ["other.yaml"] == [problem.file for problem in caught.value.problems]


def test_a_stored_snapshot_decides_as_it_did() -> None:
    """This is what an auditor is promised, years later."""
    snapshot = snapshot_of(SOURCE)
    replayed = replay_snapshot(snapshot.digest, SOURCE.to_document())

    assert snapshot.digest == replayed.snapshot.digest
    assert {"contact_centre"} == set(replayed.rules.policies)
    for confidence in (0.5, 0.86, 0.9, 1.0):
        assert tier_at(snapshot, confidence) == tier_at(replayed.snapshot, confidence)


def test_a_snapshot_that_was_replayed_is_kept() -> None:
    """Compiling anew for each question about one morning would take the worker's time from its callers."""
    digest, document = snapshot_of(SOURCE).digest, SOURCE.to_document()

    assert replay_snapshot(digest, document) is replay_snapshot(digest, document)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (replace(SOURCE, max_policy_age_s=0).to_document(), "its document was altered"),
        (replace(SOURCE, files={"a.yaml": "policy: [\n"}).to_document(), "cannot be compiled by this version: a.yaml:"),
        (replace(SOURCE, files={}).to_document(), "cannot be compiled by this version: .*contact_centre"),
        ("{}", "cannot be compiled by this version: a snapshot of engine version None"),
        ("[", "cannot be compiled by this version"),
    ],
)
def test_what_cannot_be_replayed_is_said_and_never_guessed(document: str, words: str) -> None:
    """An explanation by other rules than those that decided would be a lie."""
    digest = snapshot_of(SOURCE).digest
    with pytest.raises(NotReplayableError, match=words) as caught:
        replay_snapshot(digest, document)

    assert {"digest": digest} == caught.value.metadata


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("text", [POLICY, "nonsense"])
def test_the_garbage_collector_is_left_as_it_was(enabled: bool, text: str) -> None:
    """It is put off while rules are compiled, also where they are refused."""
    (gc.enable if enabled else gc.disable)()
    try:
        with contextlib.suppress(InvalidPolicyError):
            compile_source(replace(SOURCE, files={"contact_centre.yaml": text}))
        assert enabled == gc.isenabled()
    finally:
        gc.enable()
