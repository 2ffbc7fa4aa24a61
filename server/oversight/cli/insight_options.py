"""What commands about outcomes have in common: which decisions, by what they are split, where a page goes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from oversight.cli.fields import Field, with_hint
from oversight.cli.whole_file import check_place
from oversight.errors import UsageError

__all__ = ["FILTERS", "SlowTimeoutS", "ToPage", "check_page", "filters_of", "parse_level", "parse_split"]

FILTERS = (
    Field("tenant", "text", "those of this tenant"),
    Field("department", "text", "those whose request named this department"),
    Field("intent", "text", "those with this intent"),
    Field("tier", "choice", "those at this tier", ("human_on_the_loop", "human_in_the_loop", "human_as_the_loop")),
    Field("model_version", "text", "those with this model version"),
    Field("since", "time", "those decided at this time or later; else 90 days before --until"),
    Field("until", "time", "those decided before this time; else up to now"),
)
"""The fields of InsightFilter, as options."""

_API_NAMES = {"tenant": "tenant_id"}
_DIMENSIONS = ("tenant", "department", "intent", "tier", "model_version")

ToPage = Annotated[
    Path | None,
    typer.Option("--html", metavar="FILE", help="Also write a page with charts to this file.", show_default=False),
]
SlowTimeoutS = Annotated[float, typer.Option("--timeout", metavar="SECONDS", help="Longest wait for one answer.")]


def filters_of(given: Mapping[str, object]) -> dict[str, object]:
    """Return what was given as the client's filters."""
    return {_API_NAMES.get(name, name): value for name, value in given.items()}


def parse_split(text: str) -> list[str]:
    """Return the dimensions in *text* (`department,tier`) in the client's words; raise `UsageError`."""
    names = [name.strip().lower().replace("-", "_") for name in text.split(",") if name.strip()]
    for name in names:
        if name not in _DIMENSIONS:
            said = f"--by: {name!r} is not one of {', '.join(_DIMENSIONS)}"
            raise UsageError(with_hint(said, name, _DIMENSIONS))
    if not names:
        raise UsageError(f"--by: expected one or more of {', '.join(_DIMENSIONS)}, with commas between")
    if len(names) > len(set(names)):
        raise UsageError(f"--by {text}: the same thing twice")
    return [name.upper() for name in names]


def parse_level(option: str, value: float) -> float:
    """Return *value* where it lies between 0 and 1, as rates and confidences do; raise `UsageError`."""
    if not 0 < value < 1:
        raise UsageError(f"{option} {value:g}: expected a number between 0 and 1, for instance 0.05 for 5 %")
    return value


def check_page(path: Path | None) -> None:
    """Refuse a file that cannot be written, before anything is asked of a server; raises `UsageError`."""
    if path is not None:
        check_place("--html", path)
