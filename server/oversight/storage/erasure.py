"""Erasing a person: the personal parts of a subject go, the records and their chain stay."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, Engine, bindparam, delete, func, insert, select, text, tuple_, update
from sqlalchemy.exc import SQLAlchemyError

from oversight.engine.identity import derive_key
from oversight.storage import tables
from oversight.storage.chain import canonical_row
from oversight.storage.failures import store_unavailable
from oversight.storage.records import SIGNAL_FIELDS, DecisionRecord
from oversight.storage.wiping import wipe_free_space

__all__ = ["Erased", "ErasedSubjects", "Erasure"]

_BATCH_PARTS = 500
_TENANT = SIGNAL_FIELDS.index("tenant_id")

_parts = tables.personal_parts
_erasures = tables.erasures
_LATEST = select(func.max(_erasures.c.before_us))
_KNOWN = select(_erasures.c.subject_key, _erasures.c.before_us).where(
    _erasures.c.subject_key.in_(bindparam("keys", expanding=True))
)


class Erased(NamedTuple):
    """
    What an erasure did: how many personal parts went.

    Records of the subject that were decided up to `before_us` (microseconds since 1970, UTC) and reach the store later
    are stored without their personal part.
    """

    parts: int
    before_us: int


class ErasedSubjects:
    """
    Who was erased, as the drain must know it; *id_key* is the deployment's.

    A subject stands in the store as a keyed hash: whoever has the database alone cannot find out who was erased.
    """

    def __init__(self, id_key: bytes) -> None:
        self._key = derive_key(id_key, "erased subject")

    def key_of(self, subject_ref: str, tenant_id: str | None) -> str:
        """Return what stands for *subject_ref* of *tenant_id*, or of every tenant where that is None."""
        canonical = canonical_row([subject_ref, tenant_id])
        return hmac.digest(self._key, canonical, "sha256").hex()

    def among(self, connection: Connection, records: Sequence[DecisionRecord]) -> frozenset[str]:
        """Return the ids of those *records* whose personal part must not be stored any more."""
        latest_us = connection.execute(_LATEST).scalar_one()
        if latest_us is None:
            return frozenset()
        keys = {
            record.decision_id: (
                self.key_of(record.subject_ref, None),
                self.key_of(record.subject_ref, record.signals[_TENANT]),
            )
            for record in records
            if record.subject_ref is not None and record.decided_at_us <= latest_us
        }
        before_us = self._look(connection, {key for pair in keys.values() for key in pair})
        return frozenset(
            record.decision_id
            for record in records
            if any(record.decided_at_us <= before_us.get(key, -1) for key in keys.get(record.decision_id, ()))
        )

    def _look(self, connection: Connection, keys: Iterable[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        wanted = list(keys)
        for at in range(0, len(wanted), _BATCH_PARTS):
            rows = connection.execute(_KNOWN, {"keys": wanted[at : at + _BATCH_PARTS]})
            found.update((row.subject_key, row.before_us) for row in rows)
        return found


class Erasure:
    """
    Erases subjects from the database of *engine*, which may be in use; *id_key* is the deployment's.

    *clock_us* gives microseconds since 1970 (UTC). Small transactions, so that the drain is not held up.
    """

    def __init__(self, engine: Engine, *, id_key: bytes, clock_us: Callable[[], int]) -> None:
        self._engine = engine
        self._subjects = ErasedSubjects(id_key)
        self._clock_us = clock_us

    def erase_subject(self, subject_ref: str, tenant_id: str | None = None) -> Erased:
        """
        Erase every personal part of *subject_ref*, of *tenant_id* alone where that is given; again does no harm.

        First it is written down who was erased, so that a record which is still on its way loses its personal part
        too. Then, where the database would keep copies of what was deleted, these are removed as well. Raises
        `StoreUnavailableError`; what was erased by then stays so, and the same call may be made again.
        """
        before_us = self._clock_us()
        try:
            with self._engine.begin() as connection:
                tables.create_tables(connection)
                self._remember(connection, self._subjects.key_of(subject_ref, tenant_id), before_us)
            erased = 0
            while removed := self._erase_batch(subject_ref, tenant_id):
                erased += removed
            wipe_free_space(self._engine)
        except (SQLAlchemyError, OSError) as error:
            raise store_unavailable("written", error) from error
        return Erased(erased, before_us)

    def _remember(self, connection: Connection, key: str, before_us: int) -> None:
        if connection.dialect.name == "postgresql":
            # Waits for every drain that has looked already and may still insert; those that look later see the row.
            connection.execute(text(f"LOCK TABLE {_erasures.name} IN ACCESS EXCLUSIVE MODE"))
        row = {"subject_key": key, "before_us": before_us}
        if not connection.execute(update(_erasures).where(_erasures.c.subject_key == key).values(row)).rowcount:
            connection.execute(insert(_erasures).values(row))

    def _erase_batch(self, subject_ref: str, tenant_id: str | None) -> int:
        place = tuple_(_parts.c.writer, _parts.c.chain_seq)
        wanted = select(_parts.c.writer, _parts.c.chain_seq).where(_parts.c.subject_ref == subject_ref)
        if tenant_id is not None:
            wanted = wanted.where(_parts.c.tenant_id == tenant_id)
        with self._engine.begin() as connection:
            return connection.execute(delete(_parts).where(place.in_(wanted.limit(_BATCH_PARTS)))).rowcount
