"""PolicyService on the admin port: policies read, versions paged, a look at once, and the state."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from desks import NOW_US
from oversight.app.reports import ControllerReport, KeeperReport, SupervisorReport, write_report
from oversight.engine.snapshot import LiveValue
from oversight.policies import SnapshotSource
from oversight.rules.source import default_folder, read_folder
from oversight.v1 import decision_pb2 as values
from oversight.v1 import policy_service_pb2 as pb
from policy_port import BROKEN, Port, opened
from refusals import refusal_of
from servers import POLICY, write_policy


@pytest.fixture
def port(tmp_path: Path) -> Iterator[Port]:
    """An admin port over the small policy."""
    with opened(tmp_path) as port:
        yield port


def test_the_policy_in_force_is_read_with_its_thresholds(port: Port) -> None:
    """What decides, without looking for the files of the machine that decides."""
    found = port.get()

    assert ("contact_centre", "1", "") == (found.policy.name, found.policy.version, found.policy.commit)
    assert (port.folder.watch.state.digest, True, True) == (found.policy.digest, found.in_force, found.is_default)
    assert ["intent", "response_confidence", "sentiment_score"] == list(found.required_signals)
    [threshold] = found.thresholds
    assert ("autonomy_confidence", 0.85, 0.85, 0.6, 0.99) == (
        *(threshold.name, threshold.default_value, threshold.value),
        *(threshold.minimum, threshold.maximum),
    )
    assert (True, False) == (threshold.raising_tightens, threshold.live)
    assert (1, 0, 0) == (found.rule_count, len(found.rules), len(found.files)), "neither was asked for"


@pytest.mark.parametrize("anomalies", [False, True])
def test_what_the_breaker_tightens_by_itself_is_shown(port: Port, anomalies: bool) -> None:
    """Whoever finds a value that nobody set must see who may have."""
    plain = port.get()
    assert (0.0, False) == (plain.thresholds[0].breaker_step, plain.breaker_anomalies)
    breaker = f"breaker: {{steps: {{autonomy_confidence: 0.02}}, anomalies: {str(anomalies).lower()}}}\n"
    digest = port.put(SnapshotSource({"contact_centre.yaml": POLICY.format(version="2") + breaker}, "contact_centre"))
    found = port.get(digest=digest)
    assert (0.02, anomalies) == (found.thresholds[0].breaker_step, found.breaker_anomalies)


def test_rules_and_files_come_when_they_are_asked_for(port: Port) -> None:
    """In words, and as written."""
    rules, source = port.get(view=pb.POLICY_VIEW_RULES), port.get(view=pb.POLICY_VIEW_SOURCE)

    [rule] = rules.rules
    assert ("low_confidence", "response_confidence below $autonomy_confidence") == (rule.rule_id, rule.condition)
    assert (values.TIER_HUMAN_IN_THE_LOOP, values.ESCALATION_NONE) == (rule.tier, rule.escalation)
    assert "contact_centre.yaml:14" == rule.place
    assert (0, 1) == (len(rules.files), len(source.rules))
    assert {"contact_centre.yaml": POLICY.format(version="1")} == {file.path: file.text for file in source.files}


def test_live_values_show_beside_the_files(port: Port) -> None:
    """A threshold that was changed must not look like the one that was written."""
    live = (
        LiveValue("contact_centre", "autonomy_confidence", 0.9),
        LiveValue("contact_centre", "autonomy_confidence", 0.95, intent="order_status"),
    )
    files = {"contact_centre.yaml": POLICY.format(version="1")}
    digest = port.put(SnapshotSource(files, "contact_centre", live=live, threshold_revision=7))

    found = port.get(digest=digest)
    [threshold] = found.thresholds

    assert (7, False) == (found.threshold_revision, found.in_force)
    assert (0.85, 0.9, True) == (threshold.default_value, threshold.value, threshold.live)
    [override] = threshold.overrides
    assert (0.95, "order_status", "", True) == (override.value, override.intent, override.department, override.live)


def test_a_department_is_read_with_what_it_extends(port: Port) -> None:
    """As it decides: flat, and each rule says whose it is."""
    files = read_folder(default_folder())
    digest = port.put(SnapshotSource(files.files, "contact_centre", commit="c0ffee"))

    found = port.get(digest=digest, name="retail_banking", view=pb.POLICY_VIEW_RULES)

    assert (["retail_banking", "contact_centre"], False) == (list(found.lineage), found.is_default)
    assert ["contact_centre", "retail_banking", "virtual_assistant"] == list(found.policies)
    assert {"retail_banking", "contact_centre"} == {rule.declared_by for rule in found.rules}
    assert found.rule_count == len(found.rules)
    assert "c0ffee" == found.policy.commit


def test_a_policy_that_is_too_large_is_cut_and_says_so(port: Port) -> None:
    """Clients take 4 MiB; the count says how many rules there are."""
    rule = (
        "  - id: r{}\n    when: {{intent: order_status}}\n    tier: human_in_the_loop\n    reason: R\n    message: {}\n"
    )
    text = POLICY.format(version="1") + "".join(rule.format(number, "m" * 500) for number in range(1_700))
    files = {"contact_centre.yaml": text}
    for number in range(3):
        files[f"p{number}.yaml"] = text.replace("contact_centre", f"p{number}", 1)

    found = port.get(digest=port.put(SnapshotSource(files, "contact_centre")), view=pb.POLICY_VIEW_SOURCE)

    assert found.ByteSize() < 3.1 * 1024 * 1024
    assert (1_701, 1_701) == (found.rule_count, len(found.rules))
    assert [False, False, True, True] == sorted(file.omitted for file in found.files)
    assert {""} == {file.text for file in found.files if file.omitted}


@pytest.mark.parametrize(
    ("fields", "code", "reason", "words"),
    [
        ({"name": "nobody"}, "NOT_FOUND", "POLICY_NOT_FOUND", "no policy 'nobody'; it has contact_centre"),
        ({"digest": "0" * 64}, "NOT_FOUND", "POLICY_NOT_FOUND", "no snapshot 000"),
        ({"digest": "../../etc/passwd"}, "INVALID_ARGUMENT", "INVALID_REQUEST", "digest: expected 64 lower-case hex"),
        ({"name": "x" * 65}, "INVALID_ARGUMENT", "INVALID_REQUEST", "name: expected at most 64 characters"),
        ({"view": 9}, "INVALID_ARGUMENT", "INVALID_REQUEST", "view: expected one of the enum's values (1..3), got 9"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(
    port: Port, fields: dict[str, Any], code: str, reason: str, words: str
) -> None:
    """Each with its status, its reason and what to do."""
    refusal = refusal_of(lambda: port.get(**fields))

    assert (code, reason) == (refusal.code.name, refusal.reason)
    assert words in refusal.text


def test_a_snapshot_that_does_not_compile_any_more_is_refused(port: Port) -> None:
    """Of another engine version, or altered: what it says now is not what decided then."""
    port.folder.snapshots.put_snapshot("a" * 64, "{}")

    refusal = refusal_of(lambda: port.get(digest="a" * 64))

    assert ("FAILED_PRECONDITION", "NOT_REPLAYABLE") == (refusal.code.name, refusal.reason)


def test_versions_come_newest_first_and_in_pages(port: Port) -> None:
    """With their policies, and the one in force marked."""
    digests = [port.folder.watch.state.digest, *(port.publish(str(number)) for number in range(2, 6))]

    pages: list[pb.ListPolicyVersionsResponse] = []
    token = ""
    while not pages or token:
        pages.append(port.versions(page_size=2, page_token=token))
        token = pages[-1].next_page_token
    found = [one for page in pages for one in page.versions]

    assert ([2, 2, 1], digests[::-1]) == ([len(page.versions) for page in pages], [one.digest for one in found])
    assert [True, False, False, False, False] == [one.in_force for one in found]
    assert ["5", "4", "3", "2", "1"] == [one.policies[0].version for one in found]
    assert ("contact_centre", NOW_US, 1) == (
        *(found[-1].policies[0].name, found[-1].published_at.ToMicroseconds()),
        found[-1].engine_version,
    )
    assert 5 == len(port.versions(page_size=5_000).versions), "more than the most is the most"


@pytest.mark.parametrize(("fields", "field"), [({"page_size": -1}, "page_size"), ({"page_token": "?"}, "page_token")])
def test_a_page_that_is_none_is_refused(port: Port, fields: dict[str, Any], field: str) -> None:
    """Not the first page again, for ever."""
    refusal = refusal_of(lambda: port.versions(**fields))

    assert ("INVALID_ARGUMENT", field) == (refusal.code.name, refusal.field)


def test_a_store_that_is_down_is_said(port: Port) -> None:
    """UNAVAILABLE, not an empty list."""
    port.folder.snapshots.down = True

    for call in (port.get, port.versions):
        refusal = refusal_of(call)
        assert ("UNAVAILABLE", "STORE_UNAVAILABLE") == (refusal.code.name, refusal.reason)


def test_a_look_publishes_what_compiles_and_keeps_what_does_not(port: Port) -> None:
    """The same as at the next poll, now, and with the answer."""
    first = port.folder.watch.state.digest
    same = port.reload()
    assert (first, False, []) == (same.digest, same.changed, list(same.problems))

    write_policy(port.folder.rules, "2")
    new = port.reload()
    assert (True, True, False) == (new.digest != first, new.changed, new.last_good)
    assert port.folder.woken, "workers and reports are told at once"

    (port.folder.rules / "contact_centre.yaml").write_text(BROKEN)
    for _ in range(2):
        refused = port.reload()
        assert (new.digest, False) == (refused.digest, refused.changed)
        [problem] = refused.problems
        assert (15, "response_confidence") == (problem.line, problem.suggestion)


def test_looks_take_turns(port: Port) -> None:
    """The poll and any number of callers: each answer is about what is published."""
    ready = threading.Barrier(4)
    write_policy(port.folder.rules, "2")

    def look(_: int) -> pb.ReloadPolicyResponse:
        ready.wait(10)
        return port.reload()

    with ThreadPoolExecutor(4) as pool:
        seen = list(pool.map(look, range(4)))

    assert {port.folder.watch.state.digest} == {one.digest for one in seen}
    assert 1 == port.folder.woken, "it was published once"


def test_the_state_comes_over_the_port(port: Port) -> None:
    """What `oversight status` shows on the machine, for whoever is not on it."""
    run = port.folder.data / "run"
    digest = port.folder.watch.state.digest
    write_report(
        run, SupervisorReport(2**22 + 1, "h:1", "h:2", NOW_US, 2, {"worker-0": 3, "worker-1": 0}, standby=True)
    )
    write_report(
        run,
        ControllerReport(2**22 + 2, NOW_US, NOW_US, digest, "", NOW_US, NOW_US - 5, NOW_US),
    )
    counted_at_us = NOW_US - 3_000_000
    write_report(
        run,
        KeeperReport(
            2**22 + 3,
            NOW_US,
            NOW_US,
            store_problem="it is down",
            pending_records=7,
            counted_at_us=counted_at_us,
            feedback_through_us=NOW_US - 7,
        ),
    )

    found = port.stub.GetStatus(pb.GetStatusRequest(), timeout=30)

    assert pb.SERVER_STATE_STOPPED == found.state
    assert ("h:1", "h:2", 2, True, {"worker-0": 3}) == (
        *(found.listen, found.admin_listen, found.workers, found.standby),
        dict(found.restarts),
    )
    assert ["supervisor", "controller", "keeper"] == [one.name for one in found.processes]
    assert (NOW_US, NOW_US - 5) == (found.started_at.ToMicroseconds(), found.policy.confirmed_at.ToMicroseconds())
    assert ("it is down", 7) == (found.records.store_problem, found.records.pending)
    assert found.records.pending_age_s >= 3
    assert NOW_US - 7 == found.records.evidence_through.ToMicroseconds()
    assert not found.policy.HasField("since"), "no worker has said anything"
    assert any("the store does not take records" in alarm for alarm in found.alarms)
    assert any("nothing is lost" in sentence for sentence in found.advice)
