"""A folder of rule files, read once and whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import oversight
from oversight.errors import InvalidPolicyError, Problem
from oversight.rules.git import read_commit
from oversight.rules.report import NOWHERE, Place, Report
from oversight.rules.yaml_tree import MAX_FILE_BYTES

__all__ = ["CASE_SUFFIX", "RuleFiles", "default_folder", "read_folder"]

CASE_SUFFIX = "_test.yaml"
"""Files named so hold cases, never policies."""

_MAX_ENTRIES = 10_000
_CONFIG_MAP_DATA = "..data"


@dataclass(frozen=True, slots=True)
class RuleFiles:
    """
    The rule files of one folder.

    `files` maps paths (relative, with `/`) to text. `commit` is the full Git commit, `<commit>-dirty` where a rule file
    differs from it or is not in it, or "" outside Git. `warnings` name what was passed over.
    """

    files: Mapping[str, str]
    commit: str = ""
    warnings: tuple[Problem, ...] = field(default=())


def default_folder() -> Path:
    """Return the folder of the default policy: the package's own in a wheel, the repository's in a checkout."""
    package = Path(oversight.__file__).parent
    packaged = package / "policy_rules"
    return packaged if packaged.is_dir() else package.parents[1] / "policy_rules"


def read_folder(path: Path) -> RuleFiles:
    """
    Return the rule files under *path*: every `*.yaml`, at any depth, except hidden ones (editors' swap files).

    A mounted Kubernetes ConfigMap is read through one look at its `..data` link, so that a swap in mid-reading gives
    either set whole. Raises `InvalidPolicyError` where the folder or a file of it cannot be read, is not UTF-8 or too
    large, or where there is no policy file.
    """
    report = Report()
    try:
        found = _find(path, report) if path.is_dir() else {}
        if not path.is_dir():
            what = "is a file; give the folder it is in" if path.exists() else "does not exist"
            report.error(str(path), NOWHERE, f"the folder of rule files {what}")
    except OSError as error:
        report.error(str(path), NOWHERE, f"the folder cannot be read: {error.strerror}")
        found = {}
    contents = {name: content for name, file in found.items() if (content := _read(name, file, report)) is not None}
    files = {name: text for name, content in contents.items() if (text := _decode(name, content, report)) is not None}
    if not report.errors and not any(not name.endswith(CASE_SUFFIX) for name in files):
        report.error(str(path), NOWHERE, "there is no policy file in this folder; policy files are named NAME.yaml")
    report.raise_errors()
    return RuleFiles(files, read_commit(path, contents), report.warnings)


def _find(root: Path, report: Report) -> dict[str, Path]:
    """Return the rule files under *root* by relative path; what only looks like one is warned of."""
    found: dict[str, Path] = {}
    waiting = [(root, PurePosixPath())]
    seen: set[Path] = set()
    entries = 0
    while waiting:
        folder, relative = waiting.pop()
        data = folder / _CONFIG_MAP_DATA
        folder = (data if data.is_dir() else folder).resolve()
        if folder in seen:
            continue
        seen.add(folder)
        for entry in sorted(folder.iterdir()):
            entries += 1
            if entries > _MAX_ENTRIES:
                message = f"the folder has more than {_MAX_ENTRIES:,} entries; is it really one of rule files?"
                raise InvalidPolicyError([Problem(str(root), *NOWHERE, message)])
            name = str(relative / entry.name)
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                waiting.append((entry, relative / entry.name))
            elif entry.suffix == ".yaml":
                found[name] = entry
            elif entry.suffix.lower() in (".yml", ".yaml"):
                report.warn(name, NOWHERE, "this file is not read; rule files are named *.yaml")
    return dict(sorted(found.items()))


def _read(name: str, file: Path, report: Report) -> bytes | None:
    try:
        if not file.is_file():
            what = "is a link to nothing" if not file.exists() else "is not a plain file"
            report.error(name, NOWHERE, f"{what}; remove it or put a rule file in its place")
            return None
        with file.open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        report.error(name, NOWHERE, f"the file cannot be read: {error.strerror}")
        return None
    if len(content) > MAX_FILE_BYTES:
        report.error(name, NOWHERE, f"the file is larger than {MAX_FILE_BYTES:,} bytes (1 MiB); split it into several")
        return None
    return content


def _decode(name: str, content: bytes, report: Report) -> str | None:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = len(content[content.rfind(b"\n", 0, error.start) + 1 : error.start].decode("utf-8")) + 1
        message = f"the byte 0x{content[error.start]:02X} is not UTF-8; save the file as UTF-8"
        report.error(name, Place(line, column), message)
        return None
