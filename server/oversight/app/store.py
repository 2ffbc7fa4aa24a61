"""The store that the settings name, and how a process of the server opens it."""

from __future__ import annotations

from sqlalchemy import URL, make_url

from oversight.app.keys import load_id_key
from oversight.app.store_password import read_store_password
from oversight.app.writer import read_writer
from oversight.settings import Settings
from oversight.storage.control_listener import ControlListener, PollingListener
from oversight.storage.control_store import SqlControlStore
from oversight.storage.database import Database, Limits
from oversight.storage.election import Election, SoleProcess
from oversight.storage.erasure import ErasedSubjects
from oversight.storage.open import open_database
from oversight.storage.sql import SqlStore, open_reader
from oversight.storage.sqlite import file_url
from oversight.storage.tokens import SqlTokens

__all__ = [
    "open_control_database",
    "open_control_listener",
    "open_control_store",
    "open_election",
    "open_store",
    "open_store_database",
    "open_store_reader",
    "open_tokens",
    "store_limits",
    "store_url",
]


def store_url(settings: Settings) -> URL:
    """
    Return the URL of the records' database, with the password in it: as text it is `***`.

    Raises `KeyFileError` where the file of the password is not as it must be.
    """
    if not settings.store:
        return make_url(file_url(settings.data_dir / "records.db"))
    password = read_store_password(settings)
    return make_url(settings.store).set(password=password) if password else make_url(settings.store)


def store_limits(settings: Settings) -> Limits:
    """Return what each process may ask of a database server."""
    return Limits(settings.store_pool_size, settings.store_connect_timeout_s, settings.store_statement_timeout_s)


def open_store(settings: Settings) -> SqlStore:
    """Return the store of this replica, to write; connects to nothing yet. Raises `KeyFileError`."""
    return SqlStore(
        store_url(settings),
        writer=read_writer(settings),
        migrate=settings.migrate,
        limits=store_limits(settings),
        erased=_erased_subjects(settings),
    )


def open_store_reader(settings: Settings) -> SqlStore:
    """Return the store to read only, for workers; the database need not exist yet. Raises `KeyFileError`."""
    return open_reader(store_url(settings), limits=store_limits(settings), erased=_erased_subjects(settings))


def open_store_database(settings: Settings, *, read_only: bool = False) -> Database:
    """Return the store's database, for commands about it. Raises `KeyFileError`."""
    return open_database(store_url(settings), read_only=read_only, limits=store_limits(settings))


def open_control_database(settings: Settings, *, read_only: bool = False) -> Database:
    """Return the database of events and tokens: the store's, or DATA_DIR/control.db. Raises `KeyFileError`."""
    if settings.store:
        return open_store_database(settings, read_only=read_only)
    return open_database(file_url(settings.data_dir / "control.db"), read_only=read_only)


def open_control_store(settings: Settings) -> SqlControlStore:
    """Return the store of control events, to write; connects to nothing yet. Raises `KeyFileError`."""
    return SqlControlStore(open_control_database(settings), migrate=settings.migrate)


def open_control_listener(settings: Settings) -> ControlListener:
    """Return what waits between two looks at the control events. Raises `KeyFileError`."""
    if not settings.store:
        return PollingListener()
    # Most servers have an embedded store, and no use for this driver's memory.
    from oversight.storage.postgresql_listener import PostgresqlListener

    return PostgresqlListener(store_url(settings), connect_timeout_s=settings.store_connect_timeout_s)


def open_election(settings: Settings) -> Election:
    """Return what tells one keeper of all those on the store that it is the one. Raises `KeyFileError`."""
    if not settings.store:
        return SoleProcess()
    # Most servers have an embedded store, and no use for this driver's memory.
    from oversight.storage.postgresql_election import PostgresqlElection

    return PostgresqlElection(store_url(settings), connect_timeout_s=settings.store_connect_timeout_s)


def open_tokens(settings: Settings) -> SqlTokens:
    """Return the tokens of callers, in the database of what administrators decide. Raises `KeyFileError`."""
    return SqlTokens(open_control_database(settings))


def _erased_subjects(settings: Settings) -> ErasedSubjects | None:
    id_key = load_id_key(settings)
    return None if id_key is None else ErasedSubjects(id_key)
