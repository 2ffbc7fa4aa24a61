"""`oversight policy` and `oversight status --admin`, against an admin port over a folder of rules."""

import json
from dataclasses import asdict
from typing import Any

import pytest

from desks import NOW_US, RuleFolder
from oversight.app.reports import ControllerReport, KeeperReport, SupervisorReport, write_report
from oversight.grpc_api.admin_server import build_admin_server
from oversight.grpc_api.insight_service import InsightUseCases
from oversight.settings import Settings
from oversight.telemetry.counters import Counters
from servers import POLICY, write_policy

UNUSED: Any = None
BROKEN = POLICY.format(version="2").replace("response_confidence: {", "responce_confidence: {")


@pytest.fixture
def folder(tmp_path):
    """A folder of rules with the small policy in force."""
    return RuleFolder(tmp_path)


@pytest.fixture
def address(folder):
    """Its admin port."""
    insights = InsightUseCases(*[UNUSED] * len(InsightUseCases._fields))
    parts = {"insights": insights, "thresholds": UNUSED, "policies": folder.desk}
    server = build_admin_server(Settings(admin_listen="127.0.0.1:0"), **parts, counters=Counters(), tracer=None)
    yield f"127.0.0.1:{server.start()}"
    server.stop(0)


@pytest.fixture
def policy(run, address):
    """Run the command against it."""

    def invoke(*words):
        return run("policy", *words, "--admin", address)

    return invoke


def test_a_policy_is_shown_with_its_thresholds(policy, folder):
    """What is in force, without a look into the server's files."""
    result = policy("get")
    assert 0 == result.exit_code
    for words in (
        "policy      contact_centre 1 (the default policy)",
        f"digest      {folder.watch.state.digest} (in force)",
        "autonomy_confidence",
        "0.6 .. 0.99",
        "rules       1\n",
    ):
        assert words in result.stdout
    assert "low_confidence" not in result.stdout


def test_rules_and_files_are_shown_when_asked_for(policy):
    """In words, and as written."""
    rules, source = policy("get", "contact_centre", "--rules"), policy("get", "--source")
    assert "response_confidence below $autonomy_confidence" in rules.stdout
    assert "human in the loop" in rules.stdout
    assert "--- contact_centre.yaml\npolicy: contact_centre\n" in source.stdout


def test_machines_get_one_object(policy, folder):
    """With the API's names."""
    found = json.loads(policy("get", "--rules", "--json").stdout)
    assert ("contact_centre", folder.watch.state.digest) == (found["policy"]["name"], found["policy"]["digest"])
    assert ["HUMAN_IN_THE_LOOP"] == [rule["tier"] for rule in found["rules"]]
    assert [None] == [rule["since"] for rule in found["rules"]]


def test_a_policy_that_is_not_there_is_an_error(policy):
    """With those that are."""
    result = policy("get", "nobody", "--json")
    assert 1 == result.exit_code
    assert "it has contact_centre" in result.stderr
    assert "POLICY_NOT_FOUND" == json.loads(result.stdout)["error"]["reason"]


def test_versions_are_a_table_and_the_rest_is_said(policy, folder):
    """Newest first, the one in force marked."""
    for version in "23":
        write_policy(folder.rules, version)
        folder.reloading.look()
        folder.store()
    result = policy("versions", "--limit", "2")
    assert 0 == result.exit_code
    lines = [line for line in result.stdout.splitlines() if "contact_centre" in line]
    assert [True, False] == ["yes" in line for line in lines]
    assert folder.watch.state.digest in lines[0]
    token = result.stderr.removeprefix("oversight: more follow: --page-token ").strip()

    rest = json.loads(policy("versions", "--page-token", token, "--json").stdout)
    assert [[{"name": "contact_centre", "version": "1"}]] == [one["policies"] for one in rest["versions"]]
    assert "" == rest["next_page_token"]


def test_a_store_without_versions_says_so(policy, folder):
    """An empty table would look like a fault."""
    folder.snapshots.stored.clear()
    assert "no snapshot is in the store\n" == policy("versions").stdout


def test_a_folder_is_checked_by_the_server_that_will_have_it(policy, folder, tmp_path):
    """Exit code 0, the digest that it would have, and nothing is changed."""
    write_policy(tmp_path / "new", "2")
    before = folder.watch.state.digest
    result = policy("validate", tmp_path / "new")
    assert 0 == result.exit_code
    assert f"ok  {tmp_path / 'new'}: contact_centre 2\n" in result.stdout
    assert before == folder.watch.state.digest
    assert json.loads(policy("validate", tmp_path / "new", "--json").stdout)["digest"] in result.stdout


def test_what_is_wrong_with_a_folder_is_exit_code_1(policy, tmp_path):
    """Each problem where an editor finds it."""
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "contact_centre.yaml").write_text(BROKEN)
    result = policy("validate", tmp_path / "new")
    assert 1 == result.exit_code
    assert f"{tmp_path}/new/contact_centre.yaml:15:12: unknown signal 'responce_confidence'" in result.stdout
    assert "(did you mean 'response_confidence'?)" in result.stdout
    assert "1 problem(s): the server would refuse these files" in result.stdout
    found = json.loads(policy("validate", tmp_path / "new", "--json").stdout)
    assert (False, "ERROR") == (found["valid"], found["problems"][0]["severity"])


def test_a_look_says_what_is_in_force_after_it(policy, folder):
    """As before, new, or refused."""
    assert "in force, as before" in policy("reload").stdout
    write_policy(folder.rules, "2")
    new = policy("reload")
    assert (0, f"{folder.watch.state.digest} is in force, new\n") == (new.exit_code, new.stdout)

    (folder.rules / "contact_centre.yaml").write_text(BROKEN)
    refused = policy("reload")
    assert 1 == refused.exit_code
    assert "contact_centre.yaml:15:12" in refused.stdout
    assert f"{folder.watch.state.digest} stays in force: the files are refused" in refused.stdout
    assert not json.loads(policy("reload", "--json").stdout)["changed"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("versions", "--rules"), "--rules belongs to `oversight policy get`"),
        (("reload", "--digest", "0"), "--digest belongs to `oversight policy get`"),
        (("get", "--default-policy", "x"), "--default-policy belongs to `oversight policy validate`"),
        (("reload", "folder"), "`oversight policy reload` takes no name or path, got 'folder'"),
        (("get", "--digest", "abc"), "digest: expected 64 lower-case hex digits, got 'abc'"),
        (("dance",), "'dance' is not one of"),
    ],
)
def test_what_cannot_be_done_is_exit_code_2(policy, words, said):
    """An option that is ignored misleads its author."""
    result = policy(*words)
    assert 2 == result.exit_code
    assert said in result.stderr


def test_status_may_be_asked_of_a_server_anywhere(run, address, folder):
    """The same screen, from the admin port."""
    run_folder, digest = folder.data / "run", folder.watch.state.digest
    write_report(run_folder, SupervisorReport(2**22 + 1, "h:1", "h:2", NOW_US, 2, {"worker-0": 3}))
    write_report(run_folder, ControllerReport(2**22 + 2, NOW_US, NOW_US, digest, "c0ffee", NOW_US, NOW_US, NOW_US))
    report = KeeperReport(
        2**22 + 3,
        NOW_US,
        NOW_US,
        store_problem="it is down",
        oldest_us=NOW_US,
        counted_at_us=NOW_US - 60_000_000,
    )
    write_report(run_folder, report)
    result = run("status", "--admin", address)
    assert 1 == result.exit_code
    for words in (
        f"STOPPED  {address}\n",
        "! the store does not take records: it is down\n",
        "> the store: nothing is lost",
        "listening   h:1\n",
        "restarts    worker-0 3\n",
        "started     2027-01-15T08:00:00Z (0 s ago)\n",
        "controller  pid 4194306 is not running, heard of 0 s ago\n",
        "keeper      pid 4194307 is not running, heard of 0 s ago\n",
        "(counted 60 s ago)\n",
    ):
        assert words in result.stdout
    offline = run("status", "--data-dir", folder.data).stdout
    assert len(result.stdout.splitlines()) == len(offline.splitlines())
    assert (
        asdict(report)["store_problem"]
        == json.loads(run("status", "--admin", address, "--json").stdout)["records"]["store_problem"]
    )


def test_status_is_asked_of_one_server(run, tmp_path):
    """Two sources could be two servers."""
    result = run("status", "--admin", "127.0.0.1:1", "--data-dir", tmp_path)
    assert (2, True) == (result.exit_code, "give it alone, or not" in result.stderr)


def test_status_of_a_server_that_does_not_answer_says_so(run):
    """It is not a server that is stopped."""
    result = run("status", "--admin", "127.0.0.1:1", "--timeout", "1")
    assert 1 == result.exit_code
    assert "no answer from 127.0.0.1:1" in result.stderr
