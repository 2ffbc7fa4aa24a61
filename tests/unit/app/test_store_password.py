"""The password of the store."""

from __future__ import annotations

from pathlib import Path

import pytest

from oversight.app.store_password import read_store_password
from oversight.errors import KeyFileError
from oversight.settings import Settings


def in_file(path: Path, content: bytes, mode: int = 0o600) -> Settings:
    path.write_bytes(content)
    path.chmod(mode)
    return Settings(store_password_file=path)


def test_there_need_be_none() -> None:
    """A socket, a certificate or a .pgpass may do without."""
    assert "" == read_store_password(Settings())


def test_it_comes_from_the_settings_or_from_the_url(monkeypatch: pytest.MonkeyPatch) -> None:
    """Environments of containers have it in either."""
    monkeypatch.setenv("OVERSIGHT_STORE_PASSWORD", "in a variable")
    assert "in a variable" == read_store_password(Settings())
    monkeypatch.delenv("OVERSIGHT_STORE_PASSWORD")
    monkeypatch.setenv("OVERSIGHT_STORE", "postgresql://u:in%20a%20url@h/d")
    assert "in a url" == read_store_password(Settings())


@pytest.mark.parametrize("content", [b"word", b"word\n", b"word\r\n"])
def test_a_file_has_it_in_one_line(tmp_path: Path, content: bytes) -> None:
    """Editors add a line feed; mounted secrets have none."""
    assert "word" == read_store_password(in_file(tmp_path / "password", content))


@pytest.mark.parametrize("content", [b"", b"\n", b"a\nb\n", b"\xff\xfe", b"x" * 1025])
def test_a_file_with_anything_else_is_refused_without_repeating_it(tmp_path: Path, content: bytes) -> None:
    """The wrong file would be sent to the server as a password."""
    with pytest.raises(
        KeyFileError, match=r"password \(setting store_password_file\) must hold the password"
    ) as refused:
        read_store_password(in_file(tmp_path / "password", content))

    assert "xx" not in str(refused.value)


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """As PostgreSQL's own clients do."""
    with pytest.raises(KeyFileError, match=r"open to other users \(mode 0644\); run: chmod 600"):
        read_store_password(in_file(tmp_path / "password", b"word", 0o644))


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    """A secret that was not mounted."""
    with pytest.raises(KeyFileError, match="cannot be read: No such file"):
        read_store_password(Settings(store_password_file=tmp_path / "missing"))
