"""The command `oversight`."""

from oversight.cli.commands import main

__all__ = ["main"]
