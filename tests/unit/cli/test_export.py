"""`oversight export`, against an admin port that answers as told."""

import json
import stat
from typing import Any

import grpc
import pyarrow.parquet
import pytest

from insight_answers import a_correction
from oversight.cli.export_rows import CORRECTION_COLUMNS, DECISION_COLUMNS
from oversight.cli.parquet_rows import ParquetRows
from oversight.cli.row_writers import writing
from oversight.cli.rows import Row
from oversight.v1 import decision_pb2 as shared
from oversight.v1 import insight_service_pb2 as pb
from oversight.v1 import outcome_pb2


@pytest.fixture
def export(run, insight):
    """Run the command against it."""

    def invoke(*words):
        return run("export", *words, "--admin", insight.address)

    return invoke


def lines_of(path):
    """Return the rows of a JSON Lines file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def numbers_of(rows):
    """Return the numbers of the decisions in *rows*."""
    return [int(row["decision_id"], 16) for row in rows]


def test_corrections_come_least_sure_first_and_one_of_each_context(export, tmp_path):
    """The least certain teach most, and the same one twice teaches little more."""
    out = tmp_path / "c.jsonl"
    result = export("corrections", "--out", out)
    assert (0, f"4 corrections in {out}\n") == (result.exit_code, result.stdout)
    rows = lines_of(out)
    # 2 and 4 differ by a hundredth of grounding; 0 has no margin and comes last.
    assert [1, 2, 3, 0] == numbers_of(rows)
    assert [pytest.approx(0.12), pytest.approx(0.41), pytest.approx(0.52), None] == [row["margin"] for row in rows]


def test_all_of_them_are_there_where_asked_for(export, tmp_path):
    """Whoever trains on everything weighs by propensity."""
    out = tmp_path / "c.jsonl"
    export("corrections", "--out", out, "--all")
    assert [1, 2, 4, 3, 0] == numbers_of(lines_of(out))
    export("corrections", "--out", out, "--all", "--limit", "2")
    assert [1, 2] == numbers_of(lines_of(out))


def test_a_correction_has_context_verdict_pointer_and_weight(export, tmp_path):
    """What training needs, in fixed columns."""
    export("corrections", "--out", tmp_path / "c.jsonl")
    (row,) = [row for row in lines_of(tmp_path / "c.jsonl") if row["decision_id"] == f"{1:032x}"]
    assert list(CORRECTION_COLUMNS) == list(row)
    expected = {
        "intent": "card_status",
        "model_version": "m-7",
        "guardrails": ["pii"],
        "tier": "HUMAN_IN_THE_LOOP",
        "reasons": ["LOW_CONFIDENCE"],
        "verdict": "EDITED_MAJOR",
        "label_basis": "AUDIT",
        "correction_ref": "https://crm.example/corrections/1",
        "loss": 1,
        "propensity_weight": 20.0,
        "grounding_score": None,
        "policy": "contact_centre",
        "decided_at": "2026-11-20T09:01:00Z",
    }
    assert expected == {name: row[name] for name in expected}


def test_nothing_personal_is_in_what_is_trained_on(export, tmp_path):
    """A file is out of reach of an erasure."""
    export("corrections", "--out", tmp_path / "c.jsonl")
    text = (tmp_path / "c.jsonl").read_text()
    assert "c-1" not in text
    assert "s-1" not in text
    assert {"request_id", "conversation_id", "subject_ref", "attributes"}.isdisjoint(CORRECTION_COLUMNS)


Report = tuple[str, str | None, str, dict[str, Any]]


def facts_written(export, insight, tmp_path, *reports: Report, draft=b""):
    """
    Return verdict, time and pointer of the one row written for a decision of *draft* with these *reports*.

    Each is a verdict, when it was observed (None: not said), when it arrived, and what else the outcome holds.
    """
    correction = a_correction(7, 0.3, draft_sha256=draft)
    del correction.decision.outcomes[:]
    for verdict, observed_at, received_at, more in reports:
        status = more.pop("status", outcome_pb2.OUTCOME_STATUS_ACCEPTED)
        basis = outcome_pb2.LABEL_BASIS_REVIEW
        recorded = correction.decision.outcomes.add(
            status=status,
            outcome=outcome_pb2.Outcome(
                verdict=outcome_pb2.Verdict.Value(f"VERDICT_{verdict}"), label_basis=basis, **more
            ),
        )
        recorded.received_at.FromJsonString(received_at)
        if observed_at is not None:
            recorded.outcome.observed_at.FromJsonString(observed_at)
    insight.answers["ListCorrections"] = pb.ListCorrectionsResponse(corrections=[correction])
    export("corrections", "--out", tmp_path / "c.jsonl")
    (row,) = lines_of(tmp_path / "c.jsonl")
    return row["verdict"], row["observed_at"], row["correction_ref"]


NOON, ONE, TWO, MUCH_LATER = (f"2026-11-{day}:00:00Z" for day in ("21T12", "21T13", "21T14", "30T12"))


def test_of_several_outcomes_each_fact_is_the_latest_that_counts(export, insight, tmp_path):
    """An outcome of another draft, or one that came second under its id, says nothing about this one."""
    reports: list[Report] = [
        ("EDITED_MAJOR", NOON, NOON, {"correction_ref": "dms/real"}),
        ("REJECTED", ONE, ONE, {}),
        ("APPROVED", TWO, TWO, {"status": outcome_pb2.OUTCOME_STATUS_CONFLICT}),
        ("APPROVED", MUCH_LATER, MUCH_LATER, {"status": outcome_pb2.OUTCOME_STATUS_OTHER_DRAFT}),
    ]
    assert ("REJECTED", ONE, "dms/real") == facts_written(export, insight, tmp_path, *reports)


def test_the_correction_of_a_seeded_error_is_not_trained_on(export, insight, tmp_path):
    """It corrects what somebody made wrong on purpose, not what the AI wrote."""
    reports: list[Report] = [
        ("EDITED_MAJOR", NOON, NOON, {"correction_ref": "dms/real"}),
        ("REJECTED", ONE, ONE, {"correction_ref": "dms/planted", "planted": True}),
    ]
    assert ("EDITED_MAJOR", NOON, "dms/real") == facts_written(export, insight, tmp_path, *reports)


def test_a_fact_without_a_time_counts_as_of_when_it_arrived(export, insight, tmp_path):
    """As it is documented: absent is not the oldest."""
    reports: list[Report] = [("REJECTED", None, ONE, {}), ("APPROVED", NOON, NOON, {})]
    assert ("REJECTED", ONE) == facts_written(export, insight, tmp_path, *reports)[:2]


def test_times_are_compared_as_times(export, insight, tmp_path):
    """As text half a second past noon comes before noon."""
    later = "2026-11-21T12:00:00.500Z"
    reports: list[Report] = [("REJECTED", later, TWO, {}), ("EDITED_MINOR", NOON, TWO, {})]
    assert ("REJECTED", "2026-11-21T12:00:00.500000Z") == facts_written(export, insight, tmp_path, *reports)[:2]


def test_a_time_to_come_counts_as_of_when_it_was_told(export, insight, tmp_path):
    """A clock that is wrong would have the last word for ever; the evidence reads it so, too."""
    reports: list[Report] = [("EDITED_MINOR", MUCH_LATER, NOON, {}), ("REJECTED", ONE, TWO, {})]
    assert ("REJECTED", ONE) == facts_written(export, insight, tmp_path, *reports)[:2]


@pytest.mark.parametrize(
    ("draft", "verdict"), [(b"e" * 32, "EDITED_MAJOR"), (b"d" * 32, "APPROVED"), (b"", "APPROVED")]
)
def test_the_approval_of_the_edited_draft_is_not_one_of_the_decided_draft(export, insight, tmp_path, draft, verdict):
    """Who edits much and has the edited draft decided again has corrected the first."""
    reports: list[Report] = [
        ("EDITED_MAJOR", NOON, NOON, {"correction_ref": "dms/real"}),
        ("APPROVED", ONE, ONE, {"draft_sha256": draft, "redecided_as": "f" * 32}),
    ]
    written = facts_written(export, insight, tmp_path, *reports, draft=b"d" * 32)
    assert (verdict, "dms/real") == written[::2]


@pytest.mark.parametrize("what", ["corrections", "decisions"])
def test_both_formats_say_the_same(export, tmp_path, what):
    """Whoever reads Parquet must not learn something else."""
    export(what, "--out", tmp_path / "x.jsonl")
    export(what, "--out", tmp_path / "x.parquet")
    with ParquetRows(tmp_path / "x.parquet") as file:
        rows: list[dict[str, Any]] = [row.values for row in file if isinstance(row, Row)]
    kinds = CORRECTION_COLUMNS if what == "corrections" else DECISION_COLUMNS
    for row in rows:
        for name, kind in kinds.items():
            if row[name] is not None and kind == "json":
                row[name] = json.loads(row[name])
            if row[name] is not None and kind == "time":
                row[name] = row[name].isoformat().replace("+00:00", "Z")
    assert lines_of(tmp_path / "x.jsonl") == rows


def test_decisions_are_followed_page_by_page(export, insight, tmp_path):
    """Also over a page without any."""
    result = export("decisions", "--out", tmp_path / "d.jsonl", "--json")
    assert {"file": str(tmp_path / "d.jsonl"), "rows": 3} == json.loads(result.stdout)
    rows = lines_of(tmp_path / "d.jsonl")
    assert [2, 1, 0] == numbers_of(rows)
    assert ("c-2", None, 0.5) == (
        rows[0]["conversation_id"],
        rows[1]["conversation_id"],
        rows[1]["response_confidence"],
    )
    assert "EDITED_MAJOR" == rows[2]["outcomes"][0]["outcome"]["verdict"]

    export("decisions", "--out", tmp_path / "d.jsonl", "--limit", "1")
    assert [2] == numbers_of(lines_of(tmp_path / "d.jsonl"))
    assert 1 == insight.requests["ListRecords"][-1].page_size


def test_filters_are_sent(export, insight, tmp_path):
    """Decisions know the filters of `records`, corrections those of insights."""
    words = "--tenant t --department d --intent i --tier human_on_the_loop --since 2026-11-01T00:00:00Z"
    assert 0 == export("decisions", "--out", tmp_path / "d.jsonl", *words.split()).exit_code
    first = insight.requests["ListRecords"][0]
    assert ("t", "d", "i", shared.TIER_HUMAN_ON_THE_LOOP) == (
        *(first.tenant_id, first.department),
        *(first.intent, first.tier),
    )
    export("corrections", "--out", tmp_path / "c.jsonl", *words.split(), "--model-version", "m")
    assert ("t", "m") == (
        insight.requests["ListCorrections"][0].filter.tenant_id,
        insight.requests["ListCorrections"][0].filter.model_version,
    )


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_a_file_is_whole_or_not_there(export, insight, tmp_path, suffix):
    """Half a file would be trained on."""
    out = tmp_path / f"d.{suffix}"
    out.write_text("yesterday's")
    insight.answers["ListRecords"].pop()  # the third page is not to be had
    result = export("decisions", "--out", out)
    assert 1 == result.exit_code
    assert [out] == list(tmp_path.iterdir())
    assert "yesterday's" == out.read_text()


def test_an_interrupted_export_leaves_nothing_behind(tmp_path):
    """Ctrl-C in the middle of it."""

    def interrupted():
        with writing(tmp_path / "x.jsonl", {"a": "text"}) as writer:
            writer.write({"a": "1"})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_the_file_is_its_owners_alone(export, tmp_path, suffix):
    """Whoever may read records need not be everybody on the machine."""
    export("decisions", "--out", tmp_path / f"d.{suffix}")
    assert 0o600 == stat.S_IMODE((tmp_path / f"d.{suffix}").stat().st_mode)


def test_an_empty_parquet_file_still_has_its_columns(export, insight, tmp_path):
    """A job that reads it every night must not fail on a quiet day."""
    insight.answers["ListCorrections"] = pb.ListCorrectionsResponse()
    assert 0 == export("corrections", "--out", tmp_path / "c.parquet").exit_code
    table = pyarrow.parquet.read_table(tmp_path / "c.parquet")
    assert (0, list(CORRECTION_COLUMNS)) == (table.num_rows, table.column_names)


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("x.csv", "expected a name that ends in .jsonl or .parquet"),
        ("nowhere/x.jsonl", "there is no folder"),
        ("folder.jsonl", "this is a folder; name a file in it"),
    ],
)
def test_a_file_that_cannot_be_written_is_named_before_anything_is_read(export, insight, tmp_path, out, said):
    """Not after an hour of pages."""
    (tmp_path / "folder.jsonl").mkdir()
    result = export("decisions", "--out", tmp_path / out)
    assert (2, {}) == (result.exit_code, insight.requests)
    assert said in result.stderr


def test_what_the_server_refuses_is_said_in_its_words(export, insight, tmp_path):
    """And no file is made."""
    insight.refusals.append((grpc.StatusCode.FAILED_PRECONDITION, "not now"))
    result = export("corrections", "--out", tmp_path / "c.jsonl")
    assert (1, "oversight: not now\n", []) == (result.exit_code, result.stderr, list(tmp_path.iterdir()))


def test_the_options_of_a_caller_are_those_of_every_command(export):
    """A server that asks for a token is asked with one."""
    assert "--token-file" in export("corrections", "--help").stdout


def test_bare_export_says_what_there_is(run):
    """Whoever does not know yet."""
    assert "corrections" in run("export").stdout
