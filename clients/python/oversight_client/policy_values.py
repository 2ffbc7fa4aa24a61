"""What PolicyService answers, as frozen values; field names, units and meanings are those of docs/api.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from oversight_client.enums import Escalation, ServerState, Severity, Tier
from oversight_client.values import PolicyIdentity

__all__ = [
    "CheckedPolicy",
    "Policy",
    "PolicyFile",
    "PolicyName",
    "PolicyProblem",
    "PolicyRule",
    "PolicyStatus",
    "PolicyThreshold",
    "PolicyVersion",
    "PolicyVersionPage",
    "ProcessStatus",
    "RecordStatus",
    "ReloadedPolicy",
    "ServerStatus",
    "ThresholdOverride",
    "ThresholdStatus",
]


@dataclass(frozen=True, slots=True)
class ThresholdOverride:
    """A threshold's value in a narrower scope; an empty scope field means every one."""

    value: float
    intent: str
    department: str
    currency: str
    declared_by: str
    live: bool


@dataclass(frozen=True, slots=True)
class PolicyThreshold:
    """
    A number that rules compare with and that people may change live; `value` is in force without a scope.

    `breaker_step` is how far the policy's breaker tightens it at a time; 0 where it does not.
    """

    name: str
    description: str
    default_value: float
    minimum: float
    maximum: float
    value: float
    live: bool
    raising_tightens: bool
    overrides: tuple[ThresholdOverride, ...]
    declared_by: str
    breaker_step: float


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """One rule: `condition` is in words, `place` is `file:line`."""

    rule_id: str
    condition: str
    tier: Tier | None
    escalation: Escalation | None
    reason: str
    message: str
    locked: bool
    shadow: bool
    since: datetime | None
    until: datetime | None
    owner: str
    declared_by: str
    place: str


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """One rule file; `omitted` where the response had no room for its text."""

    path: str
    text: str
    omitted: bool


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy with what it extends; `rules` and `files` are empty unless they were asked for."""

    policy: PolicyIdentity
    description: str
    lineage: tuple[str, ...]
    in_force: bool
    is_default: bool
    threshold_revision: int
    required_signals: tuple[str, ...]
    intents: tuple[str, ...]
    thresholds: tuple[PolicyThreshold, ...]
    rule_count: int
    rules: tuple[PolicyRule, ...]
    files: tuple[PolicyFile, ...]
    policies: tuple[str, ...]
    breaker_anomalies: bool


@dataclass(frozen=True, slots=True)
class PolicyName:
    """A policy and its version."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """A snapshot that was published, with its policies."""

    digest: str
    commit: str
    published_at: datetime
    threshold_revision: int
    policies: tuple[PolicyName, ...]
    in_force: bool
    engine_version: int


@dataclass(frozen=True, slots=True)
class PolicyVersionPage:
    """One page of snapshots; `next_page_token` is empty where no more follow."""

    versions: tuple[PolicyVersion, ...]
    next_page_token: str


@dataclass(frozen=True, slots=True)
class PolicyProblem:
    """One thing wrong with a rule file; line and column count from 1, 0 is the file as a whole."""

    file: str
    line: int
    column: int
    message: str
    suggestion: str
    severity: Severity | None

    def __str__(self) -> str:
        """Return `file:line:column: message (did you mean …?)`."""
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        hint = f" (did you mean {self.suggestion!r}?)" if self.suggestion else ""
        return f"{place}: {self.message}{hint}"


@dataclass(frozen=True, slots=True)
class CheckedPolicy:
    """What a check of rule files found; `problem_count` may be more than there are `problems`."""

    valid: bool
    problems: tuple[PolicyProblem, ...]
    problem_count: int
    digest: str
    policies: tuple[PolicyName, ...]


@dataclass(frozen=True, slots=True)
class ReloadedPolicy:
    """What a look at the folder of rule files came to; `digest` is what is published now."""

    digest: str
    commit: str
    changed: bool
    problems: tuple[PolicyProblem, ...]
    last_good: bool


@dataclass(frozen=True, slots=True)
class PolicyStatus:
    """What decides on the replica; `digest` is empty where workers differ."""

    digest: str
    commit: str
    policies: tuple[PolicyName, ...]
    agreed: bool
    since: datetime | None
    confirmed_at: datetime | None
    last_good: bool
    problems: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """One process of the server; `silent_s` is None where it says nothing regularly."""

    name: str
    pid: int
    alive: bool
    silent_s: float | None


@dataclass(frozen=True, slots=True)
class RecordStatus:
    """Decisions and outcomes on their way to the store."""

    decisions: int
    outcomes: int
    lost: int
    pending: int
    pending_bytes: int
    oldest_age_s: float | None
    store_problem: str
    drained_through: datetime | None
    waiting_outcomes: int
    expired_outcomes: int
    pending_age_s: float | None
    evidence_through: datetime | None


@dataclass(frozen=True, slots=True)
class ThresholdStatus:
    """Live values and stops in force on the replica, as sentences; `revision` is None where workers differ."""

    revision: int | None
    age_s: float | None
    values: tuple[str, ...]
    stops: tuple[str, ...]
    local_stops: int


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """What is in force on the replica, whether anything is wrong (`alarms`), and what to do about it (`advice`)."""

    state: ServerState | None
    alarms: tuple[str, ...]
    advice: tuple[str, ...]
    started_at: datetime | None
    listen: str
    admin_listen: str
    policy: PolicyStatus
    processes: tuple[ProcessStatus, ...]
    workers: int
    restarts: Mapping[str, int]
    standby: bool
    rolling: bool
    records: RecordStatus
    thresholds: ThresholdStatus
