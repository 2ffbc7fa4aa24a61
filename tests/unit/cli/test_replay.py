"""`oversight replay`, against a server that answers as told."""

import gzip
import io
import json
import time

import grpc
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from oversight.cli.mapping import ColumnMap
from oversight.cli.playing import Played, Player
from oversight.cli.replay import RunningCount
from oversight.cli.rows import Row
from oversight.cli.tally import Tally
from oversight.v1 import outcome_pb2
from oversight_client import Client
from oversight_client.errors import UnavailableError
from unit.client.failing_channel import FailingChannel

GOOD = {"message_id": "m", "model_id": "a", "confidence": 0.95, "correct": True, "department": "bank"}

PROBLEMS = ("not JSON", "confidence: 'high' is not", "not decided: response_confidence: 7.0", "draft_sha256")


@pytest.fixture
def messages(tmp_path):
    """Write rows as a file of JSON Lines; text stands as it is."""

    def write(*rows, name="messages.jsonl"):
        path = tmp_path / name
        text = "".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows)
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return path

    return write


def test_every_message_is_decided_its_outcome_recorded_and_all_summed_up(ask, desk, messages):
    """The command's whole purpose, in the form that a machine reads."""
    rows = [GOOD | {"message_id": f"m{i}", "correct": i % 2 == 0} for i in range(20)]
    rows += [{"sentiment_score": -0.9, "response_confidence": 0.99}]
    result = ask("replay", messages(*rows, name="messages.jsonl.gz"), "--json", "--concurrency", 4)
    assert (0, "") == (result.exit_code, result.stderr)
    summary = json.loads(result.stdout)
    assert [
        "messages",
        "tiers",
        "escalations",
        "reasons",
        "departments",
        "decisions_per_s",
        "failed",
        "unrecorded",
        "repeated",
    ] == list(summary)
    assert (21, 0, 0) == (summary["messages"], summary["failed"], summary["unrecorded"])
    assert (20, 10, 20) == tuple(summary["tiers"]["HUMAN_ON_THE_LOOP"][key] for key in ("count", "errors", "labelled"))
    assert {"NONE": 20, "OFFER": 0, "TRANSFER": 1} == summary["escalations"]
    assert {"ROUTINE": 20, "NEGATIVE_SENTIMENT": 1} == summary["reasons"]
    assert {"bank", "(none)"} == set(summary["departments"])
    assert summary["decisions_per_s"] > 0
    assert {f"a/m{i}" for i in range(20)} < {request.request_id for request in desk.requests}


def test_outcomes_are_about_the_decision_made_and_have_an_id_from_it(ask, desk, messages):
    """A second replay must report the same again, not something new."""
    ask("replay", messages(GOOD, GOOD | {"outcome_id": "mine"}), "--concurrency", 1)
    first, second = (request.outcome for request in desk.outcomes)
    assert (f"replay/{1:032x}", f"{1:032x}") == (first.outcome_id, first.decision_id)
    assert (outcome_pb2.VERDICT_APPROVED, outcome_pb2.LABEL_BASIS_CENSUS) == (first.verdict, first.label_basis)
    assert ("mine", f"{2:032x}") == (second.outcome_id, second.decision_id)


def test_the_table_shows_tiers_departments_and_reasons(ask, messages):
    """What people read: rate and interval stand beside the share."""
    rows = [GOOD, GOOD | {"confidence": 0.1, "correct": False}, GOOD | {"department": "other"}]
    result = ask("replay", messages(*rows))
    assert 0 == result.exit_code
    for words in ("all messages", "on the loop", "bank", "other", "1 / 1", "100.00 %", "to 100.00 %", "LOW_CONFIDENCE"):
        assert words in result.stdout
    assert "3 messages decided" in result.stdout
    assert "0 failed" in result.stdout


def test_broken_rows_are_counted_named_and_skipped(ask, messages):
    """Unreadable, unmappable and refused rows alike: the rest of the file still counts."""
    rows = [
        GOOD,
        "{nope",
        GOOD | {"confidence": "high"},
        GOOD | {"confidence": 7},
        GOOD | {"draft_sha256": "xyz"},
        GOOD,
    ]
    result = ask("replay", messages(*rows), "--json")
    summary = json.loads(result.stdout)
    assert (1, 2, 4) == (result.exit_code, summary["messages"], summary["failed"])
    problems = sorted(result.stderr.splitlines())
    assert len(problems) == 4
    for number, (start, problem) in enumerate(zip(PROBLEMS, problems, strict=True), start=2):
        assert problem.startswith(f"line {number}: {start}")


def test_twenty_broken_rows_are_named_and_the_rest_counted(ask, messages):
    """A file of another format must not fill the screen."""
    result = ask("replay", messages(GOOD, *(["{"] * 30)))
    lines = result.stderr.splitlines()
    assert (21, "… and 10 more rows failed") == (len(lines), lines[-1])
    assert "30 failed" in result.stdout


def test_csv_is_replayed_like_json(ask, desk, messages):
    """Spreadsheets are where most histories are."""
    path = messages("reply,message,correct", "0.95,m1,true", "0.2,m2,", name="m.csv")
    result = ask("replay", path, "--map", "response_confidence=reply", "--tenant", "acme", "--json")
    tiers = json.loads(result.stdout)["tiers"]
    assert (0, 1, 0) == (
        result.exit_code,
        tiers["HUMAN_ON_THE_LOOP"]["labelled"],
        tiers["HUMAN_IN_THE_LOOP"]["labelled"],
    )
    assert {"acme"} == {request.tenant_id for request in desk.requests}


def test_parquet_is_replayed_like_json(ask, messages, tmp_path):
    """The same rows, the same table; a row that is broken is named by its number."""
    rows = [GOOD | {"message_id": f"m{i}", "confidence": i / 10, "correct": i > 5} for i in range(12)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "m.parquet")
    from_json = ask("replay", messages(*rows), "--json")
    from_parquet = ask("replay", tmp_path / "m.parquet", "--json")
    expected, actual = (json.loads(result.stdout) for result in (from_json, from_parquet))
    for sums in (expected, actual):
        del sums["decisions_per_s"]
    assert expected == actual
    assert "line 12: not decided: " in from_json.stderr
    assert from_json.stderr.replace("line", "row") == from_parquet.stderr


def test_only_the_first_rows_are_played_where_a_limit_is_given(ask, desk, messages):
    """To look before a long run."""
    assert 0 == ask("replay", messages(GOOD, GOOD, GOOD), "--limit", 2).exit_code
    assert 2 == len(desk.requests)


def test_a_call_that_was_refused_for_the_moment_is_sent_again_as_the_same_request(ask, desk, messages):
    """A server that is busy or restarts must not cost rows, nor decide one twice under two ids."""
    desk.refusals = [grpc.StatusCode.CANCELLED]
    result = ask("replay", messages({"intent": "x"}), "--json")
    assert (0, 1) == (result.exit_code, json.loads(result.stdout)["messages"])
    first, second = (request.request_id for request in desk.requests)
    assert first
    assert first == second


def test_attempts_are_bounded_and_paused(desk):
    """A server that is overloaded gets three attempts at growing distances, and then the row has failed."""
    pauses: list[float] = []
    desk.refusals = [None, *[grpc.StatusCode.RESOURCE_EXHAUSTED] * 3]
    with Client(desk.address, on_unavailable="raise", timeout_s=5) as client:
        player = Player(client, ColumnMap({}), concurrency=1, batch=1, sleep=pauses.append)
        decided, failed = player.play([Row(1, {"intent": "x"}), Row(2, {"intent": "y"})])
    assert decided.decision
    assert failed.unanswered
    assert (4, 2) == (len(desk.requests), len(pauses))
    assert sorted(pauses) == pauses


@pytest.mark.parametrize("batch", [1, 2, 7, 500])
@pytest.mark.parametrize("concurrency", [1, 4])
def test_the_table_is_the_same_however_many_rows_a_call_has(ask, desk, messages, batch, concurrency):
    """Batches are for speed: broken, refused and repeated rows, labels and reasons are what they were."""
    rows: list[object] = [
        GOOD | {"message_id": f"m{i}", "confidence": i / 40, "correct": i % 3 == 0} for i in range(40)
    ]
    rows[5:5] = ["{nope", GOOD | {"confidence": 7}, GOOD | {"draft_sha256": "xyz"}, GOOD | {"csat": 6}]
    path = messages(*rows)
    expected = ask("replay", path, "--json", "--batch", 1, "--concurrency", 1)
    actual = ask("replay", path, "--json", "--batch", batch, "--concurrency", concurrency)
    expected_sums, actual_sums = (json.loads(result.stdout) for result in (expected, actual))
    for sums in (expected_sums, actual_sums):
        assert sums.pop("decisions_per_s") > 0
    assert (41, 4) == (actual_sums["messages"], actual_sums["failed"])
    assert expected_sums == actual_sums
    assert expected.stderr == actual.stderr
    assert (1, 1) == (expected.exit_code, actual.exit_code)


def test_rows_go_to_the_server_as_many_at_a_time_as_was_asked_for(ask, desk, messages):
    """The first alone: whether a server answers at all should not take a batch to find out."""
    rows = [GOOD | {"message_id": f"m{i}"} for i in range(11)]
    assert 0 == ask("replay", messages(*rows), "--batch", 4, "--concurrency", 1).exit_code
    assert [1, 4, 4, 2] == desk.batches
    assert [f"a/m{i}" for i in range(11)] == [request.request_id for request in desk.requests]
    assert 11 == len(desk.outcomes)


def test_a_batch_that_is_refused_for_the_moment_is_sent_again_whole(ask, desk, messages):
    """Under the same ids, so that nothing is decided twice under two."""
    desk.refusals = [None, grpc.StatusCode.CANCELLED]
    result = ask("replay", messages(*[{"intent": "x"}] * 4), "--json", "--batch", 3)
    assert (0, 4) == (result.exit_code, json.loads(result.stdout)["messages"])
    assert [1, 3, 3] == desk.batches
    ids = [request.request_id for request in desk.requests]
    assert ids[1:4] == ids[4:]
    assert 4 == len(set(ids))


def test_a_row_that_a_batch_fails_by_fails_alone(ask, desk, messages):
    """One message that breaks the call must not cost the other rows of it their decisions."""
    desk.refusals = [None, grpc.StatusCode.INTERNAL, None, grpc.StatusCode.INTERNAL, None]
    result = ask("replay", messages(*[GOOD] * 4), "--json", "--batch", 3)
    summary = json.loads(result.stdout)
    assert (1, 3, 1) == (result.exit_code, summary["messages"], summary["failed"])
    assert [1, 3, 1, 1, 1] == desk.batches
    assert result.stderr.startswith("line 3: not decided: told to refuse")


def test_a_row_whose_outcome_is_refused_is_named_without_its_place_in_the_call(ask, messages):
    """Whoever mends the file looks for its line."""
    result = ask("replay", messages(*[GOOD] * 3, GOOD | {"csat": 7}), "--json", "--batch", 4)
    assert (1, 4, 1) == (result.exit_code, *[json.loads(result.stdout)[key] for key in ("messages", "failed")])
    assert "line 4: decided, but its outcome is not recorded: outcome.csat: expected 1..5\n" == result.stderr


def test_rows_are_counted_in_the_order_of_the_file(ask, desk, messages):
    """Of two labels of one request the first counts, whichever call came back first."""
    desk.one_id = True
    rows = [GOOD | {"correct": i > 0} for i in range(30)]
    for _ in range(5):
        summary = json.loads(ask("replay", messages(*rows), "--json", "--batch", 3, "--concurrency", 4).stdout)
        on_the_loop = summary["tiers"]["HUMAN_ON_THE_LOOP"]
        assert (30, 1, 1) == tuple(on_the_loop[key] for key in ("count", "labelled", "errors"))


def test_a_fault_of_the_client_is_not_hidden():
    """Taken for the fault of a row, it would be looked for in the file, for ever."""

    def refuse(_):
        raise ValueError("metadata was invalid")

    with Client(channel=FailingChannel(refuse), on_unavailable="raise") as client:
        player = Player(client, ColumnMap({}), concurrency=1, batch=2)
        with pytest.raises(ValueError, match="metadata was invalid"):
            list(player.play([Row(1, {"intent": "x"}), Row(2, {"intent": "y"})]))


def test_a_file_of_broken_rows_alone_asks_nobody(ask, desk, messages):
    """There is nothing to ask."""
    result = ask("replay", messages("{", "{"), "--json")
    assert (1, 2, 0) == (result.exit_code, json.loads(result.stdout)["failed"], len(desk.requests))


def test_where_no_server_answers_the_command_says_so_at_once(run, messages, silent):
    """Not 11,680 times, and not after a minute."""
    for target, words, waited in (
        ("127.0.0.1:1", ("--timeout", "600"), ""),
        (silent, ("--timeout", "0.2"), " within 0.2 s"),
    ):
        began = time.monotonic()
        result = run("replay", messages(*[GOOD] * 100), "--target", target, *words, "--json")
        assert time.monotonic() - began < 5
        assert 1 == result.exit_code
        assert f"no answer from {target}{waited}" in result.stderr
    assert "oversight serve" in json.loads(result.stdout)["error"]["message"]


def test_a_server_that_goes_away_ends_the_run():
    """Some rows in a row without an answer, and the rest is left alone instead of waiting for hours."""
    errors, tally = io.StringIO(), Tally()
    gone = UnavailableError("gone", code=grpc.StatusCode.UNAVAILABLE)
    rows = (Played(line, problem="not decided", unanswered=gone if line != 2 else None) for line in range(1, 100))
    count = RunningCount(tally, Console(file=errors), "line")
    assert [1, 2, 3, 4, 5] == [played.line for played in count.add_all(rows, most_unanswered=3)]
    assert 5 == tally.failed
    assert "3 rows in a row got no answer; the rest is left out" in errors.getvalue()


def test_an_outcome_that_is_not_recorded_is_a_failed_row(ask, desk, messages):
    """The decision counts, the run is not clean, and the line says which half is missing."""
    desk.outcome_refusals = [grpc.StatusCode.INTERNAL]
    result = ask("replay", messages(GOOD), "--json")
    summary = json.loads(result.stdout)
    assert (1, 1, 1) == (result.exit_code, summary["messages"], summary["failed"])
    assert "line 1: decided, but its outcome is not recorded" in result.stderr


def test_decisions_that_are_not_on_record_are_counted_and_get_no_outcome(ask, desk, messages):
    """An outcome of what nobody can look up would wait for ever."""
    desk.recorded = False
    result = ask("replay", messages(GOOD))
    assert "1 not on record" in result.stdout
    assert [] == desk.outcomes


def test_a_row_that_is_the_same_request_again_is_named_and_its_label_counts_once(ask, desk, messages):
    """The server keeps the first outcome; a rate over both would be of other facts than those on record."""
    desk.one_id = True
    path = messages(GOOD, GOOD | {"correct": False}, GOOD)
    result = ask("replay", path, "--json", "--concurrency", 1)
    summary = json.loads(result.stdout)
    on_the_loop = summary["tiers"]["HUMAN_ON_THE_LOOP"]
    assert (0, 3, 2, 0) == (result.exit_code, summary["messages"], summary["repeated"], summary["failed"])
    assert (3, 1, 0) == (on_the_loop["count"], on_the_loop["labelled"], on_the_loop["errors"])
    assert ["line 2", "line 3"] == sorted(line.partition(": repeated")[0] for line in result.stderr.splitlines())
    assert "2 repeated" in ask("replay", path).stdout


def test_twenty_repeated_rows_are_named_and_the_rest_counted(ask, desk, messages):
    """As of those that failed."""
    desk.one_id = True
    lines = ask("replay", messages(*[GOOD] * 31)).stderr.splitlines()
    assert (21, "… and 10 more rows are repeated") == (len(lines), lines[-1])


def test_a_file_without_messages_is_an_error(ask, messages):
    """Silence is not success: nothing decided is nothing shown."""
    result = ask("replay", messages())
    assert 1 == result.exit_code
    assert "no message was decided" in result.stderr


def test_a_mapped_column_that_no_row_had_is_named(ask, messages):
    """JSON Lines have no header to check it against."""
    result = ask("replay", messages(GOOD), "--map", "language=lang")
    assert "no row had the column 'lang'" in result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("none.jsonl",), "none.jsonl: No such file"),
        (("-",), "expected a name ending in"),
        (("{file}", "--map", "intnt=x"), "did you mean 'intent'"),
        (("{file}", "--concurrency", "0"), "--concurrency"),
        (("{file}", "--batch", "0"), "--batch"),
        (("{file}", "--batch", "501"), "--batch"),
        (("{file}", "--timeout", "0"), "--timeout"),
    ],
)
def test_wrong_usage_is_exit_code_2(ask, messages, words, said):
    """Scripts tell a typing error from a failed run by it."""
    file = messages(GOOD)
    result = ask("replay", *(word.format(file=file) for word in words))
    assert 2 == result.exit_code
    assert said in result.stderr
    assert "Traceback" not in result.stderr
