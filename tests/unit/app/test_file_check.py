"""Files that somebody sent are checked elsewhere, and however they are made the check comes to an end."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from oversight.app import file_check
from oversight.app.file_check import FileCheck
from oversight.policies import SnapshotSource, assemble_source, compile_source
from oversight.settings import Settings
from servers import POLICY

SMALL = {"contact_centre.yaml": POLICY.format(version="1")}


def a_chain(length: int) -> dict[str, str]:
    """Return policies of which each extends the one before: each has the rules of all of them."""
    own = POLICY.format(version="1")
    files = {"contact_centre.yaml": own}
    rule = own.partition("rules:\n")[2]
    parent = "contact_centre"
    for number in range(length):
        name = f"p{number}"
        head = f'policy: {name}\nversion: "1"\nextends: {parent}\nrules:\n'
        files[f"{name}.yaml"] = head + rule.replace("low_confidence", f"r{number}")
        parent = name
    return files


def test_files_that_compile_have_the_digest_that_this_server_would_publish(tmp_path: Path) -> None:
    """Its settings are part of what decides."""
    settings = Settings(data_dir=tmp_path, max_policy_age_s=7)
    source = SnapshotSource(SMALL, "contact_centre", max_policy_age_s=7)

    checked = FileCheck(settings)(SMALL, "")

    assert assemble_source(source, compile_source(source)[0]).digest == checked.digest
    assert (("contact_centre", "1"),) == checked.policies
    assert ((), 0) == (checked.problems, checked.count)


def test_the_default_policy_may_be_another(tmp_path: Path) -> None:
    """A folder is checked for the server that will have it."""
    checked = FileCheck(Settings(data_dir=tmp_path))(SMALL, "contact_center")

    [problem] = checked.problems
    assert ("", "contact_centre") == (checked.digest, problem.suggestion)


def test_files_that_take_too_long_are_a_problem(tmp_path: Path) -> None:
    """A thousand valid policies may take minutes: the check ends, and says why it says no."""
    checked = FileCheck(Settings(data_dir=tmp_path), longest_s=0.05)(a_chain(200), "")

    [problem] = checked.problems
    assert ("", 1) == (checked.digest, checked.count)
    assert "these files take more than 0.05 s to compile" in problem.message


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited by the kernel")
def test_files_that_take_too_much_memory_are_a_problem(tmp_path: Path) -> None:
    """The controller beside it goes on."""
    limit = 72 * 1024 * 1024

    checked = FileCheck(Settings(data_dir=tmp_path), largest_bytes=limit, longest_s=120)(a_chain(300), "")

    [problem] = checked.problems
    assert "these files take more than 75,497,472 bytes of memory to compile" in problem.message


def test_a_check_that_fails_of_itself_is_no_verdict(tmp_path: Path) -> None:
    """A fault of ours must neither pass nor refuse anybody's rules."""
    with pytest.raises(RuntimeError, match="the check of rule files ended with"):
        FileCheck(Settings(data_dir=tmp_path), largest_bytes=2**70)(SMALL, "")


def test_what_is_shown_is_bounded_and_counted(tmp_path: Path) -> None:
    """A file of nothing but mistakes must not become an answer that nobody can take."""
    files = {"contact_centre.yaml": "policy: p\nrules:\n" + "  - id: 1\n" * 400}

    checked = FileCheck(Settings(data_dir=tmp_path))(files, "")

    assert (1_000, 2_002) == (len(checked.problems), checked.count)
    assert 1_000 == file_check._MOST_PROBLEMS  # noqa: SLF001 - the API's comment says so too
