"""`oversight check` and `oversight test`, on folders of rule files."""

import json
from xml.etree import ElementTree

import pytest

POLICY = """\
policy: contact_centre
version: "1"
intents: [order_status]
rules:
  - id: upset
    when: {sentiment_score: {below: -0.5}}
    tier: human_as_the_loop
    reason: UPSET
    message: The customer is upset.
"""
CASES = """\
policy: contact_centre
cases:
  - name: an angry customer gets a person
    request: {intent: order_status, sentiment_score: -0.9}
    expect: {tier: human_as_the_loop}
  - name: a calm one does not
    request: {intent: order_status, sentiment_score: 0.5}
    expect: {tier: human_on_the_loop}
"""


@pytest.fixture
def folder(tmp_path):
    """A folder of rule files: one rule, two cases, or what the test says."""

    def write(policy=POLICY, cases=CASES):
        (tmp_path / "contact_centre.yaml").write_text(policy)
        if cases:
            (tmp_path / "contact_centre_test.yaml").write_text(cases)
        return tmp_path

    return write


def test_good_files_are_ok_with_policies_rules_and_digest(run, folder):
    """The digest is what replies will carry."""
    result = run("check", path := folder())
    summary = json.loads(run("check", path, "--json").stdout)
    assert 0 == result.exit_code
    assert f"ok  {path}: contact_centre" in result.stdout
    assert f"1 rules, digest {summary['digest']}" in result.stdout
    assert (True, 1, []) == (summary["ok"], summary["rules"], summary["problems"])
    assert "1" == summary["policies"]["contact_centre"]["version"]


def test_every_problem_has_file_line_column_and_what_was_meant(run, folder):
    """A path that the editor opens, and all problems at once."""
    second = POLICY.partition("rules:\n")[2].replace("upset", "leaving").replace("sentiment_score", "churn_rsk")
    path = folder(POLICY.replace("sentiment_score", "sentiment_scor") + second)
    result = run("check", path)
    assert 1 == result.exit_code
    assert f"{path / 'contact_centre.yaml'}:6:" in result.stdout
    assert "did you mean 'sentiment_score'?" in result.stdout
    assert "did you mean 'churn_risk'?" in result.stdout
    assert "2 problems: these files would be refused" in result.stdout
    problems = json.loads(run("check", path, "--json").stdout)["problems"]
    assert [6, 11] == [problem["line"] for problem in problems]


def test_a_case_that_cannot_be_run_is_a_problem_too(run, folder):
    """The server never reads cases, so a typing error in one would stay there until somebody runs them."""
    path = folder(cases=CASES.replace("sentiment_score: 0.5", "sentiment_scor: 0.5"))
    result = run("check", path)
    assert 1 == result.exit_code
    assert f"{path / 'contact_centre_test.yaml'}:7:" in result.stdout
    assert "did you mean 'sentiment_score'?" in result.stdout
    assert "1 problem: the rules would be taken, these cases cannot be run" in result.stdout
    checked = json.loads(run("check", path, "--json").stdout)
    assert (False, [7]) == (checked["ok"], [problem["line"] for problem in checked["problems"]])


def test_a_case_that_fails_is_for_test_to_say(run, folder):
    """Whether a case holds is another question than whether it can be run."""
    result = run(
        "check", folder(cases=CASES.replace("expect: {tier: human_on_the_loop}", "expect: {tier: human_in_the_loop}"))
    )
    assert 0 == result.exit_code


def test_warnings_are_listed_and_do_not_fail(run, folder):
    """They are for the author's eyes; the server takes the files."""
    thresholds = "thresholds:\n  unused: {default: 0.5, min: 0.1, max: 0.9, tightens: raise, description: nothing}\n"
    path = folder(POLICY.replace("rules:\n", f"{thresholds}rules:\n"))
    result = run("check", path)
    assert 0 == result.exit_code, result.stdout
    assert "warning: " in result.stdout
    assert "no rule or constraint uses the threshold 'unused'" in result.stdout


@pytest.mark.parametrize("command", ["check", "test"])
def test_a_folder_that_is_none_and_a_policy_that_is_none_are_said(run, folder, tmp_path, command):
    """Both with what was looked for."""
    missing = run(command, tmp_path / "nowhere")
    assert 1 == missing.exit_code
    assert "does not exist" in missing.output
    wrong = run(command, folder(), "--default-policy", "contact_center")
    assert 1 == wrong.exit_code
    assert "did you mean 'contact_centre'?" in wrong.output


def test_without_a_path_the_servers_own_folder_is_checked(run, folder):
    """The same files that serve would read here."""
    result = run("check", env={"OVERSIGHT_POLICY": str(folder())})
    assert 0 == result.exit_code
    assert "1 rules" in result.stdout


def test_cases_that_hold_are_exit_code_0(run, folder):
    """With the coverage, which is the point of having them."""
    result = run("test", path := folder())
    summary = json.loads(run("test", path, "--json").stdout)
    assert 0 == result.exit_code
    assert "2 cases, all passed; coverage 100.00 %" in result.stdout
    assert (True, 2, [], 1.0, []) == tuple(summary[key] for key in ("ok", "cases", "failed", "coverage", "uncovered"))


def test_a_case_that_fails_says_what_was_expected_and_what_came(run, folder):
    """With file and line, and exit code 1."""
    path = folder(cases=CASES.replace("expect: {tier: human_on_the_loop}", "expect: {tier: human_in_the_loop}"))
    result = run("test", path)
    assert 1 == result.exit_code
    assert f"failed {path / 'contact_centre_test.yaml'}:6: a calm one does not" in result.stdout
    assert "tier: expected human_in_the_loop, got human_on_the_loop" in result.stdout
    assert "2 cases, 1 failed" in result.stdout
    assert ["a calm one does not"] == [
        case["name"] for case in json.loads(run("test", path, "--json").stdout)["failed"]
    ]


def test_a_folder_without_cases_fails(run, folder):
    """Silence is not success."""
    result = run("test", path := folder(cases=""), "--coverage")
    assert 1 == result.exit_code
    assert "there are no cases" in result.stdout
    assert False is json.loads(run("test", path, "--json").stdout)["ok"]


def test_what_no_case_has_tried_is_named(run, folder):
    """A rule that no case hits may as well not be there."""
    cases = CASES.partition("  - name: a calm one")[0]
    result = run("test", folder(cases=cases), "--coverage")
    assert 0 == result.exit_code
    assert "upset" in result.stdout
    assert "rule 'upset' matches in every case" in result.stdout
    assert "'sentiment_score below -0.5' is never false in a case" in result.stdout


def test_results_are_written_as_junit(run, folder, tmp_path):
    """CI systems show it case by case."""
    report = tmp_path / "report.xml"
    assert 0 == run("test", folder(), "--junit", report).exit_code
    assert "2" == ElementTree.parse(report).getroot().get("tests")  # noqa: S314  # written a moment ago by us


def test_a_report_that_cannot_be_written_is_usage(run, folder, tmp_path):
    """The path as typed is in the message."""
    result = run("test", folder(), "--junit", tmp_path / "none" / "report.xml")
    assert 2 == result.exit_code
    assert "No such file or directory" in result.stderr


def test_a_broken_case_file_is_named_by_line(run, folder):
    """A case that cannot run must not pass for one that was run."""
    result = run("test", folder(cases=CASES.replace("sentiment_score: 0.5", "sentiment_scor: 0.5")))
    assert 1 == result.exit_code
    assert "contact_centre_test.yaml:7:" in result.stderr
    assert "did you mean 'sentiment_score'?" in result.stderr
