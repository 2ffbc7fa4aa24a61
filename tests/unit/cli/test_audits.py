"""`oversight audits`, against an admin port that answers as told."""

import json

import pytest

from insight_answers import SECOND
from oversight.v1 import insight_service_pb2 as pb
from oversight.v1 import outcome_pb2


@pytest.fixture
def audits(run, insight):
    """Run the command against it."""

    def invoke(*words):
        return run("audits", *words, "--admin", insight.address)

    return invoke


def test_people_see_what_is_due_and_what_is_late(audits):
    """The earliest due first; both pages."""
    result = audits()
    lines = [line for line in result.stdout.splitlines() if "2026" in line]
    assert (0, 3, "") == (result.exit_code, len(lines), result.stderr)
    assert ["overdue", "overdue", "due"] == [line.split()[2] for line in lines]
    assert f"{0:032x}" in lines[0]
    assert "review" in lines[1]


def test_machines_get_one_line_each(audits):
    """JSON Lines can be read before the list ends."""
    found = [json.loads(line) for line in audits("--json").stdout.splitlines()]
    assert [("AUDIT", True), ("REVIEW", True), ("AUDIT", False)] == [
        (one["label_basis"], one["overdue"]) for one in found
    ]


def test_the_rest_is_said_where_the_limit_ends_the_list(audits, insight):
    """Whoever stops must be able to go on."""
    result = audits("--limit", "2", "--json")
    assert "oversight: more follow: --page-token 1\n" == result.stderr
    assert [2] == [one.page_size for one in insight.requests["ListDueAudits"]]
    assert 1 == len(audits("--page-token", SECOND, "--json").stdout.splitlines())


def test_filters_are_sent(audits, insight):
    """Each as it was typed."""
    audits("--tenant", "t", "--department", "d", "--intent", "i", "--label-basis", "audit", "--overdue", "--limit", "1")
    expected = pb.ListDueAuditsRequest(
        tenant_id="t",
        department="d",
        intent="i",
        label_basis=outcome_pb2.LABEL_BASIS_AUDIT,
        overdue=True,
        page_size=1,
    )
    assert expected == insight.requests["ListDueAudits"][0]


def test_nothing_due_is_said(audits, insight):
    """An empty screen would be read as a failure."""
    insight.answers["ListDueAudits"] = pb.ListDueAuditsResponse()
    assert "no review or audit is due\n" == audits().stdout


def test_a_basis_that_nobody_is_due_by_is_refused(audits):
    """A census is nobody's task."""
    result = audits("--label-basis", "census")
    assert (2, True) == (result.exit_code, "'census' is not one of review, audit" in result.stderr)
