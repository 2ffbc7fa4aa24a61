"""`oversight settings`: every setting of the server, its value and where that comes from."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from rich.text import Text

from oversight.cli.options import AsJson
from oversight.cli.output import console, print_json
from oversight.cli.server_settings import misspelt_variables, read_settings, variable_name
from oversight.settings import Settings

__all__ = ["run"]


def run(as_json: AsJson = False) -> None:
    """
    List the server's settings: the value that `oversight serve` would have here, where it comes from, what it means.

    A value comes from the flag of the same name (with dashes), else from the variable, else from the default.
    """
    rows = _rows(read_settings({}))
    for sentence in misspelt_variables():
        sys.stderr.write(f"oversight: {sentence}\n")
    if as_json:
        print_json({"settings": rows})
        return
    screen = console()
    for row in rows:
        value = "not set" if row["value"] is None else str(row["value"])
        style = "bold yellow" if row["source"] == "variable" else "bold"
        screen.print(Text.assemble(f"{row['name']} = ", (value, style), (f"  ({row['source']})", "dim")))
        screen.print(Text(f"    {row['description']} Variable: {row['variable']}."))


def _rows(in_force: Settings) -> list[dict[str, Any]]:
    rows = []
    for name, info in Settings.model_fields.items():
        value = getattr(in_force, name)
        rows.append(
            {
                "name": name,
                "value": str(value) if isinstance(value, Path | SecretStr) else value,
                "default": str(info.default) if isinstance(info.default, Path) else info.default,
                "source": "variable" if name in in_force.model_fields_set else "default",
                "variable": variable_name(name),
                "description": info.description,
            }
        )
    return rows
