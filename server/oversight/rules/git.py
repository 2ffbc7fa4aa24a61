"""The Git commit that a folder of rule files stands at."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from dulwich.errors import NotGitRepository
from dulwich.ignore import IgnoreFilterManager
from dulwich.objects import Blob, Commit, ObjectID, Tree
from dulwich.repo import Repo

__all__ = ["read_commit"]


def read_commit(folder: Path, contents: Mapping[str, bytes]) -> str:
    """
    Return the full id of the commit that *folder* is checked out at.

    With `-dirty` where the rule files in it, *contents* by relative path, are not those of the commit. "" outside Git,
    without a commit, where Git ignores the folder (an installed package inside somebody's checkout), and where the
    repository cannot be read: the digest, not the commit, is what identifies rules.
    """
    try:
        repository = Repo.discover(str(folder.resolve()))
    except (NotGitRepository, OSError):
        return ""
    try:
        with repository:
            return _commit(repository, folder.resolve(), contents)
    except (KeyError, ValueError, OSError, AssertionError):
        return ""


def _commit(repository: Repo, folder: Path, contents: Mapping[str, bytes]) -> str:
    head = repository.head()
    commit = repository[head]
    if not isinstance(commit, Commit):
        return ""
    relative = PurePosixPath(folder.relative_to(Path(repository.path).resolve()).as_posix())
    committed = _blobs(repository, commit.tree, relative)
    present = {name: Blob.from_string(content).id for name, content in contents.items()}
    if not committed and IgnoreFilterManager.from_repo(repository).is_ignored(f"{relative}/"):
        return ""
    return head.decode("ascii") + ("" if committed == present else "-dirty")


def _blobs(repository: Repo, tree_id: ObjectID, folder: PurePosixPath) -> dict[str, ObjectID]:
    """Return the rule files of a commit under *folder*: blob ids by path relative to it."""
    for part in folder.parts:
        tree = repository[tree_id]
        entry = {item.path: item for item in tree.items()}.get(part.encode()) if isinstance(tree, Tree) else None
        if entry is None or entry.sha is None:
            return {}
        tree_id = entry.sha
    found: dict[str, ObjectID] = {}
    waiting = [(tree_id, PurePosixPath())]
    while waiting:
        current, relative = waiting.pop()
        tree = repository[current]
        for item in tree.items() if isinstance(tree, Tree) else ():
            name = (item.path or b"").decode("utf-8", "replace")
            if name.startswith(".") or item.sha is None or item.mode is None:
                continue
            if stat.S_ISDIR(item.mode):
                waiting.append((item.sha, relative / name))
            elif stat.S_ISREG(item.mode) and name.endswith(".yaml"):
                found[str(relative / name)] = item.sha
    return found
