"""The two secrets of a deployment: read from files, made at the first start."""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from pathlib import Path

from oversight.engine.identity import Keys
from oversight.errors import KeyFileError
from oversight.settings import Settings

__all__ = ["check_closed", "load_keys", "make_keys"]

_KEY_BYTES = 32
_MAX_FILE_BYTES = 1024


def make_keys(settings: Settings) -> None:
    """
    Make the key files of the data folder that are missing; those named by settings are never made.

    Replicas must share their keys, so a key file that a setting names is somebody's decision and must be there.
    """
    for setting, path in _paths(settings).items():
        if getattr(settings, setting) is None and not path.exists():
            _write_key(path)


def load_keys(settings: Settings) -> Keys:
    """Read both keys; raise `KeyFileError` for one that is missing, malformed, or open to other users."""
    paths = _paths(settings)
    audit_key = _read_key(paths["audit_key_file"], "audit_key_file")
    return Keys(
        id_key=_read_key(paths["id_key_file"], "id_key_file"),
        audit_key=audit_key,
        audit_key_id=hashlib.sha256(audit_key).hexdigest()[:16],
    )


def _paths(settings: Settings) -> dict[str, Path]:
    folder = settings.data_dir / "keys"
    return {
        "id_key_file": settings.id_key_file or folder / "id.key",
        "audit_key_file": settings.audit_key_file or folder / "audit.key",
    }


def _write_key(path: Path) -> None:
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        file = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(file, f"{secrets.token_hex(_KEY_BYTES)}\n".encode())
            os.fsync(file)
        finally:
            os.close(file)
        # Whole or not at all: half a key would be another key after the next start.
        partial.rename(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as problem:
        raise KeyFileError(f"the key file {path} cannot be made: {problem.strerror}") from problem


def _read_key(path: Path, setting: str) -> bytes:
    place = f"the key file {path} (setting {setting})"
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            text = file.read(_MAX_FILE_BYTES)
    except OSError as problem:
        raise KeyFileError(f"{place} cannot be read: {problem.strerror}") from problem
    check_closed(status, place, path)
    try:
        key = bytes.fromhex(text.decode("ascii").strip())
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise KeyFileError(
            f"{place} must hold {_KEY_BYTES} random bytes as {2 * _KEY_BYTES} hex digits and nothing else; "
            f"`openssl rand -hex {_KEY_BYTES}` makes one"
        )
    return key


def check_closed(status: os.stat_result, place: str, path: Path) -> None:
    """
    Raise `KeyFileError` for a secret that others can read; *place* says which it is.

    PostgreSQL's rule: nobody but the owner; the group too where the file is another user's, as mounted secrets are.
    """
    forbidden = 0o077 if status.st_uid == os.geteuid() else 0o037
    if status.st_mode & forbidden:
        raise KeyFileError(
            f"{place} is open to other users (mode {stat.S_IMODE(status.st_mode):04o}); run: chmod 600 {path}"
        )
