"""The password of the store: from the environment or from a file, never from a command line."""

from __future__ import annotations

import os

from oversight.app.keys import check_closed
from oversight.errors import KeyFileError
from oversight.settings import Settings

__all__ = ["read_store_password"]

_MAX_FILE_BYTES = 1024


def read_store_password(settings: Settings) -> str:
    """
    Return the password, empty where none is set; a line feed at the end of the file is not part of it.

    Raises `KeyFileError` for a file that is missing, empty, or open to other users.
    """
    if settings.store_password is not None:
        return settings.store_password.get_secret_value()
    path = settings.store_password_file
    if path is None:
        return ""
    place = f"the password file {path} (setting store_password_file)"
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            text = file.read(_MAX_FILE_BYTES + 1)
    except OSError as problem:
        raise KeyFileError(f"{place} cannot be read: {problem.strerror}") from problem
    check_closed(status, place, path)
    try:
        password = text.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except ValueError:
        password = ""
    if not password or len(text) > _MAX_FILE_BYTES or "\n" in password:
        raise KeyFileError(f"{place} must hold the password in one line of UTF-8 and nothing else")
    return password
