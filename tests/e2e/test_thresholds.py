"""Thresholds changed by the command, on the processes as shipped: what is decided, since when, what is refused."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from oversight.v1.decision_pb2 import TIER_HUMAN_IN_THE_LOOP, TIER_HUMAN_ON_THE_LOOP
from oversight_client import AdminClient, RefusedError, StaleRevisionError
from servers import SERVE, ServerProcess, started, wait_until, write_policy

ROOT = Path(__file__).resolve().parents[2]
MESSAGE: dict[str, Any] = {
    "department": "retail_banking",
    "intent": "activate_my_card",
    "intent_confidence": 0.98,
    "intent_runner_up_confidence": 0.01,
    "response_confidence": 0.93,
    "sentiment_score": 0.3,
    "language": "en",
}
SET = ("set", "autonomy_confidence", "0.97", "--department", "retail_banking", "-m", "complaints went up", "--yes")


def thresholds(server: ServerProcess, *words: str) -> dict[str, Any]:
    """Run `oversight thresholds` and return what it says."""
    command = [SERVE[0], "thresholds", *words, "--admin", server.admin_target, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    said: dict[str, Any] = json.loads(done.stdout)
    return {**said, "exit_code": done.returncode}


def recorded(server: ServerProcess) -> tuple[float, set[tuple[int, str]]]:
    """Return how many seconds after the last change a decision was first made with it, and which tier each had."""
    with AdminClient(server.admin_target, timeout_s=30) as admin:
        (event,) = admin.list_threshold_changes(page_size=1).changes
        made = [
            (one.response.threshold_revision, str(one.response.tier), one.decided_at) for one in admin.iterate_records()
        ]
    first = min(decided_at for revision, _, decided_at in made if revision == event.revision)
    return (first - event.at).total_seconds(), {one[:2] for one in made}


def test_a_threshold_set_during_a_replay_changes_its_tiers_within_moments(tmp_path: Path) -> None:
    """And the revision in each reply says which were decided before, and which after."""
    rows = tmp_path / "messages.jsonl"
    rows.write_text("".join(json.dumps({**MESSAGE, "request_id": f"r{number}"}) + "\n" for number in range(30_000)))
    with started(tmp_path, workers=2, policy=ROOT / "policy_rules") as server:
        command = [
            SERVE[0],
            "replay",
            str(rows),
            "--target",
            server.target,
            "--json",
            "--batch",
            "5",
            "--concurrency",
            "2",
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as replay:
            with AdminClient(server.admin_target, timeout_s=30) as admin:
                wait_until(lambda: admin.list_records(page_size=1).records, "some decisions on record")

            changed = thresholds(server, *SET)

            assert (0, "IN_FORCE", 1, "TIGHTENS") == (
                *(changed["exit_code"], changed["status"]),
                *(changed["revision"], changed["effect"]),
            )
            preview = changed["preview"]
            assert (preview["decisions"], 0) == (
                preview["before"]["human_on_the_loop"],
                preview["after"]["human_on_the_loop"],
            ), "the preview says what then happens"
            sums = json.loads(replay.communicate(timeout=120)[0])
        on, within = (sums["tiers"][f"HUMAN_{word}_THE_LOOP"]["count"] for word in ("ON", "IN"))
        assert (30_000, 0) == (on + within, sums["failed"])
        assert min(on, within) > 0, f"the replay was over before or after the change: {on} and {within}"
        reply = server.decide("last", **MESSAGE)
        assert (1, TIER_HUMAN_IN_THE_LOOP) == (reply.threshold_revision, reply.tier)
        wait_until(lambda: server.status().pending_records == 0, "the records to be stored")
        late_s, tiers = recorded(server)
        print(f"in force {late_s:.3f} s after the event; {on:,} on the loop, {within:,} in the loop")
        assert late_s > -0.1, "not before; how long after is measured by bench/propagation.py"
        assert {(0, "HUMAN_ON_THE_LOOP"), (1, "HUMAN_IN_THE_LOOP")} == tiers, "no decision was half of it"


def test_a_value_ends_by_itself_and_a_rollback_puts_one_back(tmp_path: Path) -> None:
    """Both without a restart, and on record."""
    with started(tmp_path, policy=ROOT / "policy_rules") as server:

        def decided() -> tuple[int, int]:
            reply = server.decide(**MESSAGE)
            return reply.tier, reply.threshold_revision

        assert 0 == thresholds(server, *SET, "--expires-in", "2s")["exit_code"]
        wait_until(lambda: decided() == (TIER_HUMAN_IN_THE_LOOP, 1), "the value to be in force")
        wait_until(lambda: decided()[0] == TIER_HUMAN_ON_THE_LOOP, "the value to be over")

        thresholds(server, *SET)
        wait_until(lambda: decided() == (TIER_HUMAN_IN_THE_LOOP, 2), "the value to be in force again")
        assert "LOOSENS" == thresholds(server, "rollback", "0", "-m", "as before", "--yes")["effect"]
        wait_until(lambda: decided() == (TIER_HUMAN_ON_THE_LOOP, 3), "the way back")
        kinds = [one["kind"] for one in thresholds(server, "history")["changes"]]
        assert ["THRESHOLDS_SET"] * 3 == kinds


def test_a_threshold_that_is_renamed_under_its_live_value_is_an_alarm_whose_advice_works(tmp_path: Path) -> None:
    """What the value held back goes out: nobody may read that all is well, and the way out must be one."""
    rules = tmp_path / "rules"
    write_policy(rules)
    with started(tmp_path, policy=rules) as server:
        assert 0 == thresholds(server, "set", "autonomy_confidence", "0.95", "-m", "complaints", "--yes")["exit_code"]
        older, newer = rules / "contact_centre.yaml", rules / ".contact_centre.yaml.swp"
        newer.write_text(older.read_text().replace("autonomy_confidence", "confidence_limit"))
        newer.rename(older)

        wait_until(lambda: server.status().state == "impaired", "the alarm")
        [alarm] = server.status().alarms
        assert "autonomy_confidence 0.95 in contact_centre any more" in alarm
        program, command, *words = shlex.split(alarm.rpartition(": ")[2].replace(" -m ...", " -m renamed --yes"))
        assert ("oversight", "thresholds", "IN_FORCE") == (program, command, thresholds(server, *words)["status"])
        wait_until(lambda: server.status().alarms == (), "the alarm to end")


def test_two_admins_at_once_and_what_is_refused(tmp_path: Path) -> None:
    """One of them is told to read again; nothing refused leaves a trace."""
    with started(tmp_path) as server, AdminClient(server.admin_target, timeout_s=30) as admin:
        read = admin.get_thresholds().revision
        change = {"name": "autonomy_confidence", "value": 0.9}
        admin.update_thresholds([change], justification="first", expected_revision=read)
        with pytest.raises(StaleRevisionError):
            admin.update_thresholds([{**change, "value": 0.95}], justification="second", expected_revision=read)
        refused = thresholds(server, "set", "autonomy_confidence", "1.5", "-m", "x", "--yes")
        assert (2, "OUT_OF_BOUNDS") == (refused["exit_code"], refused["error"]["reason"])
        with pytest.raises(RefusedError) as caught:
            admin.reject_threshold_change(1, justification="never proposed")
        assert "NOT_PENDING" == caught.value.reason
        assert 1 == len(admin.list_threshold_changes().changes)


def test_without_authentication_a_loosening_that_needs_two_people_is_refused(tmp_path: Path) -> None:
    """Everybody here is `local`; a tightening goes through."""
    with started(tmp_path, loosening_needs_approval=True) as server:
        looser = thresholds(server, "set", "autonomy_confidence", "0.7", "-m", "x", "--yes")
        assert (1, "SECOND_PERSON_NEEDED") == (looser["exit_code"], looser["error"]["reason"])
        tighter = thresholds(server, "set", "autonomy_confidence", "0.9", "-m", "x", "--yes")
        assert "IN_FORCE" == tighter["status"]
