"""`oversight version`: what is installed."""

from __future__ import annotations

import importlib.metadata
import platform

from oversight.cli.options import AsJson
from oversight.cli.output import print_json

__all__ = ["run"]


def run(as_json: AsJson = False) -> None:
    """Show the version of the program."""
    installed = importlib.metadata.version("oversightd")
    if as_json:
        print_json({"version": installed, "python": platform.python_version()})
    else:
        print(f"oversight {installed} (Python {platform.python_version()})")  # noqa: T201  # the command's output
