"""The Git commit of a folder of rule files."""

from __future__ import annotations

import shutil

import pytest
from dulwich import porcelain

from oversight.rules.source import read_folder

TEXT = "policy: contact_centre\n"


@pytest.fixture
def checkout(tmp_path):
    """Return a repository with one commit of a folder of rules and of a file beside it."""
    (tmp_path / "rules" / "departments").mkdir(parents=True)
    (tmp_path / "rules" / "a.yaml").write_text(TEXT)
    (tmp_path / "rules" / "departments" / "b.yaml").write_text("policy: b\n")
    (tmp_path / "README.md").write_text("read me")
    repository = porcelain.init(str(tmp_path))
    repository.close()
    commit(tmp_path)
    return tmp_path


def commit(folder):
    with porcelain.open_repo_closing(str(folder)) as repository:
        paths = [str(path) for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts]
        porcelain.add(repository, paths)
        made = porcelain.commit(
            repository, message=b"Rules", author=b"A <a@example.org>", committer=b"A <a@example.org>"
        )
    return made.decode()


def head(folder):
    with porcelain.open_repo_closing(str(folder)) as repository:
        return repository.head().decode()


def test_a_clean_checkout_is_its_commit(checkout):
    """A decision names the commit that made it, so that anyone can read the rules of that day."""
    assert head(checkout) == read_folder(checkout / "rules").commit
    assert 40 == len(head(checkout))


def test_the_next_commit_is_another(checkout):
    """A change that is committed is clean again."""
    before = read_folder(checkout / "rules").commit
    (checkout / "rules" / "a.yaml").write_text(TEXT + "version: '2'\n")
    made = commit(checkout)

    assert made == read_folder(checkout / "rules").commit
    assert made != before


def change(folder):
    (folder / "rules" / "a.yaml").write_text(TEXT + "# changed\n")


def add(folder):
    (folder / "rules" / "departments" / "c.yaml").write_text("policy: c\n")


def add_cases(folder):
    (folder / "rules" / "a_test.yaml").write_text("policy: c\n")


def remove(folder):
    (folder / "rules" / "departments" / "b.yaml").unlink()


def rename(folder):
    (folder / "rules" / "departments" / "b.yaml").rename(folder / "rules" / "b.yaml")


@pytest.mark.parametrize("alter", [change, add, add_cases, remove, rename])
def test_rule_files_that_differ_from_the_commit_are_dirty(checkout, alter):
    """A commit that did not decide must not be named as if it had."""
    alter(checkout)

    assert f"{head(checkout)}-dirty" == read_folder(checkout / "rules").commit


def test_other_files_do_not_make_rules_dirty(checkout):
    """Nobody decides by a README."""
    (checkout / "README.md").write_text("changed")
    (checkout / "rules" / "notes.txt").write_text("new")
    (checkout / "rules" / ".a.yaml.swp").write_text("swap")

    assert head(checkout) == read_folder(checkout / "rules").commit


def test_the_repositorys_root_may_be_the_folder(checkout):
    """A repository of nothing but rules."""
    assert head(checkout) == read_folder(checkout).commit


def test_a_folder_outside_git_has_no_commit(tmp_path):
    """Most containers have no history with them."""
    (tmp_path / "a.yaml").write_text(TEXT)

    assert "" == read_folder(tmp_path).commit


def test_a_repository_without_a_commit_has_none(tmp_path):
    """Right after `git init`."""
    (tmp_path / "a.yaml").write_text(TEXT)
    porcelain.init(str(tmp_path)).close()

    assert "" == read_folder(tmp_path).commit


def test_an_ignored_folder_has_no_commit(checkout):
    """A package installed inside somebody's checkout is not versioned there."""
    installed = checkout / ".venv" / "policy_rules"
    shutil.copytree(checkout / "rules", installed)
    (checkout / ".gitignore").write_text(".venv/\n")

    assert "" == read_folder(installed).commit


def test_a_new_folder_that_is_not_ignored_is_dirty(checkout):
    """It will be committed; until then the commit does not have it."""
    shutil.copytree(checkout / "rules", checkout / "more")

    assert f"{head(checkout)}-dirty" == read_folder(checkout / "more").commit


def test_a_broken_repository_does_not_keep_rules_from_being_read(checkout):
    """The digest identifies rules; the commit is for people."""
    shutil.rmtree(checkout / ".git" / "objects")
    (checkout / ".git" / "objects").mkdir()

    assert "" == read_folder(checkout / "rules").commit
    assert 2 == len(read_folder(checkout / "rules").files)
