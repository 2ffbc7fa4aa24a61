"""PolicyService on the admin port: policies read, versions paged, files checked, a look at once, and the state."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest

from desks import NOW_US, RuleFolder
from oversight.app.reports import ControllerReport, KeeperReport, SupervisorReport, write_report
from oversight.engine.snapshot import LiveValue
from oversight.grpc_api.admin_server import build_admin_server
from oversight.grpc_api.insight_service import InsightUseCases
from oversight.policies import SnapshotSource, assemble_source, compile_source
from oversight.rules.source import default_folder, read_folder
from oversight.settings import Settings
from oversight.telemetry.counters import Counters
from oversight.v1 import decision_pb2 as values
from oversight.v1 import policy_service_pb2 as pb
from oversight.v1 import policy_service_pb2_grpc
from refusals import refusal_of
from servers import POLICY, write_policy

UNUSED: Any = None
BROKEN = POLICY.format(version="2").replace("response_confidence: {", "responce_confidence: {")


class Port:
    """The admin port over a folder of rules, and a stub to call it."""

    def __init__(self, folder: Path) -> None:
        self.folder = RuleFolder(folder)
        self.server = build_admin_server(
            Settings(admin_listen="127.0.0.1:0"),
            insights=InsightUseCases(UNUSED, UNUSED, UNUSED, UNUSED),
            thresholds=UNUSED,
            policies=self.folder.desk,
            counters=Counters(),
            tracer=None,
        )
        self.target = f"127.0.0.1:{self.server.start()}"
        self.channel = grpc.insecure_channel(self.target, [("grpc.max_send_message_length", -1)])
        self.stub = policy_service_pb2_grpc.PolicyServiceStub(self.channel)

    def get(self, **fields: Any) -> pb.GetPolicyResponse:
        return self.stub.GetPolicy(pb.GetPolicyRequest(**fields), timeout=30)

    def versions(self, **fields: Any) -> pb.ListPolicyVersionsResponse:
        return self.stub.ListPolicyVersions(pb.ListPolicyVersionsRequest(**fields), timeout=30)

    def validate(self, files: dict[str, str], **fields: Any) -> pb.ValidatePolicyResponse:
        return self.stub.ValidatePolicy(pb.ValidatePolicyRequest(files=files, **fields), timeout=60)

    def reload(self) -> pb.ReloadPolicyResponse:
        return self.stub.ReloadPolicy(pb.ReloadPolicyRequest(), timeout=30)

    def publish(self, version: str) -> str:
        """Publish the small policy under another version, bring it into the store, and return the digest."""
        write_policy(self.folder.rules, version)
        digest = self.reload().digest
        self.folder.store()
        return digest

    def put(self, source: SnapshotSource) -> str:
        """Put a snapshot into the store as if it had been published, and return its digest."""
        blueprint, _ = compile_source(source)
        digest = assemble_source(source, blueprint).digest
        self.folder.snapshots.put_snapshot(digest, source.to_document())
        return digest

    def close(self) -> None:
        self.channel.close()
        self.server.stop(0)


@pytest.fixture
def port(tmp_path: Path) -> Iterator[Port]:
    """An admin port over the small policy."""
    port = Port(tmp_path)
    yield port
    port.close()


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


def test_files_that_compile_have_the_digest_that_they_would_have(port: Port) -> None:
    """What is checked is what will be in force."""
    checked = port.validate({"contact_centre.yaml": POLICY.format(version="2")})
    before = port.folder.watch.state.digest

    assert (True, [], [("contact_centre", "2")]) == (
        checked.valid,
        list(checked.problems),
        [(one.name, one.version) for one in checked.policies],
    )
    assert before == port.folder.watch.state.digest, "nothing is published"
    assert checked.digest == port.publish("2")


def test_problems_have_file_line_column_and_what_was_meant(port: Port) -> None:
    """Editors jump there; authors see the word they mistyped."""
    checked = port.validate({"contact_centre.yaml": BROKEN})

    assert (False, "", []) == (checked.valid, checked.digest, list(checked.policies))
    [problem] = checked.problems
    assert ("contact_centre.yaml", 15, 12) == (problem.file, problem.line, problem.column)
    assert "unknown signal 'responce_confidence'" in problem.message
    assert ("response_confidence", pb.SEVERITY_ERROR) == (problem.suggestion, problem.severity)


def test_warnings_leave_the_files_valid(port: Port) -> None:
    """Their author should look; the server would take them."""
    checked = port.validate({"contact_centre.yaml": POLICY.format(version="2").partition("rules:")[0]})

    assert checked.valid
    assert {pb.SEVERITY_WARNING} == {one.severity for one in checked.problems}
    assert ["no rule or constraint uses", "the policy 'contact_centre' has no rules"] == sorted(
        one.message.partition(" the threshold")[0] for one in checked.problems
    )


def test_cases_are_read_too(port: Port) -> None:
    """A case that cannot be run would pass for one that passed."""
    files = {"contact_centre.yaml": POLICY.format(version="2"), "contact_centre_test.yaml": "polcy: contact_centre\n"}

    checked = port.validate(files)

    assert not checked.valid
    assert {"contact_centre_test.yaml"} == {one.file for one in checked.problems}


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "expected 1 to 1,000 files, got 0"),
        ({f"{number}.yaml": "" for number in range(1_001)}, "expected 1 to 1,000 files, got 1,001"),
        ({"/etc/passwd.yaml": ""}, "without hidden parts, got '/etc/passwd.yaml'"),
        ({"a/../../b.yaml": ""}, "without hidden parts"),
        ({".hidden.yaml": ""}, "without hidden parts"),
        ({"notes.txt": ""}, "ends in .yaml"),
        ({f"{'x' * 300}.yaml": ""}, "at most 255 printable characters"),
        ({"a\nb.yaml": ""}, "printable characters"),
    ],
    ids=["none", "many", "absolute", "upwards", "hidden", "other", "long", "control"],
)
def test_what_can_be_no_folder_is_refused(port: Port, files: dict[str, str], words: str) -> None:
    """A name is shown and compared with others; it never becomes a path."""
    refusal = refusal_of(lambda: port.validate(files))

    assert ("INVALID_ARGUMENT", "files") == (refusal.code.name, refusal.field)
    assert words in refusal.text


_LAUGHS = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}' if n else 'lol'] * 9)}]" for n in range(9))
_HOSTILE = {
    "aliases that explode": _LAUGHS,
    "deep": "[" * 100_000,
    "deep mappings": "{a: " * 100_000,
    "control characters": "policy: \x07\n",
    "a large file": "x" * (1024 * 1024 + 1),
    "many keys": "\n".join(f"k{number}: 1" for number in range(6_000)),
    "many problems": "policy: p\nrules:\n" + "  - id: 1\n" * 4_000,
    "one long line": "policy: " + "a" * 1_000_000,
    "surrogates": 'policy: "\\ud800"\n',
}


@pytest.mark.parametrize("text", _HOSTILE.values(), ids=_HOSTILE.keys())
def test_a_hostile_file_is_a_problem_and_nothing_more(port: Port, text: str) -> None:
    """Within the time of a call, and with a response that a client takes."""
    checked = port.validate({"contact_centre.yaml": text})

    assert not checked.valid
    assert 1 <= len(checked.problems) <= 1_000
    assert checked.problem_count >= len(checked.problems)
    assert checked.ByteSize() < 4 * 1024 * 1024


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


def test_a_large_set_is_checked_within_a_call(port: Port) -> None:
    """Thousands of rules are no attack, and must not look like one."""
    rule = "  - id: r{0}\n    when: {{intent: order_status, failed_turns: {{at_least: {0}}}}}\n"
    rule += "    tier: human_in_the_loop\n    reason: R\n    message: m\n"
    text = POLICY.format(version="1") + "".join(rule.format(number) for number in range(3_000))

    assert port.validate({"contact_centre.yaml": text}).valid
