"""What outcomes teach, from messages to an applied threshold, by the commands and the processes as shipped."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from e2e.on_evidence import wait_for_evidence
from servers import SERVE, started
from unit.cli.page_reader import numbers_in, read_page

ROWS = 1_500
FIRST_WRONG_BELOW = 0.70
ONE_WRONG_IN = 100


def a_message(number: int) -> dict[str, Any]:
    """Return a message that was checked: wrong by one in three at low confidence, else by one in a hundred."""
    confidence = round(0.60 + 0.39 * number / ROWS, 4)
    wrong = number % 3 == 0 if confidence < FIRST_WRONG_BELOW else number % ONE_WRONG_IN == 0
    return {
        "request_id": f"m-{number}",
        "intent": "order_status",
        "response_confidence": confidence,
        "sentiment_score": 0.3,
        "model_version": "m-1",
        "verdict": "rejected" if wrong else "approved",
        "label_basis": "census",
        "correction_ref": f"https://crm.example/{number}" if wrong else None,
    }


def oversight(*words: object, exit_code: int = 0) -> str:
    """Run a command and return what it printed."""
    command = [SERVE[0], *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert exit_code == done.returncode, done.stderr
    return done.stdout


@pytest.mark.slow
def test_outcomes_become_a_rate_a_certificate_a_threshold_and_a_page(tmp_path: Path) -> None:
    """The whole way that a person goes who has to defend a threshold."""
    rows = [a_message(number) for number in range(ROWS)]
    wrong = sum(row["verdict"] == "rejected" for row in rows)
    messages = tmp_path / "messages.jsonl"
    messages.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with started(tmp_path) as server:
        admin = ("--admin", server.admin_target)
        oversight("replay", messages, "--target", server.target, "--json")

        wait_for_evidence(server)
        total = json.loads(oversight("errors", "--json", "--by", "tier", *admin))["total"]
        assert ROWS == total["n"]
        assert ("MEASURED", wrong, 0) == (total["state"], total["errors"], total["labels_needed"])
        assert total["low"] < wrong / ROWS < total["high"]

        asked = ("thresholds", "recommend", "--max-error", "0.05", *admin)
        found = json.loads(oversight(*asked, "--json"))
        assert ("CERTIFIED", "m-1", 0.85) == (found["status"], found["model_version"], found["value_in_force"]), found
        assert 0.65 < found["threshold"] < 0.85, "the AI is wrong below 0.7, and what is in force is too strict"
        assert found["upper_bound"] <= 0.05
        assert found["autonomy"] > found["autonomy_in_force"]

        again = oversight(*asked)
        assert "asking again spent nothing" in again
        (command,) = [
            line.strip() for line in again.splitlines() if line.strip().startswith("oversight thresholds set")
        ]
        assert repr(found["threshold"]) in command
        oversight(*shlex.split(command)[1:], "--yes", *admin)
        (value,) = json.loads(oversight("thresholds", "get", found["name"], "--json", *admin))["values"]
        assert found["threshold"] == value["value"]

        page_file = tmp_path / "report.html"
        shown = json.loads(oversight("report", "--recommend", "--json", "--html", page_file, *admin))
        page = read_page(page_file)
        assert {number for number, _ in page.numbers} <= set(numbers_in(shown))
        assert {found["threshold"], float(wrong), float(ROWS)} <= {number for number, _ in page.numbers}

        out = tmp_path / "corrections.jsonl"
        oversight("export", "corrections", "--all", "--out", out, *admin)
        corrections = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
        assert {row["correction_ref"] for row in rows} - {None} == {one["correction_ref"] for one in corrections}
        assert {(1, 1.0)} == {(one["loss"], one["propensity_weight"]) for one in corrections}
        written = json.loads(oversight("export", "decisions", "--out", tmp_path / "d.parquet", "--json", *admin))
        assert ROWS == written["rows"]
        assert "order_status" not in oversight("audits", *admin), "all was checked: nothing is due"
        assert "warnings" in json.loads(oversight("warnings", "--json", *admin))
