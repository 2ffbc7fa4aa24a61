"""`oversight serve`: the server, with a flag for every setting."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import typer

from oversight.cli.options import takes_fields
from oversight.cli.server_settings import SETTINGS, misspelt_variables, read_settings

__all__ = ["run"]


@takes_fields(SETTINGS.values())
def run(given: Mapping[str, object]) -> None:
    """
    Serve decisions until told to stop (Ctrl-C, SIGTERM).

    Every flag may also be given as a variable; a flag wins. `oversight settings` lists the values in force.
    """
    settings = read_settings(given)
    for sentence in misspelt_variables():
        sys.stderr.write(f"oversight: {sentence}\n")
    # Wrong flags and --help must not wait for gRPC, SQLAlchemy and OpenTelemetry to load.
    from oversight.app.supervisor import serve

    raise typer.Exit(serve(settings))
