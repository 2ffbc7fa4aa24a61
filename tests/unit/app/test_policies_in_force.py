"""Which policies are in force, from the data folder alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from desks import RuleFolder
from oversight.app.policies_in_force import policies_of
from oversight.policy_versions import PolicyName

FOUND = (PolicyName("contact_centre", "1"),)


@pytest.fixture
def folder(tmp_path: Path) -> RuleFolder:
    return RuleFolder(tmp_path)


def test_they_are_named_with_their_versions(folder: RuleFolder) -> None:
    """What waits for the store and what was kept for the next start both have them."""
    digest = folder.watch.state.digest
    assert FOUND == policies_of(folder.data, digest), "from what is kept"

    (folder.data / "last_good.json").unlink()
    folder.outbox.put(digest, folder.snapshots.get_snapshot(digest) or "")
    assert FOUND == policies_of(folder.data, digest), "from what waits"


@pytest.mark.parametrize("digest", ["", "0" * 64])
def test_what_the_folder_does_not_hold_is_left_out(folder: RuleFolder, digest: str) -> None:
    """Rather than to name another snapshot's."""
    assert () == policies_of(folder.data, digest)
