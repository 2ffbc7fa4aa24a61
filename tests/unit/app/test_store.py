"""Where the store is."""

from __future__ import annotations

from pathlib import Path

import pytest

from oversight.app.store import WRITER, store_url
from oversight.storage.sql import SqlStore
from oversight.storage.sqlite import database_file


def test_the_store_is_in_the_data_folder_wherever_the_process_goes(tmp_path: Path) -> None:
    """Three slashes and a relative path would depend on the working folder."""
    assert f"sqlite:///{tmp_path}/records.db" == store_url(tmp_path)
    assert f"sqlite:///{Path.cwd()}/.oversight/records.db" == store_url(Path(".oversight"))


@pytest.mark.parametrize("name", ["who?", "100%", "a%20b", "#1", "café au lait", "a&b=c", "user:word@host"])
def test_a_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    """Text behind a question mark would be taken for options, and records written beside the folder."""
    folder = tmp_path / name
    folder.mkdir()
    store = SqlStore(store_url(folder), writer=WRITER)
    store.put_snapshot("d" * 64, "{}")
    store.close()

    assert folder / "records.db" == database_file(store_url(folder))
    assert [folder] == list(tmp_path.iterdir())
    assert (folder / "records.db").is_file()
