"""What journals hold of one decision before the drain has come by."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from oversight.errors import JournalFormatError
from oversight.journal.folder import Decode
from oversight.journal.position import Position, read_positions
from oversight.journal.reader import SegmentReader
from oversight.journal.segments import segments, worker_folders
from oversight.storage.records import DecisionRecord, OutcomeRecord

__all__ = ["JournalSearch", "Waiting"]

_CHUNK_BYTES = 256 * 1024
"""Searched in a tenth of a millisecond, in which the interpreter is held: whoever decides beside us hardly notices."""

_REST_S = 0.001
_CHUNKS_A_REST = 4


class Waiting(NamedTuple):
    """
    What journals hold of one decision, in the order it was written there.

    `complete` is False where not all of them could be searched.
    """

    decisions: tuple[DecisionRecord, ...] = ()
    outcomes: tuple[OutcomeRecord, ...] = ()
    complete: bool = True


class JournalSearch:
    """
    Searches every journal under *root* behind what is drained, also those of other workers and of workers gone.

    *decode* is the drain's. What is drained is in the store, and may have been erased there: it is never shown from a
    journal. One search at a time, with rests (*pause*, in seconds): a long backlog must not take the CPU from whoever
    decides. *clock* gives seconds and never goes back.
    """

    def __init__(
        self,
        root: Path,
        decode: Decode,
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._root = root
        self._decode = decode
        self._clock = clock
        self._pause = pause
        self._searching = Lock()

    def find(self, decision_id: str, within_s: float) -> Waiting:
        """
        Return the records of the decision, the newest segments first, after *within_s* seconds at most.

        Never raises: where the time is not enough, or a journal cannot be read, it is incomplete.
        """
        end_s = self._clock() + within_s
        if not self._searching.acquire(timeout=max(0.0, within_s)):
            return Waiting(complete=False)
        try:
            return self._find(decision_id, end_s)
        finally:
            self._searching.release()

    def _find(self, decision_id: str, end_s: float) -> Waiting:
        decisions: list[DecisionRecord] = []
        outcomes: list[OutcomeRecord] = []
        complete = True
        try:
            places = sorted(self._places(), key=lambda place: place[0].name, reverse=True)
        except OSError:
            return Waiting(complete=False)
        for segment, offset in places:
            try:
                if not self._is_in(decision_id.encode("ascii"), segment, offset, end_s):
                    continue
                for record in self._read(decision_id, segment, offset, end_s):
                    if isinstance(record, DecisionRecord):
                        decisions.append(record)
                    else:
                        outcomes.append(record)
            except FileNotFoundError:
                continue  # drained meanwhile: whoever asks looks into the store again
            except (OSError, JournalFormatError, TimeoutError):
                complete = False
        return Waiting(tuple(decisions), tuple(outcomes), complete)

    def _places(self) -> Iterator[tuple[Path, int]]:
        for folder in worker_folders(self._root):
            # Before the names: a position belongs to a segment that was there, or is for one that is gone.
            positions = read_positions(folder)
            for segment in segments(folder):
                yield segment, positions.get(segment.name, Position()).offset

    def _is_in(self, wanted: bytes, segment: Path, offset: int, end_s: float) -> bool:
        """Tell whether the bytes of the id occur; most segments are done with by this."""
        descriptor = os.open(segment, os.O_RDONLY | os.O_CLOEXEC)
        try:
            tail = b""
            for number in range(1, 1 << 32):
                chunk = os.pread(descriptor, _CHUNK_BYTES, offset)
                if not chunk:
                    return False
                if wanted in tail + chunk:
                    return True
                tail = chunk[-(len(wanted) - 1) :]
                offset += len(chunk)
                self._rest(number, _CHUNKS_A_REST, end_s)
        finally:
            os.close(descriptor)
        return False

    def _read(
        self, decision_id: str, segment: Path, offset: int, end_s: float
    ) -> Iterator[DecisionRecord | OutcomeRecord]:
        wanted = decision_id.encode("ascii")
        with SegmentReader(segment, offset) as reader:
            for number, entry in enumerate(reader, 1):
                if wanted in entry.payload:
                    yield from (record for record in self._decode(entry.payload) if _about(record) == decision_id)
                self._rest(number, _FRAMES_A_REST, end_s)

    def _rest(self, number: int, every: int, end_s: float) -> None:
        """Let others go first now and then; raise TimeoutError when the time is over."""
        if number % every == 0:
            if self._clock() >= end_s:
                raise TimeoutError
            self._pause(_REST_S)


_FRAMES_A_REST = 500


def _about(record: DecisionRecord | OutcomeRecord) -> str:
    return record.decision_id if isinstance(record, DecisionRecord) else record.outcome.decision_id
