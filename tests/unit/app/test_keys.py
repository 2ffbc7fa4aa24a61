"""The keys of a deployment."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import pytest

from oversight.app.keys import load_keys, make_keys
from oversight.errors import KeyFileError
from oversight.settings import Settings

GOOD = "0f" * 32


def key_file(path: Path, text: str = GOOD, mode: int = 0o600) -> Path:
    """Write a key file."""
    path.write_text(text)
    path.chmod(mode)
    return path


def test_keys_are_made_once_and_for_the_owner_alone(tmp_path: Path) -> None:
    """Ids must not change with a restart, and nobody else may compute them."""
    settings = Settings(data_dir=tmp_path)

    make_keys(settings)
    first = load_keys(settings)
    make_keys(settings)

    assert first == load_keys(settings)
    assert first.id_key != first.audit_key
    assert [32, 32] == [len(first.id_key), len(first.audit_key)]
    files = [tmp_path / "keys" / name for name in ("id.key", "audit.key")]
    assert [0o600, 0o600] == [stat.S_IMODE(path.stat().st_mode) for path in files]
    assert 0o700 == stat.S_IMODE((tmp_path / "keys").stat().st_mode)


def test_the_audit_key_is_named_by_its_digest(tmp_path: Path) -> None:
    """A record says which key drew the sample without giving it away."""
    settings = Settings(
        data_dir=tmp_path, audit_key_file=key_file(tmp_path / "a"), id_key_file=key_file(tmp_path / "i")
    )

    assert hashlib.sha256(bytes.fromhex(GOOD)).hexdigest()[:16] == load_keys(settings).audit_key_id


def test_files_named_by_settings_are_read_instead_and_never_made(tmp_path: Path) -> None:
    """Replicas share their keys: a missing one is a mistake, a new one would be worse."""
    named = tmp_path / "shared.key"
    settings = Settings(data_dir=tmp_path, id_key_file=named)

    make_keys(settings)

    assert not named.exists()
    with pytest.raises(KeyFileError, match=r"shared\.key \(setting id_key_file\) cannot be read: No such file"):
        load_keys(settings)
    key_file(named, "ab" * 32)
    assert bytes.fromhex("ab" * 32) == load_keys(settings).id_key


@pytest.mark.parametrize("text", ["", "0f" * 31, "0f" * 33, "zz" * 32, "é" * 32, "0f" * 32 + "\n0f", "0f" * 5000])
def test_a_malformed_key_is_refused_with_what_is_expected(tmp_path: Path, text: str) -> None:
    """Half a key would work, and be another key."""
    settings = Settings(data_dir=tmp_path, audit_key_file=key_file(tmp_path / "a.key", text))

    with pytest.raises(KeyFileError) as caught:
        load_keys(settings)

    said = str(caught.value)
    assert "a.key (setting audit_key_file) must hold 32 random bytes as 64 hex digits" in said
    assert "openssl rand -hex 32" in said
    assert GOOD not in said, "a key must not come into a log"


@pytest.mark.parametrize("text", [GOOD, GOOD.upper(), f" {GOOD}\n"])
def test_space_around_a_key_and_capitals_do_not_matter(tmp_path: Path, text: str) -> None:
    """Editors end a file with a line feed."""
    path = key_file(tmp_path / "a.key", text)
    settings = Settings(data_dir=tmp_path, audit_key_file=path, id_key_file=path)

    assert bytes.fromhex(GOOD) == load_keys(settings).audit_key


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o602])
def test_a_key_that_others_can_read_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    """Whoever knows the id key can make ids; whoever knows the audit key knows what is not checked."""
    path = key_file(tmp_path / "a.key", mode=mode)

    with pytest.raises(KeyFileError, match=rf"open to other users \(mode {mode:04o}\); run: chmod 600 .*a\.key"):
        load_keys(Settings(data_dir=tmp_path, audit_key_file=path))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
@pytest.mark.parametrize(("mode", "is_read"), [(0o440, True), (0o444, False), (0o460, False)])
def test_a_file_of_another_user_may_be_read_by_the_group(tmp_path: Path, mode: int, is_read: bool) -> None:
    """Mounted secrets belong to root and are given to the process by its group."""
    path = key_file(tmp_path / "a.key", mode=mode)
    os.chown(path, 12345, -1)
    settings = Settings(data_dir=tmp_path, audit_key_file=path, id_key_file=path)

    if is_read:
        assert bytes.fromhex(GOOD) == load_keys(settings).audit_key
    else:
        with pytest.raises(KeyFileError, match="open to other users"):
            load_keys(settings)


def test_a_folder_that_takes_no_keys_is_said(tmp_path: Path) -> None:
    """A read-only volume, for instance."""
    (tmp_path / "keys").touch()

    with pytest.raises(KeyFileError, match=r"id\.key cannot be made"):
        make_keys(Settings(data_dir=tmp_path))
