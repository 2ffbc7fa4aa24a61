"""Policies, their versions and their problems to protobuf, and what is asked of them from it, every field checked."""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Iterable, Mapping, Sequence

from oversight.engine.limits import LiveValue
from oversight.engine.policy import Override, Rule
from oversight.errors import InvalidRequestError, Problem
from oversight.grpc_api.convert.checks import check_choice, check_text
from oversight.grpc_api.convert.room import MOST_BYTES
from oversight.policy_check import CheckedFiles
from oversight.policy_desk import FoundPolicy, FoundThreshold, Reloaded
from oversight.policy_versions import PolicyName, PolicyVersion
from oversight.rules.phrasing import phrase_condition
from oversight.storage.snapshot_listing import SnapshotKey
from oversight.v1 import decision_pb2 as values
from oversight.v1 import policy_service_pb2 as pb

__all__ = [
    "VersionsQuery",
    "checked_to_proto",
    "policy_names",
    "policy_query",
    "policy_to_proto",
    "reloaded_to_proto",
    "rule_files",
    "versions_to_proto",
]

_USUAL_PAGE = 20
_LARGEST_PAGE = 100
_MOST_FILES = 1_000
_LONGEST_PATH = 255
_MOST_PROBLEMS = 1_000
_TOKEN = struct.Struct(">q32s")
_LONGEST_MESSAGE = 2_000

_is_digest = re.compile("[0-9a-f]{64}").fullmatch
_check_name = check_text("name", 64)
_check_default = check_text("default_policy", 64)
_check_view = check_choice("view", [one for one in pb.PolicyView.values() if one])


def policy_query(message: pb.GetPolicyRequest) -> tuple[str, str]:
    """Return name and digest that are asked for; raise `InvalidRequestError` naming the field that is wrong."""
    if message.digest and not _is_digest(message.digest):
        raise InvalidRequestError("digest", f"expected 64 lower-case hex digits, got {message.digest[:80]!r}")
    if message.view:
        _check_view(message.view)
    return _check_name(message.name), message.digest


class VersionsQuery:
    """
    A checked request for a page: at most how many snapshots (`limit`), and behind which place (`after`).

    Raises `InvalidRequestError`. A page token is the place of a page's last snapshot, in base64.
    """

    def __init__(self, message: pb.ListPolicyVersionsRequest) -> None:
        if message.page_size < 0:
            raise InvalidRequestError("page_size", f"expected a number from 0, got {message.page_size}")
        self.limit = min(message.page_size or _USUAL_PAGE, _LARGEST_PAGE)
        self.after = _read_token(message.page_token) if message.page_token else None


def _read_token(token: str) -> SnapshotKey:
    try:
        published_us, digest = _TOKEN.unpack(base64.b64decode(token, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, struct.error):
        raise InvalidRequestError("page_token", "expected a next_page_token of an earlier page") from None
    return SnapshotKey(published_us, digest.hex())


def rule_files(message: pb.ValidatePolicyRequest) -> tuple[Mapping[str, str], str]:
    """Return the files and the default policy; raise `InvalidRequestError` for what can be no file of a folder."""
    if not 1 <= len(message.files) <= _MOST_FILES:
        raise InvalidRequestError("files", f"expected 1 to {_MOST_FILES:,} files, got {len(message.files):,}")
    for path in message.files:
        _check_path(path)
    return dict(message.files), _check_default(message.default_policy)


def _check_path(path: str) -> None:
    wanted = "a relative path with / that ends in .yaml"
    parts = path.split("/")
    if len(path) > _LONGEST_PATH or not path.isprintable():
        raise InvalidRequestError("files", f"expected {wanted}, of at most {_LONGEST_PATH} printable characters")
    if not path.endswith(".yaml") or any(part.startswith(".") or not part for part in parts):
        raise InvalidRequestError("files", f"expected {wanted}, without hidden parts, got {path!r}")


def policy_to_proto(found: FoundPolicy, view: int) -> pb.GetPolicyResponse:
    """Return the policy as a message, with as much as the *view* asks for and a response holds."""
    policy = found.policy
    response = pb.GetPolicyResponse(
        policy=values.PolicyIdentity(
            name=policy.name, version=policy.version, commit=found.source.commit, digest=found.digest
        ),
        description=policy.description,
        lineage=policy.lineage,
        in_force=found.in_force,
        is_default=policy.name == found.source.default_policy,
        threshold_revision=found.source.threshold_revision,
        required_signals=sorted(policy.required_signals),
        intents=sorted(policy.intents),
        thresholds=[_threshold(one, policy.breaker.steps.get(one.threshold.name, 0.0)) for one in found.thresholds],
        rule_count=len(policy.rules),
        policies=found.policies,
        breaker_anomalies=policy.breaker.anomalies,
    )
    room = MOST_BYTES - response.ByteSize()
    if view >= pb.POLICY_VIEW_RULES:
        room = _add_rules(response, sorted(policy.rules, key=lambda rule: rule.id), room)
    if view >= pb.POLICY_VIEW_SOURCE:
        for path, text in sorted(found.source.files.items()):
            room -= (size := len(text.encode()))
            omitted = room < 0
            room += size if omitted else 0
            response.files.add(path=path, text="" if omitted else text, omitted=omitted)
    return response


def _add_rules(response: pb.GetPolicyResponse, rules: Iterable[Rule], room: int) -> int:
    for rule in rules:
        message = _rule(rule)
        room -= message.ByteSize()
        if room < 0:
            break
        response.rules.append(message)
    return max(room, 0)


def _threshold(found: FoundThreshold, breaker_step: float) -> pb.PolicyThreshold:
    one = found.threshold
    message = pb.PolicyThreshold(
        name=one.name,
        description=one.description,
        default_value=one.default,
        minimum=one.minimum,
        maximum=one.maximum,
        value=found.value,
        live=found.live,
        raising_tightens=one.tightens == "raise",
        declared_by=one.policy,
        breaker_step=breaker_step,
    )
    scoped: list[Override | LiveValue] = [*one.overrides, *found.live_overrides]
    for override in scoped:
        message.overrides.add(
            value=override.value,
            intent=override.intent or "",
            department=override.department or "",
            currency=override.currency or "",
            declared_by=override.policy,
            live=isinstance(override, LiveValue),
        )
    return message


def _rule(rule: Rule) -> pb.PolicyRule:
    message = pb.PolicyRule(
        rule_id=rule.id,
        condition=phrase_condition(rule.when),
        tier=values.Tier.ValueType(rule.tier),
        escalation=values.Escalation.ValueType(rule.escalation),
        reason=rule.reason,
        message=rule.message,
        locked=rule.locked,
        shadow=rule.shadow,
        owner=rule.owner,
        declared_by=rule.policy,
        place=rule.place,
    )
    if rule.since_us is not None:
        message.since.FromMicroseconds(rule.since_us)
    if rule.until_us is not None:
        message.until.FromMicroseconds(rule.until_us)
    return message


def versions_to_proto(
    versions: Sequence[PolicyVersion], following: SnapshotKey | None, in_force: str
) -> pb.ListPolicyVersionsResponse:
    """Return the page as a message; *following* is the place behind which more are, None where none are."""
    response = pb.ListPolicyVersionsResponse()
    for one in versions:
        version = response.versions.add(
            digest=one.digest,
            commit=one.commit,
            threshold_revision=one.threshold_revision,
            policies=policy_names(one.policies),
            in_force=one.digest == in_force,
            engine_version=one.engine_version,
        )
        version.published_at.FromMicroseconds(one.published_us)
    if following is not None:
        packed = _TOKEN.pack(following.published_us, bytes.fromhex(following.digest))
        response.next_page_token = base64.urlsafe_b64encode(packed).decode()
    return response


def checked_to_proto(checked: CheckedFiles) -> pb.ValidatePolicyResponse:
    """Return what a check found as a message."""
    return pb.ValidatePolicyResponse(
        valid=bool(checked.digest),
        problems=_problems(checked.problems),
        problem_count=checked.count,
        digest=checked.digest,
        policies=policy_names(checked.policies),
    )


def reloaded_to_proto(reloaded: Reloaded) -> pb.ReloadPolicyResponse:
    """Return what a look at the folder came to as a message."""
    return pb.ReloadPolicyResponse(
        digest=reloaded.digest,
        commit=reloaded.commit,
        changed=reloaded.changed,
        problems=_problems(reloaded.problems),
        last_good=reloaded.last_good,
    )


def policy_names(policies: Iterable[PolicyName]) -> Iterable[pb.PolicyName]:
    """Return names with versions as messages."""
    return (pb.PolicyName(name=one.name, version=one.version) for one in policies)


def _problems(problems: Sequence[Problem]) -> Iterable[pb.PolicyProblem]:
    return (
        pb.PolicyProblem(
            file=one.file,
            line=one.line,
            column=one.column,
            message=_sendable(one.message),
            suggestion=_sendable(one.suggestion),
            severity=pb.SEVERITY_ERROR if one.severity == "error" else pb.SEVERITY_WARNING,
        )
        for one in problems[:_MOST_PROBLEMS]
    )


def _sendable(text: str) -> str:
    """Return *text* as protobuf takes it: a file may name half a surrogate pair by an escape."""
    return text[:_LONGEST_MESSAGE].encode("utf-8", "backslashreplace").decode("utf-8")
