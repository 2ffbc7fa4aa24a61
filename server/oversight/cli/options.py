"""Options that several commands share, and options made from fields."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from oversight.cli.fields import Field, parse_attribute, parse_text
from oversight.errors import InvalidRequestError

__all__ = ["Admin", "AsJson", "DataDir", "Insecure", "Target", "Tenant", "TimeoutS", "flag_name", "takes_fields"]

Target = Annotated[str, typer.Option("--target", metavar="HOST:PORT", help="Address of the server's data port.")]
Admin = Annotated[str, typer.Option("--admin", metavar="HOST:PORT", help="Address of the server's admin port.")]
TimeoutS = Annotated[float, typer.Option("--timeout", metavar="SECONDS", help="Longest wait for one answer.")]
Insecure = Annotated[bool, typer.Option("--insecure", help="Talk to another machine without TLS.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object for machines; also for errors.")]
Tenant = Annotated[str, typer.Option("--tenant", metavar="TEXT", help="tenant_id of every message that names none.")]
DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", metavar="DIR", help="Folder of the server; else OVERSIGHT_DATA_DIR, else ./.oversight."),
]

_METAVARS: Mapping[str, str] = {
    "text": "TEXT",
    "number": "NUMBER",
    "count": "INTEGER",
    "digest": "HEX",
    "time": "TIME",
}


def flag_name(name: str) -> str:
    """Return the option of the field *name*."""
    return f"--{name.replace('_', '-')}"


def takes_fields(fields: Iterable[Field]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """
    Give a command an option for each of *fields*.

    The command gets what was typed as its parameter `given`: a mapping of field names to values, those left out
    missing. Its other parameters stay as they are, behind the fields'.
    """
    known = tuple(fields)

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def call(**values: Any) -> None:
            typed = {field.name: _read(field, values) for field in known}
            command(given={name: value for name, value in typed.items() if value is not None}, **values)

        own = inspect.signature(command, eval_str=True).parameters.values()
        parameters = [option for field in known for option in _options(field)]
        parameters += [parameter.replace(kind=parameter.KEYWORD_ONLY) for parameter in own if parameter.name != "given"]
        call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        # typer reads a command's options from its signature; this is the standard way to give a function another one.
        call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # functions have no such field
        return call

    return decorate


def _options(field: Field) -> list[inspect.Parameter]:
    """Return the parameters that stand for *field*: one, or two for guardrails (see `_read`)."""
    flag = flag_name(field.name)
    match field.kind:
        case "flag":
            return [_parameter(field.name, bool | None, None, f"{flag}/--no-{flag[2:]}", help=field.meaning)]
        case "flags":
            return [
                _parameter(field.name, list[str] | None, None, "--guardrail-flag", metavar="FLAG", help=field.meaning),
                _parameter(_CHECKED, bool, False, "--guardrails-checked", help="a check ran, whatever it raised"),
            ]
        case "attributes":
            shape = "NAME=VALUE"
            return [_parameter(field.name, list[str] | None, None, "--attribute", metavar=shape, help=field.meaning)]
        case _:
            metavar = "|".join(field.choices) or _METAVARS[field.kind]
            return [_parameter(field.name, str | None, None, flag, metavar=metavar, help=field.meaning)]


_CHECKED = "guardrails_checked"


def _parameter(name: str, kind: Any, default: object, *declarations: str, **shown: Any) -> inspect.Parameter:
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[kind, typer.Option(*declarations, show_default=False, **shown)],
    )


def _read(field: Field, values: dict[str, Any]) -> object:
    """Take what was typed for *field* out of *values*; None where nothing was."""
    typed = values.pop(field.name)
    try:
        match field.kind:
            case "flags":
                # No flag and no word of a check is "none ran"; a check that raised nothing is an empty list.
                checked = values.pop(_CHECKED)
                return typed or ([] if checked else None)
            case "attributes":
                return dict(parse_attribute(field, item) for item in typed) if typed else None
            case _ if isinstance(typed, str):
                return parse_text(field, typed)
            case _:
                return typed
    except InvalidRequestError as error:
        raise typer.BadParameter(str(error)) from error
