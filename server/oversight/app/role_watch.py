"""The file of certificates' roles: read where the setting names it, and published to the processes."""

from __future__ import annotations

import logging

from oversight.access.certificate_roles import read_certificate_roles
from oversight.app.access import ROLES_NAME
from oversight.app.handover import file_stamp, run_folder, write_file
from oversight.errors import KeyFileError
from oversight.settings import Settings

__all__ = ["RoleWatch", "publish_roles"]

_log = logging.getLogger(__name__)


def publish_roles(settings: Settings) -> None:
    """Publish the file that the setting names, if it names one. Raises `KeyFileError` for one that cannot be used."""
    path = settings.certificate_roles_file
    if path is None:
        return
    try:
        content = path.read_bytes()
        read_certificate_roles(content)
        write_file(run_folder(settings.data_dir) / ROLES_NAME, content, durable=True)
    except (OSError, ValueError) as problem:
        raise KeyFileError(f"{path} (setting certificate_roles_file): {problem}") from problem


class RoleWatch:
    """
    Publishes the file whenever it changes; while it cannot be used, the last good one stays, for new processes too.

    `problem` says why, or is empty.
    """

    def __init__(self, settings: Settings) -> None:
        self.problem = ""
        self._settings = settings
        self._seen: tuple[int, int, int] | None = None

    def step(self) -> None:
        """Look once; raises nothing."""
        path = self._settings.certificate_roles_file
        if path is None:
            return
        stamp = file_stamp(path)
        if stamp is not None and stamp == self._seen:
            return
        try:
            publish_roles(self._settings)
            self.problem = ""
        except KeyFileError as problem:
            if str(problem) != self.problem:
                _log.error("%s; what was read before stays in force", problem)
            self.problem = str(problem)
        self._seen = stamp
