"""What a command says when it cannot do what was asked."""

from __future__ import annotations

import json
import re
import sys
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from oversight.cli.output import harmless
from oversight.errors import OversightError, SetupError, UsageError

__all__ = ["CommandError", "Failure", "describe_failure", "report"]


@dataclass(frozen=True, slots=True)
class Failure:
    """
    Why a command failed.

    `reason` is a word for software: an `ErrorReason` of the API, `USAGE`, `INTERNAL`, or the name of one of our own
    errors. `field` is the field that is wrong; `code` is the gRPC status where a server answered. Both may be absent.
    """

    reason: str
    message: str
    field: str | None = None
    code: str | None = None
    exit_code: int = 1


class CommandError(SetupError):
    """A command failed in the way that its `Failure` describes."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def describe_failure(error: Exception) -> Failure:
    """Put *error* into words; an error that nobody foresaw becomes INTERNAL, with the line of code that raised it."""
    match error:
        case CommandError(failure=failure):
            return failure
        case UsageError():
            return Failure("USAGE", str(error), exit_code=2)
        case OversightError():
            return Failure(_reason(error), str(error), error.metadata.get("field"))
        case OSError(filename=str() | bytes() as name):
            return Failure("FILE", f"{name!s}: {error.strerror}")
        case OSError():
            return Failure("FILE", str(error))
    if hasattr(error, "format_message"):
        return _usage(error)
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return Failure("INTERNAL", f"internal error: {type(error).__name__}{where}: {error}; please report it")


def report(failure: Failure, *, as_json: bool) -> None:
    """Print *failure*: lines on stderr and, with *as_json*, `{"error": …}` without the exit code on stdout."""
    sys.stderr.write(f"oversight: {harmless(failure.message)}\n")
    if as_json:
        shown = asdict(failure)
        del shown["exit_code"]
        sys.stdout.write(json.dumps({"error": shown}) + "\n")


def _usage(error: Any) -> Failure:
    """Return the words for an error of typer's parser, with the nearest option and where to read on."""
    message = str(error.format_message()).rstrip(".")
    if possibilities := getattr(error, "possibilities", None):
        message = f"{error.message} (did you mean {possibilities[0]}?)"
    context = getattr(error, "ctx", None)
    hint = f"\nTry: {context.command_path} --help" if context else ""
    return Failure("USAGE", message + hint, exit_code=2)


def _reason(error: OversightError) -> str:
    """Return an error's name as a reason: `InvalidPolicyError` is INVALID_POLICY."""
    name = type(error).__name__.removesuffix("Error")
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).upper()
