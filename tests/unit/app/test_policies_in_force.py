"""Which policies are in force, from the data folder alone."""

from __future__ import annotations

from pathlib import Path

from desks import RuleFolder
from oversight.app.policies_in_force import policies_of
from oversight.policy_versions import PolicyName
from servers import write_policy


def test_they_are_named_with_their_versions(tmp_path: Path) -> None:
    """Those published last, whatever the folder of rules says since."""
    folder = RuleFolder(tmp_path)
    assert (PolicyName("contact_centre", "1"),) == policies_of(folder.data)

    write_policy(folder.rules, "2")
    assert (PolicyName("contact_centre", "1"),) == policies_of(folder.data)
    folder.reloading.look()
    assert (PolicyName("contact_centre", "2"),) == policies_of(folder.data)


def test_a_folder_without_any_has_none(tmp_path: Path) -> None:
    """Before the first start, and where what is kept is damaged."""
    assert () == policies_of(tmp_path)
    (tmp_path / "last_good.json").write_text("{")
    assert () == policies_of(tmp_path)
