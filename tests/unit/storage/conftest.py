"""What tests of the store share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from oversight.storage.sql import SqlStore
from places import Place


@pytest.fixture
def store(place: Place) -> Iterator[SqlStore]:
    """Return a store of one writer."""
    opened = SqlStore(place.url, writer="replica-1")
    yield opened
    opened.close()
