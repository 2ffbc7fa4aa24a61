"""What a command shows the server: options that every command which calls one gets, and their variables."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from oversight.errors import UsageError
from oversight_client import TlsOptions

__all__ = ["Credentials", "given_credentials", "read_credentials", "takes_credentials"]

TOKEN_VARIABLE = "OVERSIGHT_TOKEN"  # noqa: S105 - the name of a variable
_typed: ContextVar[Mapping[str, Path | None]] = ContextVar("what was typed for the command under way")
_OPTIONS: Mapping[str, tuple[str, str]] = {
    "token_file": ("--token-file", f"File with the caller's token; a token itself may stand in {TOKEN_VARIABLE}."),
    "ca_file": ("--ca-file", "Authorities of the server's certificate (PEM): TLS."),
    "cert_file": ("--cert-file", "The caller's own certificate (PEM)."),
    "key_file": ("--key-file", "Its key."),
}


class Credentials(NamedTuple):
    """What was given; empty or None is nothing. The token never comes on a command line, which others can read."""

    token: str = ""
    token_file: Path | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    @property
    def tls(self) -> TlsOptions | None:
        """The client's options, None for plaintext; raises `UsageError`."""
        if not (self.ca_file or self.cert_file or self.key_file):
            return None
        try:
            return TlsOptions(ca_file=self.ca_file, cert_file=self.cert_file, key_file=self.key_file)
        except ValueError:
            raise UsageError("--cert-file and --key-file: expected both or neither") from None


def takes_credentials(command: Callable[..., None]) -> Callable[..., None]:
    """Give a *command* that calls a server the options above."""
    own = inspect.signature(command, eval_str=True).parameters

    @functools.wraps(command)
    def call(**values: Any) -> None:
        token = _typed.set({name: values.pop(name) for name in _OPTIONS})
        try:
            command(**values)
        finally:
            _typed.reset(token)

    kind = inspect.Parameter.KEYWORD_ONLY
    parameters = [parameter.replace(kind=kind) for parameter in own.values()]
    parameters += [inspect.Parameter(name, kind, default=None, annotation=_option(name)) for name in _OPTIONS]
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # functions have no such field
    return call


def given_credentials() -> Credentials:
    """Return what the command under way was given; raises `UsageError`."""
    return read_credentials(_typed.get({}), os.environ)


def read_credentials(typed: Mapping[str, Path | None], environment: Mapping[str, str]) -> Credentials:
    """Return what is in force: what was *typed* wins over variables; raises `UsageError`."""
    found = {name: typed.get(name) or _path(environment.get(_variable(name), "")) for name in _OPTIONS}
    token = "" if typed.get("token_file") else environment.get(TOKEN_VARIABLE, "")
    if token and found["token_file"]:
        raise UsageError(f"{TOKEN_VARIABLE} and {_variable('token_file')}: expected one of them")
    return Credentials(token, **found)


def _path(text: str) -> Path | None:
    return Path(text) if text else None


def _variable(name: str) -> str:
    return f"OVERSIGHT_{name.upper()}"


def _option(name: str) -> Any:
    flag, meaning = _OPTIONS[name]
    help_text = f"{meaning} Variable: {_variable(name)}."
    return Annotated[Path | None, typer.Option(flag, metavar="FILE", help=help_text, show_default=False)]
