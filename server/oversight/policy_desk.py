"""What the calls of PolicyService mean: a policy read in full, what was published, and files checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import NamedTuple, Protocol

from oversight.engine.limits import LiveValue
from oversight.engine.policy import Policy, Threshold
from oversight.errors import OverloadedError, PolicyNotFoundError, Problem
from oversight.policies import ReplayedSnapshot, SnapshotSource, replay_snapshot
from oversight.policy_check import CheckedFiles
from oversight.policy_versions import PolicyVersion, read_version
from oversight.server_status import ServerStatus
from oversight.storage.snapshot_listing import SnapshotKey, SnapshotLister

__all__ = ["FileChecker", "FoundPolicy", "FoundThreshold", "PolicyDesk", "Publishing", "Reloaded", "Snapshots"]

_LONGEST_WAIT_S = 5.0
"""For other files that are being compiled."""


class Snapshots(Protocol):
    """The sources of snapshots, also of those that are not in the store yet."""

    def get_snapshot(self, digest: str) -> str | None:
        """Return the document, None if there is none with this digest; raise `StoreUnavailableError`."""
        ...


class Reloaded(NamedTuple):
    """
    What a look at the folder of rule files came to.

    `digest` and `commit` are of what is published now; `problems` are errors and warnings about the folder's files.
    """

    digest: str
    commit: str
    changed: bool
    problems: tuple[Problem, ...]
    last_good: bool


class Publishing(Protocol):
    """What publishes the rules on this replica."""

    @property
    def digest(self) -> str:
        """The digest of the snapshot in force."""
        ...

    def reload(self) -> Reloaded:
        """Look at the folder now, and publish what it says if that compiles."""
        ...


@dataclass(frozen=True, slots=True)
class FoundThreshold:
    """A threshold, its value where no narrower scope has one (`live`, or the files'), and live ones of such."""

    threshold: Threshold
    value: float
    live: bool
    live_overrides: tuple[LiveValue, ...]


@dataclass(frozen=True, slots=True)
class FoundPolicy:
    """One policy of a snapshot, flat, with the snapshot's source."""

    policy: Policy
    digest: str
    in_force: bool
    thresholds: tuple[FoundThreshold, ...]
    source: SnapshotSource
    policies: tuple[str, ...]


FileChecker = Callable[[Mapping[str, str], str], CheckedFiles]
"""Checks files (texts by path) with a default policy, empty for the server's; publishes nothing, and does end."""


class PolicyDesk:
    """Reads and checks policies; safe for any number of threads."""

    def __init__(
        self,
        *,
        snapshots: Snapshots,
        lister: SnapshotLister,
        publishing: Publishing,
        check_files: FileChecker,
        read_status: Callable[[], ServerStatus],
    ) -> None:
        self._snapshots = snapshots
        self._lister = lister
        self._publishing = publishing
        self._check_files = check_files
        self._read_status = read_status
        self._compiling = Lock()
        self._checking = Lock()

    def get_policy(self, name: str = "", digest: str = "") -> FoundPolicy:
        """
        Return the policy *name* (empty: the default policy) of the snapshot *digest* (empty: the one in force).

        Raises `PolicyNotFoundError`, `StoreUnavailableError`, `NotReplayableError`, `OverloadedError`.
        """
        in_force = self._publishing.digest
        digest = digest or in_force
        document = self._snapshots.get_snapshot(digest)
        if document is None:
            text = f"digest: no snapshot {digest} is in the store; see `oversight policy versions`"
            raise PolicyNotFoundError(text, policy=name, digest=digest)
        with self._turn(self._compiling):
            replayed = replay_snapshot(digest, document)
        source = SnapshotSource.from_document(document)
        policy = replayed.rules.policies.get(name or source.default_policy)
        if policy is None:
            known = ", ".join(sorted(replayed.rules.policies))
            raise PolicyNotFoundError(
                f"name: the snapshot has no policy {name!r}; it has {known}", policy=name, digest=digest
            )
        return FoundPolicy(
            policy=policy,
            digest=digest,
            in_force=digest == in_force,
            thresholds=tuple(_thresholds(policy, replayed, source.live)),
            source=source,
            policies=tuple(sorted(replayed.rules.policies)),
        )

    def list_versions(
        self, limit: int, after: SnapshotKey | None
    ) -> tuple[Sequence[PolicyVersion], SnapshotKey | None]:
        """
        Return at most *limit* snapshots behind *after*, newest first, and the place behind which more follow.

        Raises `StoreUnavailableError`.
        """
        stored = self._lister.list_snapshots(limit + 1, after)
        following = (
            SnapshotKey(stored[limit - 1].published_us, stored[limit - 1].digest) if len(stored) > limit else None
        )
        return [read_version(*one) for one in stored[:limit]], following

    @property
    def digest(self) -> str:
        """The digest of the snapshot in force."""
        return self._publishing.digest

    def check(self, files: Mapping[str, str], default_policy: str = "") -> CheckedFiles:
        """Check *files* as the server does before it publishes them; nothing is published. Raises `OverloadedError`."""
        with self._turn(self._checking):
            return self._check_files(files, default_policy)

    def reload(self) -> Reloaded:
        """Look at the folder of rule files now; what is wrong with them is in the result."""
        return self._publishing.reload()

    def status(self) -> ServerStatus:
        """Return what is in force here, since when, and whether anything is wrong."""
        return self._read_status()

    @contextmanager
    def _turn(self, lock: Lock) -> Iterator[None]:
        """Compile one set at a time: it takes a processor, and most of the memory that there may be."""
        if not lock.acquire(timeout=_LONGEST_WAIT_S):
            raise OverloadedError("other rule files are being compiled; try again")
        try:
            yield
        finally:
            lock.release()


def _thresholds(policy: Policy, replayed: ReplayedSnapshot, live: Sequence[LiveValue]) -> Iterator[FoundThreshold]:
    limits = replayed.snapshot.policies[policy.name].limits
    for name, threshold in sorted(policy.thresholds.items()):
        entry = limits.value(name, None, None, None)
        own = (one for one in live if one.name == name and one.policy in policy.lineage)
        scoped = tuple(one for one in own if (one.intent, one.department, one.currency) != (None, None, None))
        yield FoundThreshold(threshold, entry.value, entry.live, scoped)
