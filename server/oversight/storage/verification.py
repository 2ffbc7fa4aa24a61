"""Verifying a store: every chain of every writer is computed again from the columns, in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from sqlalchemy import Engine, Table

from oversight.storage.chain_pages import CHAINS, ChainPages
from oversight.storage.chain_walk import ChainWalk
from oversight.storage.checkpoints import CheckpointKey
from oversight.storage.findings import Finding, Report

__all__ = ["Progress", "report_missing", "verify_store"]

Progress = Callable[[int, int], None]
"""Is told how many records were read, and how many there are about."""


def verify_store(
    engine: Engine,
    *,
    key: CheckpointKey | None,
    known: Mapping[tuple[str, str], tuple[int, str]] | None = None,
    progress: Progress | None = None,
    page_rows: int = 1_000,
    chains: Sequence[Table] = CHAINS,
) -> Report:
    """
    Return what is wrong with the records in the database of *engine*, which may be in use, or with some *chains* of it.

    *key* checks the signatures of checkpoints; *known* are `Report.heads` of an earlier verification, without which
    nobody can tell if somebody has written a whole chain anew, or cut off its end together with the note of it. Each
    page is a short transaction. Raises `StoreUnavailableError`, `StoreVersionError`.
    """
    pages = ChainPages(engine, page_rows=page_rows)
    report = Report()
    if not pages.has_tables():
        report_missing(report, known or {}, chains)
        return report
    done, total = 0, sum(pages.heads().values())
    for chain in chains:
        writers = set(pages.writers(chain)) | {writer for name, writer in known or {} if name == chain.name}
        for writer in sorted(writers):
            walk = ChainWalk(chain, writer, report, key, (known or {}).get((chain.name, writer)))
            for number in _walk(pages, walk, chain, writer):
                if progress is not None:
                    progress(done + number, total)
            done += walk.number
    return report


def report_missing(report: Report, known: Mapping[tuple[str, str], tuple[int, str]], chains: Sequence[Table]) -> None:
    """Report that all is gone of those of the *chains* that an earlier verification knew."""
    for (name, writer), (last, _) in sorted(known.items()):
        if name in {chain.name for chain in chains}:
            text = "records that an earlier verification saw are missing: the database is empty, or another one"
            report.add(Finding("removed", name, writer, 1, last, (), text))


def _walk(pages: ChainPages, walk: ChainWalk, chain: Table, writer: str) -> Iterator[int]:
    """Take the whole of one chain; yield its last number page by page."""
    more = True
    while more:
        page = pages.read(chain, writer, walk.number)
        more = page.full
        walk.take(page)
        yield walk.number
