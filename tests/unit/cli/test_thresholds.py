"""`oversight thresholds`: looked at first, asked, made on what was looked at, and put back."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from oversight.cli.failures import CommandError
from oversight.cli.threshold_change import Wish, admitting_doubt, make_change
from oversight.cli.threshold_words import effect_lines
from oversight.engine.snapshot import Stop
from oversight.grpc_api.convert.thresholds import outcome_to_proto
from oversight_client import CallError, Effect, ThresholdEffect, ThresholdScope, ThresholdUpdate, UnavailableError
from oversight_client.mirrored import mirrored
from threshold_desk import BANK, CENTRE, HOUR_US, NOW_US, Desk, a_setting, by, the_rules
from threshold_port import Port

COMMAND = str(Path(sys.executable).with_name("oversight"))
WHY = ("-m", "complaints went up")


@pytest.fixture
def port() -> Iterator[Port]:
    """An admin port that changes thresholds, with ten messages on record."""
    port = Port(Desk(needs_approval=True))
    for number in range(10):
        port.desk.records.add(intent="order_status", response_confidence=0.81 + number / 50)
    yield port
    port.close()


@pytest.fixture
def thresholds(run, port):
    """Run the command against it."""

    def invoke(command, *words, **more):
        return run("thresholds", command, *words, "--admin", port.target, **more)

    return invoke


def test_a_change_is_shown_and_then_made(thresholds, port):
    """What it does in a sentence, in a table, and to the messages of late."""
    result = thresholds("set", "autonomy", "0.97", "--department", "bank", *WHY, "--yes")

    assert (0, "") == (result.exit_code, result.stderr)
    for words in (
        "this tightens autonomy in 2 policies (bank, cards)",
        "0.88",
        "0.97",
        "no message more or fewer would have gone out unreviewed among the last 10",
        "in force from revision 1\ntightens autonomy 0.88 -> 0.97, in bank, cards\n",
    ):
        assert words in result.stdout
    (event,) = port.desk.store.events
    assert (("bank", 0.97, None), "complaints went up") == (
        (event.settings[0].policy, event.settings[0].value, event.settings[0].department),
        event.justification,
    )


def test_the_share_that_would_have_gone_out_unreviewed_is_said(thresholds):
    """The figure that whoever decides needs."""
    result = thresholds("set", "autonomy", "0.9", "--dry-run")
    assert "30.00 % fewer messages would have gone out unreviewed among the last 10" in result.stdout
    assert "human on the loop 8 -> 5; human in the loop 2 -> 5; human as the loop 0 -> 0" in result.stdout
    looser = thresholds("set", "autonomy", "0.8", "--intent", "order_status", "--dry-run").stdout
    assert "this loosens autonomy for 1 intent in policy centre; it needs a second person" in looser
    assert "20.00 % more messages" in looser


def test_the_figures_say_that_what_comes_later_is_not_in_them(thresholds, port):
    """A loosening in an hour must not read as one that lets nothing more go out."""
    port.desk.now_us = round(time.time() * 1e6)
    port.desk.changes.update([a_setting(0.9, expires_at_us=port.desk.now_us + 100 * HOUR_US)], by())
    port.desk.changes.approve(1, by("ben"))

    sooner = thresholds("set", "autonomy", "0.9", "--expires-in", "4h", "--dry-run").stdout

    assert "this loosens autonomy in 3 policies (bank, cards, centre), when a value ends by itself" in sooner
    assert "gone out unreviewed among the last 10 by the values in force at once" in flat(sooner)
    assert "what comes later, when a value ends by itself, is not in these figures" in flat(sooner)
    now = thresholds("set", "autonomy", "0.95", "--dry-run").stdout
    assert "not in these figures" in flat(now), "the value that stays is a tightening later, too"
    only_now = thresholds("set", "amount", "90", "--dry-run").stdout
    assert ("unreviewed among the last 10\n" in only_now, "figures" in only_now) == (True, False)


def flat(said):
    return " ".join(said.split())


def test_a_dry_run_changes_nothing_and_needs_no_reason(thresholds, port):
    """To look is free."""
    result = thresholds("set", "autonomy", "0.9", "--dry-run", "--json")
    shown = json.loads(result.stdout)
    assert (0, "VALIDATED", "TIGHTENS", 10, []) == (
        *(result.exit_code, shown["status"], shown["effect"], shown["preview"]["decisions"]),
        port.desk.store.events,
    )


def test_a_department_without_a_policy_is_a_scope(thresholds, port):
    """`--policy` says it in so many words."""
    assert (
        0
        == thresholds("set", "autonomy", "0.95", "--policy", "centre", "--department", "bank", *WHY, "--yes").exit_code
    )
    result = thresholds("set", "autonomy", "0.95", "--department", "elsewhere", "--dry-run")
    assert 2 == result.exit_code
    assert "changes[0].scope.department: no policy has the name of the department 'elsewhere'" in result.stderr
    assert "bank" == port.desk.store.events[0].settings[0].department


def test_every_option_is_sent(thresholds, port):
    """Scope, value, end."""
    words = ("--intent", "card_lost", "--currency", "EUR", "--expires-in", "4h", "--policy", "bank")
    result = thresholds("set", "autonomy", "0.97", *words, "--dry-run", "--json")
    # The desk stands in another year: an end four hours from this machine's time has passed there.
    assert "expires_at" == json.loads(result.stdout)["error"]["field"]
    port.desk.now_us = 0
    shown = json.loads(thresholds("set", "autonomy", "0.97", *words, "--dry-run", "--json").stdout)
    (setting,) = shown["settings"]
    assert ("bank", {"intent": "card_lost", "department": "", "currency": "EUR"}, 0.97) == (
        *(setting["policy"], setting["scope"]),
        setting["value"],
    )
    assert setting["expires_at"].endswith("Z")


def test_file_gives_way_to_the_rule_files(thresholds, port):
    """The way back for one value."""
    port.desk.changes.update([a_setting(0.95)], by())
    shown = json.loads(thresholds("set", "autonomy", "file", "--dry-run", "--json").stdout)
    assert (None, "LOOSENS", True) == (shown["settings"][0]["value"], shown["effect"], shown["needs_approval"])


SET = ("set", "autonomy", "0.9", *WHY)


def at_terminal(port, meanwhile, answer, *, words=SET, question="Do it?"):
    """
    Type a change at a terminal, do *meanwhile* while it asks the *question*, and *answer*.

    Returns exit code, output and errors.
    """
    leader, follower = pty.openpty()
    command = [COMMAND, "thresholds", *words, "--admin", port.target]
    with subprocess.Popen(
        command, stdin=follower, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        os.close(follower)
        said = ""
        while process.stdout is not None and f"{question} [y/N]:" not in said:
            said += (read := process.stdout.read(1))
            assert read, said
        meanwhile()
        os.write(leader, f"{answer}\n".encode())
        rest, errors = process.communicate(timeout=30)
        os.close(leader)
    return process.returncode, said + rest, errors


def test_a_no_leaves_all_as_it_is(port):
    """The table above the question is there to be read."""
    code, said, _ = at_terminal(port, lambda: None, "n")
    assert (1, []) == (code, port.desk.store.events)
    assert "this tightens autonomy" in said
    assert 0 == at_terminal(port, lambda: None, "y")[0]
    assert 1 == len(port.desk.store.events)


def test_what_was_looked_at_is_what_is_changed(port):
    """Somebody else came between question and answer."""
    code, _, errors = at_terminal(port, lambda: port.desk.changes.update([a_setting(0.95)], by("ben")), "y")
    assert (1, 1) == (code, len(port.desk.store.events))
    assert "they changed since they were read" in errors


def test_rules_that_changed_while_it_was_asked_change_nothing(port):
    """What was shown as a tightening, of 0.85, would loosen the 0.95 that is in force by now."""
    stricter = {"centre": CENTRE.replace("default: 0.85", "default: 0.95"), "bank": BANK.replace("0.88", "0.97")}

    def edit_rules():
        port.desk.rules = the_rules(**stricter)

    code, said, errors = at_terminal(port, edit_rules, "y")
    assert (1, []) == (code, port.desk.store.events)
    assert "this tightens autonomy" in said
    assert "expected_rules_digest: the rules in force are" in errors
    assert "they changed since the change was looked at, and nothing was changed" in errors


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("0.9", "--yes"), "--justification (-m) is missing"),
        (("0.9", *WHY), "--yes is needed where nobody can be asked"),
        (("high", *WHY, "--yes"), "VALUE: expected a number, or `file`"),
        (("nan", *WHY, "--yes"), "VALUE: expected a number"),
        (("0.9", "--expires-in", "soon", *WHY, "--yes"), "--expires-in: expected a time such as 90s"),
        (("0.9", "--expires-in", "0h", *WHY, "--yes"), "--expires-in"),
        (("0.9", "--expires-in", "99999d", *WHY, "--yes"), "at most ten years"),
        (("0.2", "--yes", *WHY), "changes[0].value: 0.2 is out of bounds"),
    ],
)
def test_what_cannot_be_done_is_exit_code_2(thresholds, port, words, said):
    """It is named, by the command or by the server, and nothing is changed."""
    result = thresholds("set", "autonomy", *words)
    assert (2, []) == (result.exit_code, port.desk.store.events)
    assert said in result.stderr


def test_what_rules_forbid_is_exit_code_1_with_its_reason(thresholds):
    """A script tells it apart."""
    result = thresholds("set", "handover", "0.9", *WHY, "--yes", "--json")
    error = json.loads(result.stdout)["error"]
    assert (1, "CONSTRAINT_BROKEN", "FAILED_PRECONDITION") == (result.exit_code, error["reason"], error["code"])


def test_what_is_in_force_is_a_table(thresholds, port):
    """With what is live, and what waits."""
    port.desk.changes.update([a_setting(0.95, currency="EUR", expires_at_us=None)], by())
    port.desk.changes.update([a_setting(0.8)], by("ann", "fewer reviews"))
    result = thresholds("get", "--currency", "EUR")
    for words in (
        "policy centre, currency EUR, revision 2",
        "autonomy",
        "currency EUR (live)",
        "live: autonomy = 0.95 in centre for currency EUR",
        "waits: 2 by ann: autonomy = 0.8 in centre (fewer reviews)",
    ):
        assert words in result.stdout
    shown = json.loads(thresholds("get", "amount", "--department", "bank", "--json").stdout)
    assert ("bank", ["amount"], 100.0) == (
        shown["policy"],
        [one["name"] for one in shown["values"]],
        shown["values"][0]["value"],
    )
    wrong = thresholds("get", "amuont")
    assert (2, True) == (wrong.exit_code, "it has amount, autonomy, handover" in wrong.stderr)


def test_a_proposal_is_approved_or_rejected(thresholds, port):
    """Here every caller is `local`, which cannot approve; to look and to reject it can."""
    for _ in range(2):
        port.desk.changes.update([a_setting(0.8)], by("ann"))
    looked = thresholds("approve", "1", "--dry-run")
    assert "this loosens autonomy" in looked.stdout
    refused = thresholds("approve", "1", "--yes", "--json")
    assert (1, "SECOND_PERSON_NEEDED") == (refused.exit_code, json.loads(refused.stdout)["error"]["reason"])

    assert "change 1 is rejected (revision 3)" in thresholds("reject", "1", "-m", "too early").stdout
    assert {"rejected": 2, "revision": 4} == json.loads(thresholds("reject", "2", "-m", "no", "--json").stdout)
    assert 2 == thresholds("reject", "2").exit_code


def test_the_second_person_is_asked_what_a_yes_does(port):
    """Asked whether to propose it once more, they would put it in force and not know."""
    port.desk.changes.update([a_setting(0.8)], by("ann"))
    _, proposing, _ = at_terminal(
        port, lambda: None, "n", words=("set", "autonomy", "0.7", *WHY), question="Propose this to a second person?"
    )
    code, approving, _ = at_terminal(port, lambda: None, "n", words=("approve", "1"), question="Put this in force?")
    assert (1, 1) == (code, len(port.desk.store.events))
    assert [
        "this loosens autonomy in policy centre; it needs a second person",
        "this loosens autonomy in policy centre",
    ] == [said.splitlines()[0] for said in (proposing, approving)]


def test_a_rollback_is_a_change_like_any_other(thresholds, port):
    """Shown, and then made."""
    port.desk.changes.update([a_setting(100, "amount", currency="SEK")], by())
    port.desk.changes.update([a_setting(0.95)], by())
    port.desk.changes.update([a_setting(None, "amount", currency="SEK")], by())
    result = thresholds("rollback", "2", *WHY, "--yes")
    assert (0, 2) == (result.exit_code, port.desk.store.events[-1].refers_to)
    assert "this changes no value in force" in result.stdout
    assert "in force from revision 4\nchanges no value in force\n" in result.stdout
    assert "thresholds set, back to 2" in thresholds("history").stdout
    assert 2 == thresholds("rollback", "9", *WHY, "--yes").exit_code


def test_the_history_says_who_when_what_and_why(thresholds, port):
    """Newest first; the rest is said."""
    assert "nothing was changed yet" in thresholds("history").stdout
    port.desk.changes.update([a_setting(0.95, expires_at_us=None)], by("ann", "complaints"))
    port.desk.stops.engage(Stop("bank", "refund"), "ben", "it invents rates")
    port.desk.changes.update([a_setting(0.8, expires_at_us=NOW_US + HOUR_US)], by("eve", "fewer"))
    port.desk.changes.reject(3, "ann", "no")
    result = thresholds("history", "--limit", "3")
    for words in (
        *("change rejected 3", "change proposed", "autonomy = 0.8 in centre until 2027-01-15 09:00:00 UTC (was 0.95)"),
        *("stop engaged", "intent refund and department bank", "it invents rates"),
    ):
        assert words in result.stdout
    assert "more follow: --page-token 2" in result.stderr
    shown = json.loads(thresholds("history", "--page-token", "2", "--json").stdout)
    assert [("THRESHOLDS_SET", 0.88)] == [(one["kind"], one["effects"][0]["before"]) for one in shown["changes"]]


def test_what_was_done_is_said_in_lines():
    """Where and from when on, up to thirty of them: it is what a terminal's log keeps."""
    update: Any = SimpleNamespace(effects=[])
    assert ["changes no value in force"] == list(effect_lines(update))
    update.effects = [
        ThresholdEffect("bank", "autonomy", ThresholdScope(intent=f"i{number}"), 0.9, 0.85, Effect.LOOSENS, at)
        for number in range(16)
        for at in (None, datetime(2030, 1, 1, tzinfo=UTC))
    ]
    lines = list(effect_lines(update))
    assert (31, "and 2 more") == (len(lines), lines[-1])
    assert [
        "loosens autonomy 0.9 -> 0.85 for intent i0, in bank",
        "loosens autonomy 0.9 -> 0.85 for intent i0, from 2030-01-01 00:00:00 UTC, in bank",
    ] == lines[:2]


@pytest.mark.parametrize(
    "words",
    [("set", "autonomy", "0.97", "--yes"), ("reject", "2")],
)
def test_a_change_without_an_answer_is_not_told_as_one_that_failed(thresholds, port, words):
    """It was made, and whoever makes it once more, or goes home, must look first."""
    port.desk.changes.update([a_setting(50, "amount")], by())
    port.desk.changes.update([a_setting(0.8)], by("ann"))
    port.desk.store.answers.clear()
    try:
        result = thresholds(*words, *WHY, "--timeout", "2", "--json")
    finally:
        port.desk.store.answers.set()
    error = json.loads(result.stdout)["error"]
    assert (1, "DEADLINE_EXCEEDED", 3) == (result.exit_code, error["code"], len(port.desk.store.events))
    assert f"it is not known whether the change was made: no answer from {port.target} within 2 s" in error["message"]
    assert "look with `oversight thresholds history` before you try again" in error["message"]
    assert "start a server" not in error["message"]


@pytest.mark.parametrize(
    ("reason", "known"), [("", False), ("INTERNAL", False), ("STORE_UNAVAILABLE", True), ("STALE_REVISION", True)]
)
def test_only_the_service_itself_says_that_nothing_was_changed(reason, known):
    """A connection that broke, or a fault of its own, says nothing about it."""
    wish = Wish("here:1", 5, "why", yes=True, dry_run=False, as_json=False)
    with pytest.raises((CallError, CommandError)) as failed, admitting_doubt(wish):
        raise UnavailableError("gone", code=grpc.StatusCode.UNAVAILABLE, reason=reason)
    assert known is ("it is not known whether the change was made; look" not in str(failed.value))


def test_what_waits_is_not_told_as_done(port, capsys):
    """Its lines say what an approval would do."""

    def change(**terms):
        return mirrored(ThresholdUpdate, outcome_to_proto(port.desk.changes.update([a_setting(0.8)], by(**terms))))

    make_change(change, Wish(port.target, 5, "fewer reviews", yes=True, dry_run=False, as_json=False))

    said = capsys.readouterr().out
    assert "UTC: oversight thresholds approve 1\nonce approved: loosens autonomy 0.85 -> 0.8, in centre\n" in said


def test_without_a_command_there_is_help(run):
    """It is what whoever types it wants."""
    result = run("thresholds")
    assert (0, True) == (result.exit_code, "rollback" in result.stdout)
