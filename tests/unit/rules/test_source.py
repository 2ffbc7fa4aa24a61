"""Folders of rule files: what is read, what is passed over, what is refused."""

from __future__ import annotations

import os
import shutil

import pytest

from oversight.errors import InvalidPolicyError
from oversight.rules.load import load
from oversight.rules.source import default_folder, read_folder
from oversight.rules.yaml_tree import MAX_FILE_BYTES

TEXT = "policy: contact_centre\n"


def problems_of(path):
    with pytest.raises(InvalidPolicyError) as caught:
        read_folder(path)
    return [str(problem) for problem in caught.value.problems]


def test_every_rule_file_is_read_at_any_depth(tmp_path):
    """Departments have folders of their own."""
    (tmp_path / "departments" / "north").mkdir(parents=True)
    (tmp_path / "contact_centre.yaml").write_text(TEXT)
    (tmp_path / "departments" / "north" / "bank.yaml").write_text("policy: bänk\n", encoding="utf-8")
    (tmp_path / "README.md").write_text("not a rule")

    assert {
        "contact_centre.yaml": TEXT,
        "departments/north/bank.yaml": "policy: bänk\n",
    } == read_folder(tmp_path).files


def test_what_editors_leave_behind_is_passed_over(tmp_path):
    """A swap file is half a rule; while somebody types, the rules must stand."""
    (tmp_path / "a.yaml").write_text(TEXT)
    for name in (".a.yaml.swp", ".#a.yaml", "a.yaml~", "#a.yaml#", ".hidden.yaml", "4913", "a.yaml.bak"):
        (tmp_path / name).write_text("half a ru")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "b.yaml").write_text("half a ru")
    # Emacs locks a file with a link to nothing.
    (tmp_path / ".#b.yaml").symlink_to("somebody@somewhere.1234")

    assert ["a.yaml"] == list(read_folder(tmp_path).files)


@pytest.mark.parametrize("name", ["a.yml", "a.YAML", "a.Yml"])
def test_a_file_that_only_looks_like_a_rule_file_is_told(tmp_path, name):
    """Its author would believe that its rules are in force."""
    (tmp_path / "b.yaml").write_text(TEXT)
    (tmp_path / name).write_text(TEXT)

    assert [f"{name}: this file is not read; rule files are named *.yaml"] == [
        str(warning) for warning in read_folder(tmp_path).warnings
    ]


def config_map(folder, version, text):
    """Lay *folder* out as Kubernetes mounts a ConfigMap, and swap it as the kubelet does."""
    data = folder / f"..{version}"
    data.mkdir(parents=True)
    (data / "contact_centre.yaml").write_text(text)
    swap = folder / "..data_tmp"
    swap.symlink_to(data.name)
    swap.rename(folder / "..data")
    link = folder / "contact_centre.yaml"
    if not link.is_symlink():
        link.symlink_to("..data/contact_centre.yaml")


def test_a_mounted_config_map_is_read_once_and_after_a_swap_anew(tmp_path):
    """Each file is there twice, and the whole set changes by one rename."""
    config_map(tmp_path, "2026_01", TEXT)
    before = read_folder(tmp_path).files
    config_map(tmp_path, "2026_02", TEXT + "version: '2'\n")
    after = read_folder(tmp_path).files

    assert ({"contact_centre.yaml": TEXT}, {"contact_centre.yaml": TEXT + "version: '2'\n"}) == (before, after)


def test_a_config_map_may_be_mounted_below(tmp_path):
    """The company's rules in one, the department's in another."""
    (tmp_path / "a.yaml").write_text(TEXT)
    config_map(tmp_path / "departments", "2026_01", "policy: b\n")

    assert {"a.yaml": TEXT, "departments/contact_centre.yaml": "policy: b\n"} == read_folder(tmp_path).files


def test_a_folder_linked_into_itself_is_read_once(tmp_path):
    """A loop of links must not become a loop of ours."""
    (tmp_path / "a.yaml").write_text(TEXT)
    (tmp_path / "again").symlink_to(tmp_path)

    assert ["a.yaml"] == list(read_folder(tmp_path).files)


def test_a_file_that_is_not_utf_8_is_told_with_its_line(tmp_path):
    """Old editors write Latin-1, and a guess would change what customers are called."""
    (tmp_path / "a.yaml").write_bytes(b"policy: a\ndescription: Gr\xc3\xbc\xdfe\n")

    assert ["a.yaml:2:17: the byte 0xDF is not UTF-8; save the file as UTF-8"] == problems_of(tmp_path)


def test_a_file_that_is_too_large_is_told(tmp_path):
    """A mistake (or an attack) must not fill the memory."""
    (tmp_path / "a.yaml").write_bytes(b"#" * (MAX_FILE_BYTES + 1))
    (tmp_path / "b.yaml").write_bytes(b"#" * MAX_FILE_BYTES)

    assert ["a.yaml: the file is larger than 1,048,576 bytes (1 MiB); split it into several"] == problems_of(tmp_path)


def test_a_folder_without_a_policy_is_told(tmp_path):
    """Nothing at all is never a policy: it is a wrong path or a failed mount."""
    problem = "there is no policy file in this folder; policy files are named NAME.yaml"

    assert [f"{tmp_path}: {problem}"] == problems_of(tmp_path)

    (tmp_path / "a_test.yaml").write_text(TEXT)
    assert [f"{tmp_path}: {problem}"] == problems_of(tmp_path)


def test_a_path_that_is_no_folder_is_told(tmp_path):
    """Both are slips on a command line."""
    (tmp_path / "a.yaml").write_text(TEXT)
    missing, file = tmp_path / "missing", tmp_path / "a.yaml"

    assert [f"{missing}: the folder of rule files does not exist"] == problems_of(missing)
    assert [f"{file}: the folder of rule files is a file; give the folder it is in"] == problems_of(file)


def test_what_is_named_like_a_rule_file_and_is_none_is_told(tmp_path):
    """A pipe would be waited for for ever."""
    (tmp_path / "a.yaml").symlink_to("nowhere")
    os.mkfifo(tmp_path / "b.yaml")

    assert [
        "a.yaml: is a link to nothing; remove it or put a rule file in its place",
        "b.yaml: is not a plain file; remove it or put a rule file in its place",
    ] == problems_of(tmp_path)


def test_a_folder_of_everything_is_refused(tmp_path):
    """`--policy /` is a slip, and must not be walked for an hour."""
    for number in range(10_001):
        (tmp_path / f"{number}.txt").touch()

    assert [f"{tmp_path}: the folder has more than 10,000 entries; is it really one of rule files?"] == problems_of(
        tmp_path
    )


def test_files_that_cannot_be_read_are_told(tmp_path):
    """A permission lost in a deployment must not look like a policy that got shorter."""
    file, folder = tmp_path / "a.yaml", tmp_path / "b"
    file.write_text(TEXT)
    folder.mkdir()
    file.chmod(0)
    try:
        if os.access(file, os.R_OK):
            pytest.skip("this user may read everything")
        assert ["a.yaml: the file cannot be read: Permission denied"] == problems_of(tmp_path)
        file.chmod(0o600)
        folder.chmod(0)
        assert [f"{tmp_path}: the folder cannot be read: Permission denied"] == problems_of(tmp_path)
    finally:
        file.chmod(0o600)
        folder.chmod(0o700)


def test_the_default_folder_is_the_repositorys_in_a_checkout():
    """`oversight serve` without --policy must find the rules it was shipped with."""
    files = read_folder(default_folder())

    assert "contact_centre" in load(files, default_policy="contact_centre").policies


def test_the_same_content_elsewhere_is_the_same_files(tmp_path):
    """Paths are relative: where a folder is mounted changes nothing."""
    shutil.copytree(default_folder(), tmp_path / "copy")

    assert read_folder(default_folder()).files == read_folder(tmp_path / "copy").files
