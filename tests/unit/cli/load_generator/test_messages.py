"""Requests that nobody has seen before."""

import itertools
import json
from collections import Counter
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from oversight.cli.load_generator import mix
from oversight.cli.load_generator.messages import MAX_MESSAGES, Salt, make_requests, read_messages
from oversight.cli.load_generator.mix import draw_messages
from oversight.cli.mapping import ColumnMap
from oversight.cli.rows import RowFile
from oversight.errors import UsageError
from oversight.v1.decision_service_pb2 import BatchDecideRequest, DecideRequest
from unit.cli.load_generator.fakes import a_random

SALT = Salt(0xBEEF, "1.0")


def singles(salt, count, messages=None):
    """Return the first requests, parsed."""
    made = list(islice(make_requests(salt, batch=0, messages=messages), count))
    parsed = [DecideRequest.FromString(request.payload) for request in made]
    assert [(message.request_id,) for message in parsed] == [request.ids for request in made]
    return parsed


def test_no_id_comes_twice_in_a_run_or_in_two():
    """A server that had seen the id before could answer from memory."""
    parts = [(1, "1.0"), (1, "1.1"), (1, "2.0"), (2, "1.0")]
    ids = [message.request_id for seed, part in parts for message in singles(Salt(seed, part), 5000)]
    assert len(ids) == len(set(ids))
    assert "load-beef-1.0-0" == singles(SALT, 1)[0].request_id


def test_the_same_seed_sends_the_same():
    """A run that showed something can be done again."""
    assert singles(SALT, 50) == singles(SALT, 50)
    assert singles(SALT, 50) != singles(Salt(1, "1.0"), 50)


def test_numbers_of_the_built_in_mix_are_new_each_time():
    """Replies show them, so that one reply in a cache would flatter the server."""
    messages = singles(SALT, 10_000)
    pairs = {(message.response_confidence, message.sentiment_score) for message in messages}
    assert len(pairs) > 9_990
    # The 4,097th is the first again, moved a little.
    first, again = messages[0], messages[4096]
    assert (first.intent, first.conversation_id) == (again.intent, again.conversation_id)
    assert 0 < abs(first.response_confidence - again.response_confidence) <= 0.0401
    for message in messages:
        assert 0 <= message.response_confidence <= 1
        assert -1 <= message.sentiment_score <= 1
        assert message.intent_runner_up_confidence <= message.intent_confidence


class _Unsure(Random):
    """Draws every confidence low, as happens once in some thousands of messages."""

    def betavariate(self, alpha: float, beta: float) -> float:  # noqa: ARG002 - the signature is Random's
        return 0.4


def test_the_runner_up_is_never_above_the_intent_drawn():
    """The server refuses such a message, so a load failed now and then."""
    for fields in islice(draw_messages(_Unsure(1)), 200):
        runner_up, confidence = fields["intent_runner_up_confidence"], fields["intent_confidence"]
        assert isinstance(runner_up, float)
        assert isinstance(confidence, float)
        assert runner_up <= confidence


def test_messages_of_a_file_come_in_turn_with_ids_of_their_own():
    """What the file says is sent as it is; only the id must differ from the last time round."""
    messages = [{"request_id": "mine", "intent": "a", "response_confidence": 0.5}, {"intent": "b"}]
    sent = singles(SALT, 5, messages)
    assert ["a", "b", "a", "b", "a"] == [message.intent for message in sent]
    assert 5 == len({message.request_id for message in sent})
    assert 0.5 == sent[0].response_confidence == sent[2].response_confidence
    assert not sent[1].HasField("response_confidence")
    assert not sent[1].HasField("sentiment_score")


def test_a_batch_has_its_own_ids_even_where_it_is_larger_than_the_file():
    """The same message twice in one batch must be two messages."""
    made = list(islice(make_requests(SALT, batch=5, messages=[{"intent": "a"}, {"intent": "b"}]), 2))
    batches = [BatchDecideRequest.FromString(request.payload).requests for request in made]
    assert [["a", "b", "a", "b", "a"], ["b", "a", "b", "a", "b"]] == [[m.intent for m in batch] for batch in batches]
    assert [list(request.ids) for request in made] == [[m.request_id for m in batch] for batch in batches]
    assert 10 == len({m.request_id for batch in batches for m in batch})


def test_the_mix_is_what_its_tables_say():
    """The documents show them; somebody compares a server's answers with them."""
    drawn = list(islice(draw_messages(a_random(1)), 20_000))
    assert pytest.approx(100.0) == sum(mix.INTENTS.values())
    counts = Counter(str(message["intent"]) for message in drawn)
    for intent, per_cent in mix.INTENTS.items():
        assert pytest.approx(per_cent / 100, abs=0.006) == counts[intent] / len(drawn)
    flagged = sum(bool(message["guardrails"]) for message in drawn)
    assert pytest.approx(0.02, abs=0.004) == flagged / len(drawn)
    assert {"refund", "credit", "reply", "account_change", "cancellation"} == {m["proposed_action"] for m in drawn}


def test_the_mix_has_the_intents_of_the_default_policy_and_one_that_it_does_not_know():
    """An intent that the policy forgot would quietly be sent to a person each time."""
    policy = Path(__file__).resolve().parents[4] / "policy_rules" / "contact_centre.yaml"
    section = policy.read_text(encoding="utf-8").partition("intents:")[2].partition("unknown_intent:")[0]
    known = {line.split("- ")[1] for line in section.splitlines() if "- " in line and "#" not in line}
    assert {"something_new"} == set(mix.INTENTS) - known
    assert set() == known - set(mix.INTENTS)


def test_rows_that_are_no_messages_are_left_out_and_named(tmp_path):
    """One broken line must not cost the run, nor go unsaid."""
    path = tmp_path / "messages.jsonl"
    rows = ['{"intent": "a", "note": "x"}', "{", '{"response_confidence": "high"}', '{"draft_sha256": "xyz"}']
    path.write_text("\n".join(rows), encoding="utf-8")
    with RowFile(path) as file:
        messages, problems = read_messages(file, ColumnMap({}), path)
    assert [{"intent": "a"}] == messages
    assert [f"{path}:{line}:" for line in (2, 3, 4)] == [problem.split(" ")[0] for problem in problems]


def test_a_file_without_a_message_is_a_usage_error(tmp_path):
    """Sending something else instead would measure something else."""
    path = tmp_path / "empty.jsonl"
    path.write_text("{\n", encoding="utf-8")
    with RowFile(path) as file, pytest.raises(UsageError, match=r"no message can be read from it: .*empty\.jsonl:1"):
        read_messages(file, ColumnMap({}), path)


def test_a_file_of_any_size_takes_bounded_memory(tmp_path):
    """More messages than the limit would tell no more."""
    path = tmp_path / "many.jsonl"
    line = json.dumps({"intent": "a"})
    path.write_text("\n".join(itertools.repeat(line, MAX_MESSAGES + 10)), encoding="utf-8")
    with RowFile(path) as file:
        messages, problems = read_messages(file, ColumnMap({}), path)
    assert (MAX_MESSAGES, []) == (len(messages), problems)
