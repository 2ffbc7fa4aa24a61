"""What `check` and `test` share: which folder, and its problems with the path as it was typed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from oversight.cli.server_settings import read_settings
from oversight.errors import Problem
from oversight.rules.source import default_folder

__all__ = ["DefaultPolicy", "Folder", "find_default_policy", "find_folder", "place_problems"]

Folder = Annotated[
    Path | None,
    typer.Argument(metavar="PATH", help="Folder of rule files; else OVERSIGHT_POLICY, else the package's own."),
]
DefaultPolicy = Annotated[
    str | None,
    typer.Option("--default-policy", metavar="TEXT", help="Policy of requests whose department names none."),
]


def find_folder(typed: Path | None) -> Path:
    """Return the folder that was *typed*, else the one that `oversight serve` would read here."""
    return typed or read_settings({}).policy or default_folder()


def find_default_policy(typed: str | None) -> str:
    """Return the policy that was *typed*, else the one that `oversight serve` would take here."""
    return typed or read_settings({}).default_policy


def place_problems(problems: Iterable[Problem], folder: Path) -> list[Problem]:
    """Return *problems* with *folder* before their files, so that editors and terminals can open them."""
    placed = ((problem, folder / problem.file) for problem in problems)
    return [replace(problem, file=str(path)) if path.exists() else problem for problem, path in placed]
