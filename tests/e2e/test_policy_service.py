"""PolicyService of the processes as shipped."""

from __future__ import annotations

from pathlib import Path

from oversight_client import AdminClient, ServerState
from servers import POLICY, ServerProcess, started, wait_until, write_policy


def admin_of(server: ServerProcess) -> AdminClient:
    return AdminClient(server.admin_target, timeout_s=60)


def test_a_change_is_checked_published_and_listed(tmp_path: Path) -> None:
    """The way of a rule from its author's folder to decisions, without waiting for a poll."""
    with started(tmp_path, policy_poll_s=60) as server, admin_of(server) as admin:
        before = server.decide().policy.digest
        checked = admin.validate_policy({"contact_centre.yaml": POLICY.format(version="2")})
        assert (True, before) == (checked.valid, admin.get_policy().policy.digest)

        write_policy(server.policy, "2")
        reloaded = admin.reload_policy()
        assert (checked.digest, True) == (reloaded.digest, reloaded.changed)
        wait_until(lambda: server.decide().policy.digest == checked.digest, "the workers to have it")

        assert "2" == admin.get_policy().policy.version
        wait_until(lambda: len(admin.list_policy_versions().versions) == 2, "both in the store")
        assert [checked.digest, before] == [one.digest for one in admin.list_policy_versions().versions]
        assert "1" == admin.get_policy(digest=before).policy.version


def test_the_port_says_what_the_folder_says(tmp_path: Path) -> None:
    """One truth, seen from the machine and from afar."""
    with started(tmp_path, workers=2) as server, admin_of(server) as admin:
        server.decide()
        status = wait_until(
            lambda: found if (found := admin.get_status()).records.decisions else None, "the workers' report"
        )
        seen = server.status()

        assert (ServerState.SERVING, (), ()) == (status.state, status.alarms, status.advice)
        assert (seen.digest, True, 2) == (status.policy.digest, status.policy.agreed, status.workers)
        assert [("contact_centre", "1")] == [(one.name, one.version) for one in status.policy.policies]
        assert [(one.name, one.pid) for one in seen.processes] == [(one.name, one.pid) for one in status.processes]

        (server.policy / "contact_centre.yaml").write_text("policy: [")
        impaired = wait_until(lambda: found if (found := admin.get_status()).alarms else None, "the alarm")
        assert ServerState.IMPAIRED is impaired.state
        assert impaired.policy.problems[0].startswith("contact_centre.yaml:")
        assert any(sentence.startswith("the rule files:") for sentence in impaired.advice)
