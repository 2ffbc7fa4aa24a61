"""What `oversight verify` finds: each thing that is wrong once, and what was looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = ["MOST_FINDINGS", "ChainReport", "Finding", "Report"]

MOST_FINDINGS = 1_000
"""So many are kept; the others are only counted, so that a store that is wrong throughout can be verified too."""


class Finding(NamedTuple):
    """
    One thing that is wrong with the records `first` to `last` (numbers) of *writer*'s *chain*.

    `kind`: `removed`, `altered` (a record's value or hash), `reordered` (records that changed places), `added` (records
    behind the end, or that retention had removed), `head` (the note of a chain's end), `checkpoint` (the note of its
    beginning), `personal_altered`, `personal_orphan` (parts that belong to no record). `ids` are the decision_ids or
    outcome_ids, as far as they are known. `text` says it in a sentence.
    """

    kind: str
    chain: str
    writer: str
    first: int
    last: int
    ids: tuple[str, ...]
    text: str


class ChainReport(NamedTuple):
    """
    One chain as it was verified: where it begins, how many records were read, and its last number and hash.

    `start` is the number of the last record that retention removed, 0 where it removed none. `erased` records have no
    personal part any more. `checkpoint`: `none`, `signed`, `wrong`, or `unchecked` where there was no key.
    """

    chain: str
    writer: str
    start: int
    records: int
    erased: int
    last: int
    last_hash: str
    checkpoint: str


@dataclass(slots=True)
class Report:
    """All that was found: at most `MOST_FINDINGS` in full, all of them in `counts` by kind."""

    chains: list[ChainReport] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.counts

    def add(self, finding: Finding) -> None:
        """Count *finding*, and keep it while there is room."""
        self.counts[finding.kind] = self.counts.get(finding.kind, 0) + 1
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(finding)

    def include(self, other: Report) -> None:
        """Take over what *other* says, too."""
        self.chains += other.chains
        self.findings += other.findings[: MOST_FINDINGS - len(self.findings)]
        for kind, count in other.counts.items():
            self.counts[kind] = self.counts.get(kind, 0) + count

    def heads(self) -> Mapping[tuple[str, str], tuple[int, str]]:
        """Return the last number and hash of each chain by chain and writer."""
        return {(one.chain, one.writer): (one.last, one.last_hash) for one in self.chains}
