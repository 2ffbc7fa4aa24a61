"""Which policies, in which versions, a stored snapshot holds: read from its source without compiling it."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

__all__ = ["PolicyName", "PolicyVersion", "read_version"]

_POLICY = re.compile(
    r"""^policy:[ \t]*(?:"([^"\\\n]*)"|'([^'\n]*)'|([^\s#"'&*!|>{\[]+))[ \t]*(?:#.*)?$""", re.MULTILINE
)
_VERSION = re.compile(
    r"""^version:[ \t]*(?:"([^"\\\n]*)"|'([^'\n]*)'|([^\s#"'&*!|>{\[]+))[ \t]*(?:#.*)?$""", re.MULTILINE
)


class PolicyName(NamedTuple):
    """A policy and its version, as its author wrote it."""

    name: str
    version: str


class PolicyVersion(NamedTuple):
    """
    A snapshot that was published.

    `published_us` is when that was last done; `commit` is empty outside Git, `threshold_revision` 0 before any change.
    """

    digest: str
    commit: str
    published_us: int
    threshold_revision: int
    engine_version: int
    policies: tuple[PolicyName, ...]


def read_version(digest: str, published_us: int, document: str) -> PolicyVersion:
    """
    Return what the source of a snapshot says of itself; what an altered one does not say is empty or zero.

    Of any engine version: an old one must be listed, though it cannot be compiled any more.
    """
    try:
        fields = json.loads(document)
        files = fields["files"]
        return PolicyVersion(
            digest=digest,
            commit=str(fields.get("commit", "")),
            published_us=published_us,
            threshold_revision=int(fields.get("threshold_revision", 0)),
            engine_version=int(fields.get("engine_version", 0)),
            policies=tuple(sorted(found for path, text in files.items() if (found := _read_name(path, text)))),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return PolicyVersion(digest, "", published_us, 0, 0, ())


def _read_name(path: str, text: str) -> PolicyName | None:
    """Return what one file declares; None for a file of cases and for one that declares nothing."""
    # Snapshots outlive the server that wrote them, and a page has many: only where a look does not do is YAML read.
    if path.endswith("_test.yaml"):
        return None
    names, versions = _POLICY.findall(text), _VERSION.findall(text)
    if len(names) == 1 and len(versions) == 1:
        return PolicyName("".join(names[0]), "".join(versions[0]))
    return _parse_name(path, text)


def _parse_name(path: str, text: str) -> PolicyName | None:
    from oversight.rules.report import Report  # as little as possible for `oversight status`
    from oversight.rules.yaml_tree import read_tree

    tree = read_tree(path, text, Report())
    if tree is None or "policy" not in tree:
        return None
    return PolicyName(str(tree["policy"]), str(tree.get("version", "")))
