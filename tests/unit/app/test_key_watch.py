"""The issuer's keys: read or fetched off the call path, and the last good ones kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from authority import Issuer, jwt_settings
from oversight.app.access import KEYS_NAME, WANTED_NAME
from oversight.app.handover import clear_run, write_file
from oversight.app.key_watch import KeyWatch
from oversight.settings import Settings

URL = "https://issuer.example/keys"


class Site:
    """What is at the URL, and how often it was fetched."""

    def __init__(self) -> None:
        self.content = Issuer().jwks
        self.down = False
        self.fetched = 0
        self.now_s = 0.0

    def get(self, _: str) -> bytes:
        self.fetched += 1
        if self.down:
            raise OSError("connection refused")
        return self.content


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Return the folder of the hand-over files."""
    clear_run(tmp_path)
    return tmp_path / "run"


def published(run: Path) -> list[str]:
    """Return the names of the keys that are published."""
    return [key["kid"] for key in json.loads((run / KEYS_NAME).read_bytes())["keys"]]


def test_a_file_is_read_when_it_changes(tmp_path: Path, run: Path) -> None:
    """One that cannot be used leaves the keys that were there."""
    file = tmp_path / "keys.json"
    write_file(file, Issuer("first").jwks)
    watch = KeyWatch(Settings(**jwt_settings(file)), run)
    watch.step()
    assert ["first"] == published(run)
    for content in (b"no json", b"{}", b'{"keys": []}'):
        write_file(file, content)
        watch.step()
        assert (["first"], True) == (published(run), "cannot be used" in watch.problem)
    write_file(file, Issuer("second").jwks)
    watch.step()
    assert (["second"], "") == (published(run), watch.problem)


def test_a_url_is_fetched_each_interval_and_sooner_when_asked(run: Path) -> None:
    """But not as often as strangers ask."""
    site = Site()
    watch = KeyWatch(Settings(**jwt_settings(URL, jwt_jwks_refresh_s=300)), run, get=site.get, clock=lambda: site.now_s)
    counts = []
    for now_s in (0, 20, 21, 22, 30, 31, 330, 331):
        site.now_s = float(now_s)
        if now_s in (21, 22):
            write_file(run / WANTED_NAME, b"")
        watch.step()
        counts.append(site.fetched)
    assert [1, 1, 2, 2, 2, 3, 3, 4] == counts


def test_an_issuer_that_is_down_leaves_its_last_keys(run: Path) -> None:
    """And is asked again soon, not after the whole interval."""
    site = Site()
    watch = KeyWatch(Settings(**jwt_settings(URL)), run, get=site.get, clock=lambda: site.now_s)
    watch.step()
    site.down = True
    site.now_s = 300.0
    watch.step()
    assert (["first"], True) == (published(run), "connection refused" in watch.problem)
    site.down = False
    site.now_s = 310.0
    watch.step()
    assert ("", 3) == (watch.problem, site.fetched)
