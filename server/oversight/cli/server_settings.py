"""The server's settings as the command sees them: flags made from the model, and errors in words."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Literal, get_args, get_origin

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo

from oversight.cli.fields import Field
from oversight.cli.options import flag_name
from oversight.errors import UsageError
from oversight.rules.suggest import suggest
from oversight.settings import Settings
from oversight.storage.address import read_address

__all__ = ["SETTINGS", "misspelt_variables", "read_settings", "variable_name"]

_KINDS: Mapping[Any, str] = {bool: "flag", int: "count", float: "number"}
_PREFIX = str(Settings.model_config["env_prefix"])


def variable_name(name: str) -> str:
    """Return the environment variable of the setting *name*."""
    return f"{_PREFIX}{name}".upper()


def _field(name: str, info: FieldInfo) -> Field:
    default = "" if info.default is None else f" Default: {info.default}."
    choices = get_args(info.annotation) if get_origin(info.annotation) is Literal else ()
    kind = "choice" if choices else _KINDS.get(info.annotation, "text")
    return Field(name, kind, f"{info.description}{default} Variable: {variable_name(name)}.", choices)


SETTINGS: Mapping[str, Field] = {
    name: _field(name, info)
    for name, info in Settings.model_fields.items()
    if SecretStr not in (info.annotation, *get_args(info.annotation))
}
"""Every setting that may be a flag, which a secret may not: a new one in the model is one without a line here."""


def read_settings(given: Mapping[str, object]) -> Settings:
    """
    Return the settings in force where *given* was typed: it wins over variables, these over defaults.

    Raises UsageError that names the flag and the variable of each value that is wrong, and for a secret that was typed.
    """
    _check_store(str(given.get("store", "")))
    try:
        return Settings(**dict[str, Any](given))
    except ValidationError as error:
        raise UsageError("\n".join(_describe(problem, given) for problem in error.errors())) from error


def misspelt_variables(environment: Mapping[str, str] = os.environ) -> Iterator[str]:
    """
    Yield a sentence for each variable that looks like a misspelt setting's.

    Others with our prefix are left alone: Kubernetes sets OVERSIGHT_PORT and the like in every container beside a
    service called "oversight".
    """
    for variable in sorted(environment):
        name = variable.lower().removeprefix(_PREFIX.lower())
        if (
            variable.upper().startswith(_PREFIX)
            and name not in Settings.model_fields
            and (near := suggest(name, Settings.model_fields))
        ):
            yield f"the variable {variable} is no setting and has no effect (did you mean {variable_name(near)}?)"


def _check_store(typed: str) -> None:
    """Refuse a password on the command line; any other fault of the URL is found with the settings."""
    with suppress(ValueError):
        if read_address(typed).password:
            raise UsageError(
                "--store has a password in it, which every user of this machine can read: leave it out (USER@HOST) and "
                "give it in OVERSIGHT_STORE_PASSWORD, or in a file named by --store-password-file"
            )


def _describe(problem: Any, given: Mapping[str, object]) -> str:
    names = [str(part) for part in problem["loc"]]
    message = str(problem["msg"]).removeprefix("Value error, ")
    if not names:
        return message
    name = names[0]
    place = flag_name(name) if name in given else variable_name(name)
    other = variable_name(name) if name in given else flag_name(name)
    return f"{place} (or {other}): {message[:1].lower()}{message[1:]}, got {problem['input']!r}"
