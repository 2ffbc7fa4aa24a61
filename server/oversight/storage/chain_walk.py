"""Walking along one chain: each record must follow from the one before it, and nothing may be missing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table

from oversight.storage import tables
from oversight.storage.chain import GENESIS, seal
from oversight.storage.chain_pages import Page, PersonalPart, Stray, number_place
from oversight.storage.checkpoints import Checkpoint, CheckpointKey
from oversight.storage.findings import ChainReport, Finding, Report
from oversight.storage.judgement import judge
from oversight.storage.reordering import MOST_SUSPECTS, Gap, Suspect, link_anything

__all__ = ["ChainWalk"]

_MOST_SEARCHED = 2_000
"""Where more than these do not fit, it is no use to look for those that changed places."""
_SEALED = tables.decisions.c.keys().index("personal_sha256")
_TENANT = tables.decisions.c.keys().index("tenant_id")


class ChainWalk:
    """
    Verifies *writer*'s *chain* from the pages that `take` is given in order; what is wrong goes into *report*.

    After a record that does not fit it goes on from the hash that is stored, so that one thing wrong is one finding.
    *known* is the number and hash of a record as an earlier verification saw it. Without a *key*, signatures of
    checkpoints are not checked. Holds one page and at most `MOST_SUSPECTS` records.
    """

    def __init__(
        self, chain: Table, writer: str, report: Report, key: CheckpointKey | None, known: tuple[int, str] | None = None
    ) -> None:
        self.number = 0
        self._chain = chain
        self._number_at = number_place(chain)
        self._writer = writer
        self._report = report
        self._key = key
        self._known = known
        self._previous: Any = GENESIS
        self._start = 0
        self._records = self._erased = self._judged = 0
        self._ending = ""
        self._checkpoint = "none"
        self._head: tuple[int, str] | None = None
        self._suspects: list[Suspect] = []
        self._gaps: list[Gap] = []

    def take(self, page: Page) -> None:
        """Verify the rows of *page*."""
        if page.checkpoints and page.checkpoints[-1].chain_seq > self.number:
            self._begin_at(page.checkpoints)
        self._head = page.head
        self._report_kept(page)
        for row in page.rows:
            stored = row.pop()
            self._take_row(row, stored, page.parts)
        if len(self._suspects) >= MOST_SUSPECTS:
            self._judge()
        if not page.full:
            self._end(page)

    def _begin_at(self, noted: Sequence[Checkpoint]) -> None:
        """Go on from the last checkpoint; retention may also have come by since the page before."""
        self._judge()
        last = noted[-1]
        self.number = self._start = last.chain_seq
        self._previous = last.chain_hash
        self._checkpoint = "unchecked" if self._key is None else "signed"
        for one in noted:
            if self._key is not None and (problem := self._key.problem(one)):
                self._checkpoint = "wrong"
                # Nothing in it is to be believed: the first row is taken as it is.
                self._previous = None
                self._find("checkpoint", one.chain_seq, one.chain_seq, f"the checkpoint {problem}")
        if self._checkpoint != "wrong" and last.removed != last.chain_seq:
            missing = last.chain_seq - last.removed
            text = f"{missing:,} of the records that retention was to remove were gone before it came"
            self._find("removed", 1, last.chain_seq, text)

    def _take_row(self, values: list[Any], stored: Any, parts: Mapping[int, PersonalPart]) -> None:
        number = values[self._number_at]
        if number != self.number + 1:
            self._skip_to(number, parts)
        self._records += 1
        problem = self._check_part(values, parts.get(number)) if self._chain is tables.decisions else ""
        computed = None if self._previous is None else link_anything(self._previous, values)
        if computed != stored and not self._is_explained(number, values, stored):
            self._suspects.append(
                Suspect(number, self._number_at, values[0], values, stored, self._previous, computed, personal=problem)
            )
        else:
            self._is_linked(number, stored)
            if problem:
                self._find("personal_altered", number, number, problem, values[0])
        self.number, self._previous = number, stored

    def _is_explained(self, number: int, values: list[Any], stored: Any) -> bool:
        """Return whether the record fits, once the one before is taken to have the hash that its values give."""
        last = self._suspects[-1] if self._suspects else None
        if last is None or last.number != number - 1 or not last.computed:
            return False
        last.fits_computed = link_anything(last.computed, values) == stored
        return last.fits_computed

    def _is_linked(self, number: int, stored: Any) -> None:
        """Note a record that follows from the one before it."""
        if self._head is not None and number > self._head[0]:
            self._ending = (
                f"the chain's end is noted as {self._head[0]:,}, but records go on to {number:,}: the note was altered,"
                " or records were added"
            )
        if self._known is not None and number == self._known[0] and stored != self._known[1]:
            text = "an earlier verification saw this record with another hash: the chain was written anew since"
            self._find("head", number, number, text)

    def _skip_to(self, number: int, parts: Mapping[int, PersonalPart]) -> None:
        """Note that numbers are missing in front of *number*, and that its record cannot be held against another."""
        unknown = self._checkpoint == "wrong" and not self._records
        behind_end = self._head is not None and number > self._head[0] + 1 and self.number >= self._head[0]
        if not unknown and not behind_end:
            left = sum(self.number < one < number for one in parts)
            self._gaps.append(Gap(self.number + 1, number - 1, self._previous, left))
        self._previous = None

    def _check_part(self, values: list[Any], part: PersonalPart | None) -> str:
        """Return what is wrong with a decision's personal part, or ""; one that is not there was erased."""
        if part is None:
            self._erased += 1
            return ""
        try:
            if seal(part.salt, part.part) != values[_SEALED]:
                return "the personal part is not the one it was recorded with"
            fields = json.loads(part.part)
            told = values[_TENANT], fields.get("subject_ref"), fields.get("conversation_id")
        except (TypeError, ValueError, AttributeError):
            return "the personal part is not the one it was recorded with"
        if told != part[1:4]:
            return "the personal part is kept under another tenant, subject or conversation than it names"
        return ""

    def _end(self, page: Page) -> None:
        """Hold the end of the chain against its head."""
        last, last_hash = self.number, self._previous
        noted, noted_hash = self._head or (last, last_hash)
        suspect = self._suspects[-1] if self._suspects and self._suspects[-1].number == last else None
        if self._head is None and self._records:
            self._ending = "the note of the chain's end is missing: whether records were removed there, nobody can tell"
        elif noted > last:
            self._gaps.append(Gap(last + 1, noted, last_hash, page.stray_parts.rows))
        elif noted == last and last_hash != noted_hash:
            if suspect is None:
                self._ending = (
                    "the hash noted as the chain's end is not that of the last record: the note was altered, or the "
                    "record together with its hash"
                )
            else:
                suspect.fits_computed = suspect.computed == noted_hash
        self._judge(at_end=True)
        if self._ending:
            self._find("head", last, last, self._ending)
        if page.stray_parts.rows and noted <= last:
            self._find_orphans(page.stray_parts)
        if self._known is not None and self._known[0] > max(last, noted):
            text = "records that an earlier verification saw are missing, and the note of the chain's end was altered"
            self._find("removed", max(last, noted) + 1, self._known[0], text)
        self._report.chains.append(
            ChainReport(
                self._chain.name,
                self._writer,
                self._start,
                self._records,
                self._erased,
                last,
                str(last_hash or ""),
                self._checkpoint,
            )
        )

    def _report_kept(self, page: Page) -> None:
        if page.kept_rows.rows:
            count, first, last = page.kept_rows
            text = f"{count:,} records stand where retention says it removed them: they were added, or it was altered"
            self._find("added", first, last, text)
        elif page.kept_parts.rows:
            self._find_orphans(page.kept_parts)

    def _find_orphans(self, stray: Stray) -> None:
        text = f"{stray.rows:,} personal parts belong to no record"
        self._find("personal_orphan", stray.first, stray.last, text)

    def _judge(self, *, at_end: bool = False) -> None:
        """Report what is known of the records that do not fit; the last waits for the one behind it."""
        keep = [] if at_end else [one for one in self._suspects[-1:] if one.number == self.number]
        suspects = self._suspects[: len(self._suspects) - len(keep)]
        self._judged += len(suspects)
        end = None if self._head is None else self._head[0]
        search = self._judged <= _MOST_SEARCHED
        found = judge(self._chain.name, self._writer, suspects, self._gaps, end=end, search=search)
        for finding in sorted(found, key=lambda one: one.first):
            self._report.add(finding)
        self._suspects, self._gaps = keep, []

    def _find(self, kind: str, first: int, last: int, text: str, *ids: Any) -> None:
        self._report.add(Finding(kind, self._chain.name, self._writer, first, last, tuple(map(str, ids)), text))
