"""Where the store is."""

from __future__ import annotations

from pathlib import Path

from oversight.app.store import store_url


def test_the_store_is_in_the_data_folder_wherever_the_process_goes(tmp_path: Path) -> None:
    """Three slashes and a relative path would depend on the working folder."""
    assert f"sqlite:///{tmp_path}/records.db" == store_url(tmp_path)
    assert f"sqlite:///{Path.cwd()}/.oversight/records.db" == store_url(Path(".oversight"))
