"""
The Python client of Oversight: ask how much human oversight an AI message gets, and say what became of it.

    with Client() as oversight:
        decision = oversight.decide(intent="order_status", response_confidence=0.97, sentiment_score=0.3)
        if decision.tier is Tier.HUMAN_ON_THE_LOOP:
            ...

`AsyncClient` is the same for asyncio. When the service cannot be asked, the message goes to a person. `AdminClient`
lists what is on record and forgets customers.
"""

from oversight_client.admin_client import AdminClient
from oversight_client.async_client import AsyncClient
from oversight_client.channel import TlsOptions
from oversight_client.client import Client
from oversight_client.coalescing import Coalescing
from oversight_client.convert import decision_to_dict, stored_decision_to_dict
from oversight_client.enums import (
    Channel,
    CustomerTier,
    DecisionView,
    ErrorCategory,
    Escalation,
    Evaluation,
    HandledBy,
    LabelBasis,
    OnExpiry,
    OutcomeStatus,
    ProposedAction,
    QaSubject,
    Resolution,
    RuleOutcome,
    SentimentSource,
    Tier,
    Verdict,
)
from oversight_client.errors import (
    CallCancelledError,
    CallError,
    ClientClosedError,
    DeadlineExceededError,
    InsecureTargetError,
    InvalidRequestError,
    InvalidResponseError,
    NotFoundError,
    NotReplayableError,
    OverloadedError,
    OversightError,
    PermissionDeniedError,
    RequestTooLargeError,
    ServiceError,
    SetupError,
    TlsFileError,
    TokenFileError,
    UnauthenticatedError,
    UnavailableError,
)
from oversight_client.fail_safe import (
    OnUnavailable,
)
from oversight_client.fields import (
    AttributeScalar,
    DecideFields,
    OutcomeFields,
)
from oversight_client.values import (
    Comparison,
    Decision,
    ErasedSubject,
    ItemError,
    JsonValue,
    PolicyIdentity,
    Reason,
    RecordedOutcome,
    RecordPage,
    RuleEvaluation,
    StoredDecision,
)

__all__ = [
    "AdminClient",
    "AsyncClient",
    "AttributeScalar",
    "CallCancelledError",
    "CallError",
    "Channel",
    "Client",
    "ClientClosedError",
    "Coalescing",
    "Comparison",
    "CustomerTier",
    "DeadlineExceededError",
    "DecideFields",
    "Decision",
    "DecisionView",
    "ErasedSubject",
    "ErrorCategory",
    "Escalation",
    "Evaluation",
    "HandledBy",
    "InsecureTargetError",
    "InvalidRequestError",
    "InvalidResponseError",
    "ItemError",
    "JsonValue",
    "LabelBasis",
    "NotFoundError",
    "NotReplayableError",
    "OnExpiry",
    "OnUnavailable",
    "OutcomeFields",
    "OutcomeStatus",
    "OverloadedError",
    "OversightError",
    "PermissionDeniedError",
    "PolicyIdentity",
    "ProposedAction",
    "QaSubject",
    "Reason",
    "RecordPage",
    "RecordedOutcome",
    "RequestTooLargeError",
    "Resolution",
    "RuleEvaluation",
    "RuleOutcome",
    "SentimentSource",
    "ServiceError",
    "SetupError",
    "StoredDecision",
    "Tier",
    "TlsFileError",
    "TlsOptions",
    "TokenFileError",
    "UnauthenticatedError",
    "UnavailableError",
    "Verdict",
    "decision_to_dict",
    "stored_decision_to_dict",
]
