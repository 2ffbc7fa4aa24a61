"""Where the store is."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from oversight.app.store import open_store, open_store_database, store_limits, store_url
from oversight.settings import Settings
from oversight.storage.database import DEFAULT_LIMITS, Limits
from oversight.storage.sqlite import database_file


def test_the_store_is_in_the_data_folder_wherever_the_process_goes(tmp_path: Path) -> None:
    """Three slashes and a relative path would depend on the working folder."""
    assert f"sqlite:///{tmp_path}/records.db" == str(store_url(Settings(data_dir=tmp_path)))
    assert f"sqlite:///{Path.cwd()}/.oversight/records.db" == str(store_url(Settings()))


@pytest.mark.parametrize("name", ["who?", "100%", "a%20b", "#1", "café au lait", "a&b=c", "user:word@host"])
def test_a_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    """Text behind a question mark would be taken for options, and records written beside the folder."""
    folder = tmp_path / name
    folder.mkdir()
    settings = Settings(data_dir=folder)
    store = open_store(settings)
    store.put_snapshot("d" * 64, "{}")
    store.close()

    assert folder / "records.db" == database_file(store_url(settings))
    assert [folder] == list(tmp_path.iterdir())
    assert (folder / "records.db").is_file()


def test_a_server_is_named_with_its_password_and_shown_without() -> None:
    """Whatever is printed of it by mistake."""
    place = "postgresql+psycopg://u@h:5432/d?sslmode=require"
    url = store_url(Settings(store=place, store_password=SecretStr("p@:/ss")))

    assert "p@:/ss" == url.password
    assert "postgresql+psycopg://u:***@h:5432/d?sslmode=require" == str(url)
    assert "p@:/ss" not in repr(url)


def test_without_a_password_the_url_is_as_it_was_given() -> None:
    """The driver then looks for one in its own places."""
    assert store_url(Settings(store="postgresql://u@h/d")).password is None


def test_the_limits_are_those_that_are_set() -> None:
    """A database's connections are counted over all replicas."""
    settings = Settings(
        store="postgresql://u@h/d", store_pool_size=7, store_connect_timeout_s=3, store_statement_timeout_s=9
    )

    assert Limits(7, 3, 9) == store_limits(settings)
    assert DEFAULT_LIMITS == store_limits(Settings())
    database = open_store_database(settings, read_only=True)
    assert 7 == database.engine.pool.size()  # type: ignore[attr-defined]  # of this kind of pool
