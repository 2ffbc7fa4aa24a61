"""
Journal records: the request and the reply as they go over the wire, with what the server knew beside them.

They are read back by `convert.frames`.
"""

from __future__ import annotations

from functools import lru_cache

from oversight.decisions import Call
from oversight.engine.decision import Decision
from oversight.engine.request import ServerFacts
from oversight.grpc_api.convert.delimited import delimited, tag
from oversight.grpc_api.convert.outcomes import outcome_to_proto
from oversight.grpc_api.convert.replies import encode_reply
from oversight.storage.outcome import Outcome
from oversight.v1 import journal_pb2 as pb

__all__ = ["ProtobufWire"]


class ProtobufWire:
    """
    The `decisions.Wire` in protobuf.

    What is longest in a record, request and reply, is there in bytes already. Neither is parsed again or written in
    another form: serialized messages are put together by hand where a field holds one.
    """

    def reply(self, decision: Decision, request_id: str) -> bytes:
        """Return the reply to a request with *request_id*: a DecideResponse."""
        return encode_reply(decision, request_id)

    def decision_record(
        self,
        canonical: bytes,
        reply: bytes,
        facts: ServerFacts,
        decided_at_us: int,
        audit_key_id: str,
        call: Call,
        latency_us: int,
    ) -> bytes:
        """Return the JournalFrame of a decision; *canonical* is the request, *reply* what will be answered."""
        own = pb.DecisionEntry(decided_at_us=decided_at_us, trace_id=call.trace_id, latency_us=latency_us)
        common = _common_part(call.caller, audit_key_id, facts)
        entry = b"".join((delimited(_REQUEST, canonical), delimited(_RESPONSE, reply), own.SerializeToString(), common))
        return delimited(_DECISIONS, entry)

    def outcome_record(self, outcome: Outcome, received_at_us: int, caller: str, caller_tenant: str = "") -> bytes:
        """Return the JournalFrame of an outcome."""
        entry = pb.OutcomeEntry(
            outcome=outcome_to_proto(outcome),
            received_at_us=received_at_us,
            caller=caller,
            caller_tenant=caller_tenant,
        )
        return pb.JournalFrame(outcomes=[entry]).SerializeToString()


_DECISIONS = tag(pb.JournalFrame.DECISIONS_FIELD_NUMBER)
_REQUEST, _RESPONSE = map(tag, (pb.DecisionEntry.REQUEST_FIELD_NUMBER, pb.DecisionEntry.RESPONSE_FIELD_NUMBER))


# What recurs from call to call is rendered once.
@lru_cache(maxsize=1024)
def _common_part(caller: str, audit_key_id: str, facts: ServerFacts) -> bytes:
    known = pb.ServerFacts(
        labelled_outcomes=facts.labelled_outcomes,
        policy_age_s=facts.policy_age_s,
        threshold_age_s=facts.threshold_age_s,
        stops=[pb.LocalStop(department=stop.department, intent=stop.intent) for stop in facts.stops],
    )
    return pb.DecisionEntry(caller=caller, audit_key_id=audit_key_id, facts=known).SerializeToString()
