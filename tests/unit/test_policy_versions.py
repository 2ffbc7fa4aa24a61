"""The policies of a stored snapshot, read without compiling it."""

from __future__ import annotations

import json

import pytest

from oversight.policies import SnapshotSource
from oversight.policy_versions import PolicyName, PolicyVersion, read_version
from oversight.rules.source import default_folder, read_folder

CASES = {"a_test.yaml": "policy: a\nversion: '9'\n"}


def names(**files: str) -> tuple[PolicyName, ...]:
    """Return what is read of a snapshot with these files."""
    document = SnapshotSource({f"{name}.yaml": text for name, text in files.items()} | CASES, "a").to_document()
    return read_version("d" * 64, 5, document).policies


def test_a_snapshot_says_what_it_holds() -> None:
    """Without the files of the machine that published it."""
    files = read_folder(default_folder()).files
    source = SnapshotSource(files, "contact_centre", commit="c0ffee", threshold_revision=4)

    found = read_version("d" * 64, 5, source.to_document())

    versions = dict.fromkeys(("contact_centre", "retail_banking", "virtual_assistant"), "2026.11.1")
    assert PolicyVersion("d" * 64, "c0ffee", 5, 4, 1, tuple(PolicyName(*one) for one in versions.items())) == found


@pytest.mark.parametrize(
    "text",
    [
        "policy: a\nversion: '1'\n",
        'policy: "a"\nversion: "1"  # the first\n',
        "# policy: b\npolicy: a # c\nversion: '1'\nrules: []\n",
        "{policy: a, version: '1'}\n",
        '"policy": a\n"version": "1"\n',
        "policy: &name a\nversion: '1'\ndescription: *name\n",
        "description: |\n  policy: b\n  version: '2'\npolicy: a\nversion: '1'\n",
        "policy: a\ndescription: 'x\n\nversion: 2\n'\nversion: '1'\n",
        "%YAML 1.2\n---\npolicy: a\nversion: '1'\n",
    ],
)
def test_a_policy_is_found_however_its_file_is_written(text: str) -> None:
    """A version that is misread would be one that was never in force."""
    assert (PolicyName("a", "1"),) == names(a=text)


def test_a_policy_without_a_version_is_listed() -> None:
    """Its version is empty, as its author left it."""
    assert (PolicyName("a", ""), PolicyName("b", "2")) == names(y="policy: b\nversion: '2'\n", x="policy: a\n")


@pytest.mark.parametrize(
    "document", ["", "[]", "{}", json.dumps({"files": 3}), json.dumps({"files": {"a.yaml": 7}}), '{"files": []}']
)
def test_an_altered_document_is_listed_without_policies(document: str) -> None:
    """It is there, and somebody must find out why."""
    assert PolicyVersion("d" * 64, "", 5, 0, 0, ()) == read_version("d" * 64, 5, document)


def test_a_file_that_is_no_policy_is_left_out() -> None:
    """An old engine may have taken what this one cannot read."""
    assert () == names(a="policy: [", b="other: 1\n")
