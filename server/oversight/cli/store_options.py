"""Options of the commands that work on a store, and what is behind them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oversight.cli.server_settings import read_settings
from oversight.errors import UsageError
from oversight.settings import Settings

if TYPE_CHECKING:
    from oversight.storage.database import Database

__all__ = ["IdKeyFile", "PasswordFile", "StoreUrl", "needed_id_key", "open_existing", "place_of", "read_given"]

StoreUrl = Annotated[
    str | None, typer.Option("--store", metavar="URL", help="Database of the records; else OVERSIGHT_STORE.")
]
PasswordFile = Annotated[
    Path | None, typer.Option("--store-password-file", metavar="FILE", help="File with its password.")
]
IdKeyFile = Annotated[
    Path | None, typer.Option("--id-key-file", metavar="FILE", help="The deployment's id key; else DATA_DIR/keys.")
]


def read_given(**given: object) -> Settings:
    """Return the settings in force where those of *given* that are not None were typed; raise `UsageError`."""
    return read_settings({name: value for name, value in given.items() if value is not None})


def place_of(settings: Settings) -> str:
    """Return where the store is, for people; a password is not in it."""
    return settings.store or str(settings.data_dir / "records.db")


def open_existing(settings: Settings, *, read_only: bool) -> Database:
    """Return the database of the store; raise `UsageError` where nothing was ever written to it."""
    # SQLAlchemy must not slow `--help`.
    from oversight.app.store import open_store_database

    database = open_store_database(settings, read_only=read_only)
    if not database.is_there():
        raise UsageError(
            f"there is no store at {place_of(settings)}: name the server's data folder (--data-dir) or its database "
            "(--store)"
        )
    return database


def needed_id_key(settings: Settings) -> bytes:
    """Return the deployment's id key; raise `UsageError` where there is none."""
    from oversight.app.keys import load_id_key

    key = load_id_key(settings)
    if key is None:
        raise UsageError(
            f"there is no id key in {settings.data_dir / 'keys'}: name the server's data folder (--data-dir) or the "
            "file with the key that its replicas share (--id-key-file)"
        )
    return key
