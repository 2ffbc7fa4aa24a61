"""The roles of certificates, from the file that people edit to the one that every process reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from oversight.app.access import ROLES_NAME, CurrentAccess
from oversight.app.handover import clear_run
from oversight.app.role_watch import RoleWatch, publish_roles
from oversight.errors import KeyFileError
from oversight.settings import Settings

ROLES = "callers: [{identity: 'cn:gateway', roles: [decide]}]"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return settings with a file of roles, in a folder that is ready to run."""
    clear_run(tmp_path)
    (tmp_path / "roles.yaml").write_text(ROLES)
    return Settings(
        data_dir=tmp_path,
        certificate_roles_file=tmp_path / "roles.yaml",
        **{f"tls_{name}_file": tmp_path / name for name in ("cert", "key", "client_ca")},  # type: ignore[arg-type]
    )


def test_roles_follow_their_file(settings: Settings, tmp_path: Path) -> None:
    """A caller is taken off by a line in a file, without a restart."""
    watch, access = RoleWatch(settings), CurrentAccess(settings)
    seen = []
    for text in (ROLES, "callers: []"):
        (tmp_path / "roles.yaml").write_text(text)
        watch.step()
        access.refresh()
        seen.append(list(access.certificates))
    assert ([["cn:gateway"], []], "") == (seen, watch.problem)


@pytest.mark.parametrize("text", ["caller: []", None])
def test_a_file_that_cannot_be_used_changes_nothing_also_for_new_processes(
    settings: Settings, tmp_path: Path, text: str | None
) -> None:
    """A worker that dies while somebody edits must come back."""
    publish_roles(settings)
    watch = RoleWatch(settings)
    watch.step()
    if text is None:
        (tmp_path / "roles.yaml").unlink()
    else:
        (tmp_path / "roles.yaml").write_text(text)
    for _ in range(2):
        watch.step()
        assert "(setting certificate_roles_file)" in watch.problem
    assert ["cn:gateway"] == list(CurrentAccess(settings).certificates)

    (tmp_path / "roles.yaml").write_text("callers: []")
    watch.step()
    assert ("", {}) == (watch.problem, CurrentAccess(settings).certificates)


def test_a_start_with_a_file_that_cannot_be_used_is_refused(settings: Settings, tmp_path: Path) -> None:
    """There is nothing that stays in force."""
    (tmp_path / "roles.yaml").write_text("caller: []")
    with pytest.raises(KeyFileError, match=r"certificate_roles_file.*callers"):
        publish_roles(settings)
    assert not (tmp_path / "run" / ROLES_NAME).exists()


def test_without_the_setting_there_is_nothing_to_publish(tmp_path: Path) -> None:
    """Most servers have none."""
    clear_run(tmp_path)
    settings = Settings(data_dir=tmp_path)
    publish_roles(settings)
    watch = RoleWatch(settings)
    watch.step()
    assert ("", []) == (watch.problem, list((tmp_path / "run").iterdir()))
