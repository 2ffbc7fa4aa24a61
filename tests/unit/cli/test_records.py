"""`oversight records`, against an admin port that answers as told."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from insight_port import refuse_field
from oversight.v1 import decision_pb2 as shared
from oversight.v1 import decision_service_pb2 as decisions
from oversight.v1 import insight_service_pb2 as insight
from oversight.v1 import outcome_pb2
from oversight.v1.insight_service_pb2_grpc import InsightServiceServicer, add_InsightServiceServicer_to_server


class FakeInsight(InsightServiceServicer):
    """Has seven decisions, gives three a page at most, and an empty page before the last."""

    def __init__(self) -> None:
        self.address = ""
        self.requests: list[insight.ListRecordsRequest] = []

    def EraseSubject(self, request, context):  # noqa: N802  # the protocol's name
        """Never asked for by this command."""
        raise NotImplementedError

    def ListRecords(self, request, context):  # noqa: N802  # the protocol's name
        """Return a page."""
        self.requests.append(request)
        if request.intent == "wrong":
            refuse_field(context, "intent", "intent: it is wrong")
        if request.intent == "none":
            return insight.ListRecordsResponse()
        first = int(request.page_token or 0)
        if first == 6 and len(request.page_token) == 1:
            return insight.ListRecordsResponse(next_page_token=f"{first:02}")
        last = min(first + min(request.page_size, 3), 7)
        page = insight.ListRecordsResponse(next_page_token=str(last) if last < 7 else "")
        page.records.extend(a_record(number) for number in range(first, last))
        return page


def a_record(number):
    """Return a decision on record; the fourth is erased."""
    stored = decisions.Decision(
        request=decisions.DecideRequest(intent="order_status"),
        response=decisions.DecideResponse(
            decision_id=f"{number:032x}",
            tier=shared.TIER_HUMAN_IN_THE_LOOP,
            escalation=shared.ESCALATION_OFFER,
            reason="LOW_CONFIDENCE",
            evaluation=shared.EVALUATION_MATCHED,
            recorded=True,
        ),
        erased=number == 3,
    )
    if number != 3:
        stored.request.conversation_id = f"c-{number}"
    stored.decided_at.FromJsonString("2026-06-01T09:30:00.123456Z")
    recorded = stored.outcomes.add(status=outcome_pb2.OUTCOME_STATUS_ACCEPTED)
    recorded.outcome.verdict = outcome_pb2.VERDICT_EDITED_MINOR
    return stored


@pytest.fixture
def insight_desk() -> Iterator[FakeInsight]:
    """An admin port that answers as told."""
    fake = FakeInsight()  # type: ignore[abstract]  # no other method is asked for
    server = grpc.server(ThreadPoolExecutor(2))
    add_InsightServiceServicer_to_server(fake, server)
    fake.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    yield fake
    server.stop(0).wait(5)


@pytest.fixture
def records(run, insight_desk):
    """Run the command against it."""

    def invoke(*words):
        return run("records", *words, "--admin", insight_desk.address)

    return invoke


def ids(result):
    """Return the numbers in JSON Lines."""
    return [int(json.loads(line)["response"]["decision_id"], 16) for line in result.stdout.splitlines()]


def test_people_get_a_table(records):
    """When, which, how human, why, and what became of it."""
    result = records("--limit", "5")
    assert 0 == result.exit_code
    for words in ("2026-06-01T09:30:00Z", f"{4:032x}", "human in the loop", "offer", "LOW_CONFIDENCE", "edited minor"):
        assert words in result.stdout
    assert "(erased)" in result.stdout
    assert "c-2" in result.stdout


def test_machines_get_one_line_a_decision(records):
    """JSON Lines can be read before the list ends."""
    result = records("--json")
    assert (0, list(range(7)), "") == (result.exit_code, ids(result), result.stderr)
    assert "HUMAN_IN_THE_LOOP" == json.loads(result.stdout.splitlines()[0])["response"]["tier"]


def test_pages_are_followed_up_to_the_limit_and_the_rest_is_said(records, insight_desk):
    """Whoever stops must be able to go on."""
    result = records("--limit", "4", "--json")
    assert ([0, 1, 2, 3], "oversight: more follow: --page-token 4\n") == (ids(result), result.stderr)
    assert [4, 1] == [request.page_size for request in insight_desk.requests]

    assert [4, 5, 6] == ids(records("--page-token", "4", "--json"))


def test_every_filter_is_sent(records, insight_desk):
    """Both spellings of a tier; times with their zone."""
    words = "--conversation c --subject s --tenant t --department d --intent i --tier TIER_HUMAN_AS_THE_LOOP"
    more = "--since 2026-06-01T00:00:00+02:00 --until 2026-06-02T00:00:00Z --policy-digest dd --evaluation stale"
    assert 0 == records(*words.split(), *more.split()).exit_code
    (request, *_) = insight_desk.requests
    expected = insight.ListRecordsRequest(
        conversation_id="c",
        subject_ref="s",
        tenant_id="t",
        department="d",
        intent="i",
        tier=shared.TIER_HUMAN_AS_THE_LOOP,
        policy_digest="dd",
        evaluation=shared.EVALUATION_STALE,
        page_size=50,
    )
    expected.since.FromJsonString("2026-05-31T22:00:00Z")
    expected.until.FromJsonString("2026-06-02T00:00:00Z")
    assert expected == request


def test_nothing_found_is_said(records):
    """An empty table would look like a fault."""
    result = records("--intent", "none")
    assert (0, "no decision in the store meets this\n") == (result.exit_code, result.stdout)
    assert "" == records("--intent", "none", "--json").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--since", "2026-06-01T00:00:00"), "names no zone"),
        (("--tier", "human_in_the_lop"), "did you mean 'human_in_the_loop'?"),
        (("--limit", "0"), "--limit"),
        (("--intent", "wrong"), "intent: it is wrong"),
    ],
)
def test_a_wrong_filter_is_exit_code_2(records, words, said):
    """It is named, by the command or by the server."""
    result = records(*words)
    assert 2 == result.exit_code
    assert said in result.stderr


def test_without_a_server_the_admin_port_is_named(run):
    """Not the data port's option."""
    result = run("records", "--admin", "127.0.0.1:1", "--json")
    assert 1 == result.exit_code
    assert "name another with --admin" in json.loads(result.stdout)["error"]["message"]
