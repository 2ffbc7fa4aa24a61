"""`oversight replay-record`, on a store that a server could have left."""

import json
import shutil

import pytest
from sqlalchemy import text

from oversight.app.keys import load_keys, make_keys
from oversight.app.store import open_store
from oversight.decisions import Call
from oversight.engine.decide import decide
from oversight.engine.request import REQUEST_FIELDS, Request, ServerFacts
from oversight.grpc_api.convert.frames import decode_frame
from oversight.grpc_api.convert.records import ProtobufWire
from oversight.grpc_api.convert.requests import request_to_proto
from oversight.policies import SnapshotSource, assemble_source, compile_source
from oversight.settings import Settings
from oversight.storage.records import DecisionRecord

RULES = """
policy: contact_centre
version: "1"
description: One rule.
required_signals: [intent, response_confidence]
intents: [order_status]
thresholds:
  autonomy_confidence: {description: Lowest., default: 0.85, min: 0.6, max: 0.99, tightens: raise}
rules:
  - {id: low, when: {response_confidence: {below: $autonomy_confidence}}, tier: human_in_the_loop, reason: LOW,
     message: Low.}
"""
SOURCE = SnapshotSource(files={"contact_centre.yaml": RULES}, default_policy="contact_centre")
SNAPSHOT = assemble_source(SOURCE, compile_source(SOURCE)[0])
FIRST_US = 1_800_000_000_000_000


class Archive:
    """A data folder with four decisions, the third of them in a journal of its own making."""

    def __init__(self, folder):
        self.folder = folder
        self.settings = Settings(data_dir=folder)
        make_keys(self.settings)
        self.keys = load_keys(self.settings)
        self.store = open_store(self.settings)
        self.payloads = [self.payload(number) for number in range(4)]
        decoded = [record for payload in self.payloads for record in decode_frame(payload, self.keys)]
        self.records = [record for record in decoded if isinstance(record, DecisionRecord)]
        self.ids = [record.decision_id for record in self.records]
        self.store.add(self.records[:3], [])
        self.store.put_snapshot(SNAPSHOT.digest, SOURCE.to_document())

    def payload(self, number):
        """Return the journal's record of one decision."""
        request = Request(
            request_id=f"r-{number}",
            subject_ref=f"s-{number}",
            intent="order_status",
            response_confidence=0.8,
            decided_at_us=FIRST_US + number * 1_000_000,
        )
        message = request_to_proto(zip(REQUEST_FIELDS, request, strict=False)).SerializeToString(deterministic=True)
        decision = decide(SNAPSHOT, request, ServerFacts(), self.keys, canonical=message)
        wire = ProtobufWire()
        return wire.decision_record(
            message,
            wire.reply(decision, request.request_id),
            ServerFacts(),
            request.decided_at_us,
            decision.audit_key_id,
            Call("local", "", 0),
            5,
        )

    def change(self, statement, **values):
        """Alter the store as somebody with a database tool would."""
        with self.store._engine.begin() as connection:  # noqa: SLF001 - see above
            connection.execute(text(statement), values)

    def lower_tier(self, number):
        """Make a decision's tier less human."""
        self.change("UPDATE decisions SET tier = 1 WHERE decision_id = :wanted", wanted=self.ids[number])


@pytest.fixture
def archive(tmp_path):
    """A data folder that a server has left."""
    return Archive(tmp_path)


@pytest.fixture
def replay(run, archive):
    """Run the command on the folder."""

    def invoke(*words):
        return run("replay-record", *words, "--data-dir", archive.folder)

    return invoke


def test_an_untouched_record_is_equal(replay, archive):
    """Exit code 0: what is on record is what the rules say."""
    result = replay(archive.ids[0])
    assert (0, "") == (result.exit_code, result.stderr)
    assert f"EQUAL  {archive.ids[0]}" in result.stdout
    shown = json.loads(replay(archive.ids[0], "--json").stdout)
    assert ("EQUAL", True, [], []) == (
        *(shown["verdict"], shown["holds"]),
        *(shown["differences"], shown["not_compared"]),
    )


def test_a_difference_is_shown_field_by_field(replay, archive):
    """Exit code 1, and what to look at."""
    archive.lower_tier(0)
    result = replay(archive.ids[0])
    assert 1 == result.exit_code
    assert "DIFFERENT" in result.stdout
    shown = json.loads(replay(archive.ids[0], "--json").stdout)
    assert [{"field": "tier", "recorded": "HUMAN_ON_THE_LOOP", "replayed": "HUMAN_IN_THE_LOOP"}] == shown["differences"]


def test_an_erased_record_says_so_and_compares_the_rest(replay, archive):
    """The right to be forgotten does not end the record of what was decided."""
    archive.change("DELETE FROM personal_parts")
    result = replay(archive.ids[0])
    assert 0 == result.exit_code
    for words in ("ERASED", "the id cannot be made again", "not compared: decision_id"):
        assert words in result.stdout


def test_a_missing_snapshot_is_said(replay, archive):
    """Not by the rules of today."""
    archive.change("DELETE FROM snapshots")
    result = replay(archive.ids[0])
    assert 1 == result.exit_code
    assert f"snapshot {SNAPSHOT.digest} is not in the store" in " ".join(result.stdout.split())


def test_all_of_them_are_counted(replay, archive):
    """Does everything hold: the auditor's question."""
    result = replay("--all")
    assert (0, "3 decisions: 3 EQUAL, 0 ERASED, 0 DIFFERENT, 0 NOT_REPLAYABLE") == (
        result.exit_code,
        result.stdout.strip(),
    )
    archive.lower_tier(1)
    archive.change("DELETE FROM personal_parts WHERE subject_ref = 's-0'")
    result = replay("--all")
    assert 1 == result.exit_code
    assert "1 EQUAL, 1 ERASED, 1 DIFFERENT" in result.stdout
    assert f"{archive.ids[1]} DIFFERENT: tier" in result.stdout
    counts = json.loads(replay("--all", "--json").stdout)
    assert (3, 1, 1, 1, 0, 1) == (
        *(counts["decisions"], counts["equal"], counts["erased"], counts["different"]),
        *(counts["not_replayable"], counts["failures"]),
    )


def test_since_and_limit_take_the_newest(replay, archive):
    """A nightly check looks at one day."""
    since = json.loads(replay("--since", "2027-01-15T08:00:01Z", "--json").stdout)
    assert 2 == since["decisions"]
    assert 1 == json.loads(replay("--all", "--limit", "1", "--json").stdout)["decisions"]


def test_a_record_that_is_still_in_a_journal_is_replayed(replay, archive):
    """The server was stopped while the store was away."""
    from oversight.journal.journal import Journal

    (archive.folder / "journal").mkdir()
    journal = Journal(archive.folder / "journal" / "worker-0", segment_bytes=65_536, segment_age_s=60, max_bytes=65_536)
    journal.append(archive.payloads[3])
    journal.close()
    assert "EQUAL" in replay(archive.ids[3]).stdout


def test_another_store_is_named_by_its_folder(run, archive, tmp_path):
    """A restored backup is checked beside the original."""
    copy = tmp_path / "copy"
    copy.mkdir()
    (archive.folder / "records.db").rename(copy / "records.db")
    shutil.copytree(archive.folder / "keys", copy / "keys")
    assert "0 decisions" in run("replay-record", "--all", "--data-dir", archive.folder).stdout
    assert "3 decisions: 3 EQUAL" in run("replay-record", "--all", "--data-dir", copy).stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "name one decision, or say --since TIME, or --all"),
        (("f" * 32, "--all"), "name one decision, or say --since TIME, or --all"),
        (("--all", "--store", "postgresql://u:secret@h/d"), "--store has a password in it"),
        (("--all", "--store", "here"), "this is no URL"),
        (("--since", "yesterday"), "is not a time in ISO 8601"),
    ],
)
def test_what_makes_no_sense_is_said(replay, words, said):
    """Exit code 2, and never the password."""
    result = replay(*words)
    assert 2 == result.exit_code
    assert said in result.stderr
    assert "secret" not in result.stderr + result.stdout


def test_an_unknown_decision_is_said(replay):
    """The thing asked about is wrong, not the way it was asked."""
    result = replay("f" * 32, "--json")
    assert 1 == result.exit_code
    assert "DECISION_NOT_FOUND" == json.loads(result.stdout)["error"]["reason"]
