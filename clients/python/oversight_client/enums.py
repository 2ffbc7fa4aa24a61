"""The enums of the API as text: bare names in capitals, which are also what JSON shows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum, auto
from functools import cache
from typing import Self, TypeVar

__all__ = [
    "CertificateStatus",
    "ChangeStatus",
    "Channel",
    "CustomerTier",
    "DecisionView",
    "Dimension",
    "Direction",
    "Effect",
    "ErrorCategory",
    "Escalation",
    "Evaluation",
    "HandledBy",
    "LabelBasis",
    "OnExpiry",
    "OutcomeStatus",
    "PolicyView",
    "ProposedAction",
    "QaSubject",
    "RateState",
    "Resolution",
    "RuleOutcome",
    "SentimentSource",
    "ServerState",
    "Severity",
    "ThresholdEventKind",
    "ThresholdSource",
    "Tier",
    "Verdict",
    "WarningSign",
    "WarningState",
]

E = TypeVar("E", bound="ApiEnum")


class ApiEnum(StrEnum):
    """
    An enum of the API: each member is its bare name, and `number` is the API's.

    `Tier("human_in_the_loop")`, `Tier("TIER_HUMAN_IN_THE_LOOP")` and `Tier(2)` are `Tier.HUMAN_IN_THE_LOOP`; anything
    else is a ValueError. Members are numbered from 1 in the order written; 0 means absent everywhere and is no member.
    """

    number: int

    def __new__(cls, name: str | int) -> Self:
        """Make the member *name* with the next number."""
        member = str.__new__(cls, name)
        member._value_ = str(name)
        member.number = len(cls.__members__) + 1
        return member

    @staticmethod
    def _generate_next_value_(name: str, start: int, count: int, last_values: list[str]) -> str:  # noqa: ARG004 - Enum's
        return name

    @classmethod
    def _missing_(cls, value: object) -> ApiEnum | None:
        if isinstance(value, str):
            return cls.__members__.get(value.upper().removeprefix(cls.prefix()))
        if isinstance(value, int) and not isinstance(value, bool):
            return cls.numbered(value)
        return None

    @classmethod
    def numbered(cls, number: int) -> Self:
        """Return the member that has the API's *number*; ValueError where none has."""
        # Not cls(number): that finds a member only after failing to, which a decision would pay three times.
        member: Self | None = _by_number(cls).get(number)
        if member is None:
            raise ValueError(f"{number} is no {cls.__name__}")
        return member

    @classmethod
    def prefix(cls) -> str:
        """Return what the names begin with in the proto: `CUSTOMER_TIER_` for `CustomerTier`."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).upper() + "_"


@cache
def _by_number(kind: type[E]) -> Mapping[int, E]:
    return {member.number: member for member in kind}


class RankedEnum(ApiEnum):
    """
    An enum whose members are ranked by number: `tier >= Tier.HUMAN_IN_THE_LOOP`.

    Text on the other side is read as a member first; a word that is none is a ValueError.
    """

    # As text, AS comes before IN before ON: the alphabet would rank the tiers the wrong way round.
    def __lt__(self, other: str) -> bool:
        return self.number < type(self)(other).number

    def __le__(self, other: str) -> bool:
        return self.number <= type(self)(other).number

    def __gt__(self, other: str) -> bool:
        return self.number > type(self)(other).number

    def __ge__(self, other: str) -> bool:
        return self.number >= type(self)(other).number


class Tier(RankedEnum):
    """How much a person is in charge of one AI message; a higher rank is more human."""

    HUMAN_ON_THE_LOOP = auto()
    """Low oversight: the AI acts, people watch metrics and exceptions."""
    HUMAN_IN_THE_LOOP = auto()
    """Medium oversight: the AI drafts, a person reviews and approves."""
    HUMAN_AS_THE_LOOP = auto()
    """High oversight: a person leads, the AI assists."""


class Escalation(RankedEnum):
    """Whether the conversation goes to a person, and how; a higher rank is stronger."""

    NONE = auto()
    OFFER = auto()
    TRANSFER = auto()


class Evaluation(ApiEnum):
    """How the decision came about. ERROR: a rule or the record failed, or the service could not be asked."""

    MATCHED = auto()
    DEFAULT = auto()
    STALE = auto()
    ERROR = auto()


class OnExpiry(ApiEnum):
    """What to do when the time for a review has run out: keep waiting, or transfer to a person."""

    HOLD = auto()
    TRANSFER = auto()


class Channel(ApiEnum):
    """Where the customer is being served."""

    CHAT = auto()
    EMAIL = auto()
    VOICE = auto()
    MESSAGING = auto()
    SOCIAL = auto()


class SentimentSource(ApiEnum):
    """What the sentiment was measured on."""

    TEXT = auto()
    VOICE = auto()
    SURVEY = auto()


class CustomerTier(ApiEnum):
    """The customer's standing with the company."""

    STANDARD = auto()
    VIP = auto()
    ENTERPRISE = auto()


class ProposedAction(ApiEnum):
    """What the AI proposes to do."""

    NO_ACTION = auto()
    REPLY = auto()
    REFUND = auto()
    CREDIT = auto()
    ACCOUNT_CHANGE = auto()
    CANCELLATION = auto()
    OTHER = auto()


class DecisionView(ApiEnum):
    """How much of a decision to read; EXPLAIN adds the evaluation of every rule."""

    BASIC = auto()
    EXPLAIN = auto()


class PolicyView(ApiEnum):
    """How much of a policy to read; RULES adds its rules, SOURCE the rule files too."""

    BASIC = auto()
    RULES = auto()
    SOURCE = auto()


class Severity(ApiEnum):
    """How serious a problem with a rule file is: an ERROR refuses the set."""

    ERROR = auto()
    WARNING = auto()


class ServerState(ApiEnum):
    """Whether all is well with a server."""

    SERVING = auto()
    IMPAIRED = auto()
    STOPPED = auto()


class RuleOutcome(ApiEnum):
    """What became of one rule when a decision was replayed."""

    MATCHED = auto()
    NOT_MATCHED = auto()
    UNKNOWN = auto()
    FAILED = auto()
    INACTIVE = auto()


class Verdict(ApiEnum):
    """What the reviewer did with the AI's draft."""

    APPROVED = auto()
    EDITED_MINOR = auto()
    EDITED_MAJOR = auto()
    REJECTED = auto()
    TAKEN_OVER = auto()
    NOT_REVIEWED = auto()
    EXPIRED = auto()


class LabelBasis(ApiEnum):
    """Why there is a verdict: decides how it may be counted."""

    REVIEW = auto()
    AUDIT = auto()
    CENSUS = auto()
    VOLUNTEERED = auto()


class ErrorCategory(ApiEnum):
    """What was wrong with the AI's draft."""

    WRONG_INTENT = auto()
    WRONG_FACT = auto()
    WRONG_ACTION = auto()
    POLICY_BREACH = auto()
    TONE = auto()
    INCOMPLETE = auto()
    NOT_AI = auto()


class HandledBy(ApiEnum):
    """Who handled the contact."""

    AI = auto()
    HUMAN = auto()
    BOTH = auto()


class Resolution(ApiEnum):
    """Whether the customer's matter was settled."""

    CONFIRMED = auto()
    ASSUMED = auto()
    UNRESOLVED = auto()


class QaSubject(ApiEnum):
    """Whose work a quality score is about."""

    AI = auto()
    HUMAN = auto()


class OutcomeStatus(ApiEnum):
    """How an outcome on record stands to its decision."""

    ACCEPTED = auto()
    """It counts."""
    CONFLICT = auto()
    """Another outcome with the same outcome_id was there first."""
    OTHER_DRAFT = auto()
    """It judges another draft than the decided one."""
    OTHER_TENANT = auto()
    """Its caller is bound to a tenant, and the decision is not that tenant's: it counts for nothing."""


class Direction(ApiEnum):
    """The direction of a threshold that puts more in front of people."""

    RAISE = auto()
    LOWER = auto()


class Effect(ApiEnum):
    """What a change does to oversight; it LOOSENS also where it does so only when it expires."""

    TIGHTENS = auto()
    LOOSENS = auto()
    NONE = auto()


class ThresholdSource(ApiEnum):
    """Where a value in force was set: in a rule FILE, or LIVE while running."""

    FILE = auto()
    LIVE = auto()


class ChangeStatus(ApiEnum):
    """What became of a change; PENDING waits for a second person."""

    VALIDATED = auto()
    IN_FORCE = auto()
    PENDING = auto()


class ThresholdEventKind(ApiEnum):
    """What an event of the history did."""

    THRESHOLDS_SET = auto()
    CHANGE_PROPOSED = auto()
    CHANGE_APPROVED = auto()
    CHANGE_REJECTED = auto()
    CHANGE_LAPSED = auto()
    STOP_ENGAGED = auto()
    STOP_RELEASED = auto()


class CertificateStatus(ApiEnum):
    """Whether a value of a threshold is proven."""

    CERTIFIED = auto()
    NO_SAFE_THRESHOLD = auto()


class Dimension(ApiEnum):
    """By what an answer is split."""

    TENANT = auto()
    DEPARTMENT = auto()
    INTENT = auto()
    TIER = auto()
    MODEL_VERSION = auto()


class RateState(ApiEnum):
    """Whether an error rate says something."""

    MEASURED = auto()
    INSUFFICIENT_DATA = auto()


class WarningSign(ApiEnum):
    """A sign that oversight is breaking down."""

    CSAT_FALLS = auto()
    REPEAT_CONTACT_RISES = auto()
    UNEXPECTED_ESCALATIONS = auto()
    REVIEWS_SKIPPED = auto()
    ERROR_RATE_UNKNOWN = auto()


class WarningState(ApiEnum):
    """How a sign stands; too little to test is a state of its own, and never OK."""

    OK = auto()
    INSUFFICIENT_DATA = auto()
    BIASED = auto()
    WARN = auto()
    CRITICAL = auto()
