"""Threshold changes and stops: checked requests from protobuf, and what came of them back."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from oversight.engine.control import ControlEvent, EngagedStop, EventKind, PendingChange, Setting
from oversight.engine.decision import Tier
from oversight.engine.snapshot import Stop
from oversight.errors import InvalidRequestError
from oversight.grpc_api.convert.checks import check_text, check_time
from oversight.rules.scopes import Scope, Scoped, scope_of
from oversight.thresholds.effects import Effect, effects_from_evidence
from oversight.thresholds.outcome import Outcome, Terms
from oversight.thresholds.preview import Preview
from oversight.thresholds.table import Table
from oversight.v1 import threshold_service_pb2 as pb

__all__ = [
    "engaged_to_proto",
    "event_to_proto",
    "history_query",
    "justification_from_proto",
    "named_stop_from_proto",
    "outcome_to_proto",
    "revision_from_proto",
    "scope_from_proto",
    "settings_from_proto",
    "stop_from_proto",
    "table_to_proto",
    "terms_from_proto",
]

_MOST_CHANGES = 100
_USUAL_PAGE = 50
_LARGEST_PAGE = 1_000
_check_justification = check_text("justification", 2_000)
_check_expiry = check_time("expires_at")
_is_digest = re.compile("[0-9a-f]{64}").fullmatch


def scope_from_proto(message: pb.ThresholdScope, field: str) -> Scope:
    """Return the checked scope in *field*; what is empty is None."""
    return Scope(
        check_text(f"{field}.intent", 128)(message.intent) or None,
        check_text(f"{field}.department", 64)(message.department) or None,
        check_text(f"{field}.currency", 16)(message.currency) or None,
    )


def named_stop_from_proto(message: pb.StopScope) -> Stop:
    """Return the checked stop as `stop_from_proto` does; a name of blanks, which no message has, is refused."""
    stop = stop_from_proto(message)
    for field, name in stop._asdict().items():
        if name is not None and not name.strip():
            raise InvalidRequestError(f"scope.{field}", f"expected a name, or nothing for every {field}; got blanks")
    return stop


def stop_from_proto(message: pb.StopScope) -> Stop:
    """Return the checked stop; what is empty is None."""
    return Stop(
        check_text("scope.department", 64)(message.department) or None,
        check_text("scope.intent", 128)(message.intent) or None,
    )


def justification_from_proto(text: str) -> str:
    """Return a checked justification, which may be empty."""
    checked: str = _check_justification(text)
    return checked


def terms_from_proto(message: Any, caller: str) -> Terms:
    """Return who changes something and on what condition, of a request that has the fields for it."""
    expected = message.expected_revision if message.HasField("expected_revision") else None
    if expected is not None and expected < 0:
        raise InvalidRequestError("expected_revision", f"expected a revision, from 0, got {expected}")
    digest = message.expected_rules_digest if message.HasField("expected_rules_digest") else None
    if digest is not None and not _is_digest(digest):
        text = f"expected 64 lower-case hex digits, got {digest[:80]!r}"
        raise InvalidRequestError("expected_rules_digest", text)
    return Terms(caller, justification_from_proto(message.justification), expected, message.validate_only, digest)


def revision_from_proto(message: pb.RollbackThresholdsRequest) -> int:
    """Return the revision to go back to; one that is absent is no 0, which would remove every live value."""
    if not message.HasField("to_revision"):
        text = "expected the revision whose values are to be in force again, got none; 0 removes every live value"
        raise InvalidRequestError("to_revision", text)
    return message.to_revision


def settings_from_proto(message: pb.UpdateThresholdsRequest, default_policy: str) -> tuple[Setting, ...]:
    """Return the checked changes; raise `InvalidRequestError` naming the first field that is wrong."""
    if not 1 <= len(message.changes) <= _MOST_CHANGES:
        raise InvalidRequestError("changes", f"expected 1 to {_MOST_CHANGES} changes, got {len(message.changes)}")
    expires_at_us = _check_expiry(message.expires_at) if message.HasField("expires_at") else None
    found = []
    for number, one in enumerate(message.changes):
        field = f"changes[{number}]"
        name = check_text(f"{field}.name", 128)(one.name)
        if not name:
            raise InvalidRequestError(f"{field}.name", "expected the name of a threshold, got none")
        policy = check_text(f"{field}.policy", 64)(one.policy) or default_policy
        scope = scope_from_proto(one.scope, f"{field}.scope")
        value = one.value if one.HasField("value") else None
        if value is None and expires_at_us is not None:
            raise InvalidRequestError("expires_at", "a value that is removed cannot end; leave it out")
        # -0.0 is 0.0, as everywhere.
        found.append(Setting(policy, name, None if value is None else value + 0.0, *scope, expires_at_us=expires_at_us))
    return tuple(found)


def history_query(message: pb.ListThresholdChangesRequest) -> tuple[int, int | None]:
    """Return at most how many events to list, and those before which revision (None: from the newest)."""
    if message.page_size < 0:
        raise InvalidRequestError("page_size", f"expected a number from 0, got {message.page_size}")
    token = message.page_token
    if token and not (token.isascii() and token.isdigit() and len(token) < 19):
        raise InvalidRequestError("page_token", "expected a next_page_token of an earlier page")
    return min(message.page_size or _USUAL_PAGE, _LARGEST_PAGE), int(token) if token else None


def table_to_proto(table: Table) -> pb.ThresholdSet:
    """Return what is in force as a message."""
    found = pb.ThresholdSet(revision=table.revision, policy=table.policy, scope=_scope(table.scope))
    for threshold, entry, file_value in table.values:
        found.values.add(
            name=threshold.name,
            description=threshold.description,
            value=entry.value,
            file_value=file_value,
            minimum=threshold.minimum,
            maximum=threshold.maximum,
            tightens=pb.DIRECTION_RAISE if threshold.tightens == "raise" else pb.DIRECTION_LOWER,
            source=pb.THRESHOLD_SOURCE_LIVE if entry.live else pb.THRESHOLD_SOURCE_FILE,
            set_for=_scope(scope_of(entry)),
        )
    found.live.extend(map(_setting, table.live))
    found.pending.extend(map(_pending, table.pending))
    return found


def outcome_to_proto(outcome: Outcome) -> pb.ThresholdUpdate:
    """Return what came of a change as a message."""
    return pb.ThresholdUpdate(
        status=pb.ChangeStatus.ValueType(outcome.status),
        revision=outcome.revision,
        settings=map(_setting, outcome.settings),
        effects=map(_effect, outcome.effects),
        effect=pb.Effect.ValueType(outcome.kind),
        needs_approval=outcome.needs_approval,
        preview=None if outcome.preview is None else _preview(outcome.preview),
        lapses_at=_time(outcome.lapses_at_us),
        rules_digest=outcome.rules_digest,
    )


def event_to_proto(event: ControlEvent) -> pb.ThresholdEvent:
    """Return an event of the history as a message."""
    return pb.ThresholdEvent(
        revision=event.revision,
        at=_time(event.at_us),
        kind=_KINDS[event.kind],
        author=event.author,
        justification=event.justification,
        settings=map(_setting, event.settings),
        effects=map(_effect, effects_from_evidence(event.evidence)),
        refers_to=event.refers_to,
        lapses_at=_time(event.lapses_at_us),
        stop=None if event.stop is None else _stop(event.stop),
    )


def engaged_to_proto(engaged: EngagedStop) -> pb.EngagedStop:
    """Return a stop in force as a message."""
    return pb.EngagedStop(
        scope=_stop(engaged.stop),
        author=engaged.author,
        at=_time(engaged.at_us),
        justification=engaged.justification,
        revision=engaged.revision,
    )


_KINDS = {kind: pb.ThresholdEventKind.Value(f"THRESHOLD_EVENT_KIND_{kind}") for kind in EventKind}


def _time(at_us: int | None) -> Timestamp | None:
    if at_us is None:
        return None
    stamp = Timestamp()
    stamp.FromMicroseconds(at_us)
    return stamp


def _scope(scope: Scope) -> pb.ThresholdScope:
    return pb.ThresholdScope(
        intent=scope.intent or "", department=scope.department or "", currency=scope.currency or ""
    )


def _stop(stop: Stop) -> pb.StopScope:
    return pb.StopScope(department=stop.department or "", intent=stop.intent or "")


def _setting(one: Setting) -> pb.ThresholdSetting:
    return pb.ThresholdSetting(
        policy=one.policy,
        name=one.name,
        scope=_scope_of(one),
        value=one.value,
        expires_at=_time(one.expires_at_us),
    )


def _scope_of(one: Scoped) -> pb.ThresholdScope:
    return _scope(scope_of(one))


def _pending(one: PendingChange) -> pb.PendingChange:
    return pb.PendingChange(
        revision=one.revision,
        author=one.author,
        at=_time(one.at_us),
        justification=one.justification,
        settings=map(_setting, one.settings),
        lapses_at=_time(one.lapses_at_us),
    )


def _effect(one: Effect) -> pb.ThresholdEffect:
    return pb.ThresholdEffect(
        policy=one.policy,
        name=one.name,
        scope=_scope(one.scope),
        before=one.before,
        after=one.after,
        effect=pb.Effect.ValueType(one.kind),
        since=_time(one.since_us),
    )


def _preview(preview: Preview) -> pb.ThresholdPreview:
    return pb.ThresholdPreview(
        decisions=preview.decisions,
        erased=preview.erased,
        not_replayable=preview.not_replayable,
        before=_mix(preview.before.items()),
        after=_mix(preview.after.items()),
    )


def _mix(counts: Iterable[tuple[Tier, int]]) -> pb.TierMix:
    return pb.TierMix(**{tier.name.lower(): number for tier, number in counts})
