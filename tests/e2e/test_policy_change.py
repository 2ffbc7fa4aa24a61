"""Rule files that change under a running server."""

from __future__ import annotations

import json

from servers import ServerProcess, wait_until, write_policy

BROKEN = "policy: contact_centre\nversion: '3'\nthis is not: [a rule file\n"


def test_a_changed_file_decides_without_a_restart(server: ServerProcess) -> None:
    """Policy owners change rules during the day."""
    server.start()
    before = server.decide().policy

    write_policy(server.policy, version="2")
    wait_until(lambda: server.decide().policy.digest != before.digest, "the new rules to decide")

    assert ("1", "2") == (before.version, server.decide().policy.version)
    status = wait_until(lambda: found if (found := server.status()).digest != before.digest else None, "the status")
    assert ("serving", ()) == (status.state, status.problems)


def test_a_broken_file_leaves_the_old_rules_in_force_and_is_shown_until_it_is_mended(server: ServerProcess) -> None:
    """One typing error must not stop a contact centre, and must not go unseen."""
    server.start()
    digest = server.decide().policy.digest

    (server.policy / "contact_centre.yaml").write_text(BROKEN, encoding="utf-8")
    status = wait_until(lambda: found if (found := server.status()).problems else None, "the problem to be shown")

    assert "contact_centre.yaml:" in status.problems[0]
    assert ("impaired", digest) == (status.state, status.digest)
    assert any("the rule files have" in alarm for alarm in status.alarms)
    assert digest == server.decide().policy.digest

    write_policy(server.policy, version="3")
    wait_until(lambda: server.decide().policy.version == "3", "the mended rules to decide")
    wait_until(lambda: server.status().state == "serving", "the problem to be gone")


def test_a_problem_is_logged_once_for_each_change(server: ServerProcess) -> None:
    """A log that repeats itself every second hides everything else."""
    server.start()
    (server.policy / "contact_centre.yaml").write_text(BROKEN, encoding="utf-8")
    wait_until(lambda: server.status().problems, "the problem to be shown")
    controller = server.status().controller
    assert controller is not None
    wait_until(
        lambda: (found := server.status().controller) is not None and found.at_us > controller.at_us + 1_500_000,
        "the folder to be looked at some more times",
    )

    refusals = [line for line in server.log_lines() if "problem(s)" in str(line["message"])]

    assert 1 == len(refusals)


def test_a_start_with_broken_files_serves_the_last_good_rules(server: ServerProcess) -> None:
    """A restart in the night must not need the policy owner."""
    digest = server.start().decide().policy.digest
    assert 0 == server.terminate()
    (server.policy / "contact_centre.yaml").write_text(BROKEN, encoding="utf-8")

    server.start()

    assert digest == server.decide().policy.digest
    status = server.status()
    assert (True, "impaired") == (status.last_good, status.state)
    assert "contact_centre.yaml:" in status.problems[0]
    assert "The rule files do not compile: the last good ones decide." in server.out.read_text()


def test_the_age_of_the_last_good_rules_counts_from_their_confirmation(server: ServerProcess) -> None:
    """A restart does not make old rules fresh."""
    server.start()
    assert 0 == server.terminate()
    (server.policy / "contact_centre.yaml").write_text(BROKEN, encoding="utf-8")
    noted = server.data_dir / "last_good_confirmed.json"
    kept = server.data_dir / "last_good.json"
    two_days_us = 2 * 86_400 * 1_000_000
    for path in (noted, kept):
        values = json.loads(path.read_text())
        path.write_text(json.dumps({**values, "confirmed_at_us": values["confirmed_at_us"] - two_days_us}))

    server.start()

    reply = server.decide()
    assert "POLICY_STALE" in [reason.code for reason in reply.reasons]
    age_s = server.status().policy_age_s
    assert age_s is not None
    assert age_s >= 2 * 86_400
