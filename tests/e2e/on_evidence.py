"""When everything on record has become evidence."""

from __future__ import annotations

import time

from servers import ServerProcess, wait_until

__all__ = ["wait_for_evidence"]

_BEHIND = (
    "SELECT count(*) FROM chain_heads LEFT JOIN feedback_cursors USING (writer, chain)"
    " WHERE chain IN ('decisions', 'outcomes') AND chain_heads.chain_seq > coalesce(feedback_cursors.chain_seq, 0)"
)


def wait_for_evidence(server: ServerProcess) -> None:
    """Wait until all that was answered is in the embedded store, and all of that in the evidence."""
    begun_us = time.time_ns() // 1_000

    def is_complete() -> bool:
        keeper = server.status().keeper
        if keeper is None or keeper.counted_at_us < begun_us or keeper.pending_records:
            return False
        return server.ask_store(_BEHIND) == [(0,)]

    wait_until(is_complete, "everything on record to be evidence")
