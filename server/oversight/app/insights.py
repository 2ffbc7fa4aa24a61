"""What the admin port answers about records and outcomes, put together from the store."""

from __future__ import annotations

from collections.abc import Callable

from oversight.app.store import open_store_database
from oversight.grpc_api.insight_service import InsightUseCases
from oversight.insight.desk import InsightDesk
from oversight.insight.warnings import Warnings
from oversight.settings import Settings
from oversight.storage.erasure import Erasure
from oversight.storage.evidence_reader import SqlEvidence
from oversight.storage.listing import SqlListing
from oversight.storage.replayable import SqlReplayable
from oversight.storage.sql import SqlStore
from oversight.storage.warning_store import SqlWarnings

__all__ = ["open_insights"]


def open_insights(
    settings: Settings, reader: SqlStore, *, id_key: bytes, clock_us: Callable[[], int]
) -> InsightUseCases:
    """Return the use cases over *reader*; erasing has connections of its own. Raises `KeyFileError`."""
    listing, reasons = SqlListing(reader.reading), SqlReplayable(reader.reading)
    return InsightUseCases(
        listing,
        Erasure(open_store_database(settings).engine, id_key=id_key, clock_us=clock_us),
        InsightDesk(SqlEvidence(reader.reading), records=listing, reasons=reasons, clock_us=clock_us),
        Warnings(SqlWarnings(reader.reading), clock_us=clock_us),
    )
