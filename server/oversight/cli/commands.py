"""
The commands by name, and how each of them ends.

Exit codes: 0 ok; 1 the thing checked is wrong, or the server could not answer; 2 usage. Every error is one or two
plain lines on stderr, never a traceback; with `--json` also one object on stdout:
`{"error": {"reason", "message", "field", "code"}}`.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from oversight.cli.failures import describe_failure, report
from oversight.cli.typed_text import takes_text

__all__ = ["COMMANDS", "app", "main"]

_NAME = "oversight"

COMMANDS: dict[str, str] = {
    "serve": "Serve decisions until told to stop.",
    "check": "Check rule files; every problem with its file and line.",
    "test": "Run the cases beside the rules.",
    "decide": "Decide one message.",
    "outcome": "Report what became of a decision.",
    "replay": "Decide every message of a file and sum up.",
    "simulate": "Play a contact centre of weeks in minutes; find its signs.",
    "load": "Send decisions at a given rate and show how long they take.",
    "explain": "Show why a decision on record came out as it did.",
    "records": "List decisions in the store, newest first.",
    "replay-record": "Decide records again; do they come out the same?",
    "status": "Show what is in force, since when, and whether all is well.",
    "errors": "Show how often the AI errs, or what is missing to know.",
    "warnings": "Show the signs that oversight is breaking down.",
    "quality": "Show the AI's work beside people's.",
    "audits": "List reviews and audits that are due and not done.",
    "export": "Write corrections or decisions to a file.",
    "report": "Write what outcomes teach as one page with charts.",
    "thresholds": "Show the thresholds in force, prove and change them.",
    "stop": "Send every message to a person, or let go on.",
    "policy": "Show policies in force or before; check rule files.",
    "token": "Make, list or revoke the tokens of callers.",
    "store": "Show the layout of the store, or migrate it.",
    "verify": "Find records that were removed, altered or reordered.",
    "retain": "Remove records that are older than they may be.",
    "erase": "Erase what is personal about a customer.",
    "settings": "List the server's settings, their values and sources.",
    "version": "Show the version.",
}
"""
Every command with its summary.

`NAME` is the function `run` of the module `oversight.cli.NAME`, with `_`, or its `app` where it has commands below it.
"""


class CommandGroup(TyperGroup):
    """
    The commands, each loaded when it is called.

    The list above stands in for them in help texts and suggestions: `oversight --help` would otherwise load pydantic,
    gRPC and the rules to print ten lines.
    """

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, summary in COMMANDS.items():
            self.add_command(TyperCommand(name, help=summary))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Load the command that *args* begin with, then go on as typer does."""
        if args and args[0] in COMMANDS:
            self.add_command(_load(args[0]))
        return super().resolve_command(ctx, args)

    def main(self, args: Sequence[str] | None = None, **_: Any) -> NoReturn:  # type: ignore[override]  # the rest is set
        """Run the command in *args* (the process's where there are none) and leave with its exit code."""
        words = list(sys.argv[1:] if args is None else args) or ["--help"]
        try:
            code = super().main(words, _NAME, standalone_mode=False)
        except Exception as error:  # noqa: BLE001  # the last frame of the program: nothing else can put it into words
            failure = describe_failure(error)
            report(failure, as_json="--json" in words)
            code = failure.exit_code
        sys.exit(code if isinstance(code, int) else 0)


def _load(name: str) -> Any:
    module = importlib.import_module(f"oversight.cli.{name.replace('-', '_')}")
    if hasattr(module, "app"):
        for below in module.app.registered_commands:
            below.callback = _prepared(below.callback)
        group = get_command(module.app)
        group.name = name
        return group
    single = typer.Typer(add_completion=False, rich_markup_mode=None)
    single.command(name)(_prepared(module.run))
    return get_command(single)


def _prepared(command: Any) -> Any:
    return takes_text(_with_credentials(command))


def _with_credentials(command: Any) -> Any:
    """Return *command*, with the options of a caller where it calls a server and has them not yet."""
    parameters = inspect.signature(command).parameters
    if "insecure" not in parameters or "token_file" in parameters:
        return command
    # Only commands that call a server need the client for it.
    from oversight.cli.credentials import takes_credentials

    return takes_credentials(command)


# Plain help: typer's panels cut the names of longer options off on a terminal of 80 columns.
app = typer.Typer(cls=CommandGroup, add_completion=False, rich_markup_mode=None)


@app.callback()
def _oversight() -> None:
    """How much human oversight does an AI message get? Policy decisions for contact centres."""


def main() -> NoReturn:
    """Run the command line of this process."""
    get_command(app).main()
    raise AssertionError("a command group always leaves by itself")
