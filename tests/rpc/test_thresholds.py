"""ThresholdService on the admin port: every call, what it refuses, and with which status and reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from math import nan
from typing import Any

import grpc
import pytest

from oversight.engine.control import ControlEvent, EventKind
from oversight.engine.snapshot import Stop
from oversight.v1 import threshold_service_pb2 as pb
from refusals import refusal_of
from threshold_desk import HOUR_US, NOW_US, Desk, a_setting, by
from threshold_port import Port

LOOSER = a_setting(0.8)
STOP = (Stop(department="bank"), "ann", "it invents rates")
INVALID, PRECONDITION = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION
DENIED = grpc.StatusCode.PERMISSION_DENIED


@pytest.fixture
def open_port() -> Iterator[Callable[..., Port]]:
    opened: list[Port] = []

    def start(**fields: Any) -> Port:
        opened.append(Port(Desk(**fields)))
        return opened[-1]

    yield start
    for port in opened:
        port.close()


@pytest.fixture
def port(open_port: Callable[..., Port]) -> Port:
    return open_port()


def a_change(value: float | None = 0.95, name: str = "autonomy", policy: str = "", **scope: str) -> pb.ThresholdChange:
    return pb.ThresholdChange(policy=policy, name=name, value=value, scope=pb.ThresholdScope(**scope))


def test_a_change_goes_over_the_wire_and_back(port: Port) -> None:
    """Each field is what it says."""
    until = pb.UpdateThresholdsRequest()
    until.expires_at.FromMicroseconds(NOW_US + HOUR_US)
    done = port.update(a_change(currency="SEK"), expires_at=until.expires_at, expected_revision=0)

    assert (pb.CHANGE_STATUS_IN_FORCE, 1, pb.EFFECT_LOOSENS, False) == (
        *(done.status, done.revision, done.effect),
        done.needs_approval,
    )
    (setting,) = done.settings
    assert ("centre", "autonomy", "SEK", 0.95, NOW_US + HOUR_US) == (
        *(setting.policy, setting.name, setting.scope.currency, setting.value),
        setting.expires_at.ToMicroseconds(),
    )
    later = [effect for effect in done.effects if effect.HasField("since") and effect.policy == "centre"]
    assert (0.95, 0.85, pb.EFFECT_LOOSENS) == (later[0].before, later[0].after, later[0].effect)

    request = pb.GetThresholdsRequest(policy="bank", scope=pb.ThresholdScope(currency="SEK"))
    found = port.stub.GetThresholds(request, timeout=10).thresholds
    assert ("bank", 1, "SEK", ["autonomy"]) == (
        *(found.policy, found.revision, found.scope.currency),
        [one.name for one in found.live],
    )
    autonomy = found.values[1]
    assert ("autonomy", 0.95, 0.88, 0.6, 0.99, pb.DIRECTION_RAISE, pb.THRESHOLD_SOURCE_LIVE, "SEK") == (
        *(autonomy.name, autonomy.value, autonomy.file_value, autonomy.minimum, autonomy.maximum),
        *(autonomy.tightens, autonomy.source, autonomy.set_for.currency),
    )
    amount = found.values[0]
    assert (pb.DIRECTION_LOWER, pb.THRESHOLD_SOURCE_FILE) == (amount.tightens, amount.source)


def test_a_value_is_removed_by_its_absence(port: Port) -> None:
    """Absent is not zero."""
    port.update(a_change())
    done = port.update(a_change(None))
    assert not done.settings[0].HasField("value")
    assert [] == list(port.stub.GetThresholds(pb.GetThresholdsRequest(), timeout=10).thresholds.live)


@pytest.mark.parametrize("others", [[], [a_change(0.6, "handover")]])
def test_a_value_is_not_removed_for_a_time(port: Port, others: list[pb.ThresholdChange]) -> None:
    """Whoever says an hour thinks that it comes back after one."""
    port.update(a_change())
    until = pb.UpdateThresholdsRequest()
    until.expires_at.FromMicroseconds(NOW_US + HOUR_US)
    refusal = refusal_of(lambda: port.update(*others, a_change(None), expires_at=until.expires_at))
    assert (INVALID, "INVALID_REQUEST", "expires_at") == (refusal.code, refusal.reason, refusal.field)
    assert "a value that is removed cannot end; leave it out" in refusal.text
    assert 1 == len(port.desk.store.events)


def test_to_validate_shows_the_tiers_before_and_after(port: Port) -> None:
    """Without a reason, and without a trace."""
    for confidence in (0.99, 0.9, 0.4):
        port.desk.records.add(intent="order_status", response_confidence=confidence)
    port.desk.records.add(erased=True)

    done = port.update(a_change(), validate_only=True, justification="")

    assert (pb.CHANGE_STATUS_VALIDATED, 0, []) == (done.status, done.revision, port.desk.store.events)
    assert (
        pb.ThresholdPreview(
            decisions=3,
            erased=1,
            before=pb.TierMix(human_on_the_loop=2, human_as_the_loop=1),
            after=pb.TierMix(human_on_the_loop=1, human_in_the_loop=1, human_as_the_loop=1),
        )
        == done.preview
    )
    port.desk.records.down = True
    assert not port.update(a_change(), validate_only=True).HasField("preview")


@pytest.mark.parametrize(
    ("changes", "fields", "code", "reason", "field"),
    [
        ([], {}, INVALID, "INVALID_REQUEST", "changes"),
        ([a_change(name=f"t{number}") for number in range(101)], {}, INVALID, "INVALID_REQUEST", "changes"),
        ([a_change(name="")], {}, INVALID, "INVALID_REQUEST", "changes[0].name"),
        ([a_change(name="x" * 129)], {}, INVALID, "INVALID_REQUEST", "changes[0].name"),
        ([a_change(name="nothing")], {}, INVALID, "UNKNOWN_THRESHOLD", "changes[0].name"),
        ([a_change(policy="nothing")], {}, INVALID, "UNKNOWN_SCOPE", "changes[0].policy"),
        ([a_change(), a_change(intent="nothing")], {}, INVALID, "UNKNOWN_SCOPE", "changes[1].scope.intent"),
        ([a_change(intent="x" * 129)], {}, INVALID, "INVALID_REQUEST", "changes[0].scope.intent"),
        ([a_change(department="a\0b")], {}, INVALID, "INVALID_REQUEST", "changes[0].scope.department"),
        ([a_change(currency="x" * 17)], {}, INVALID, "INVALID_REQUEST", "changes[0].scope.currency"),
        ([a_change(), a_change()], {}, INVALID, "INVALID_REQUEST", "changes[1]"),
        ([a_change(0.2)], {}, INVALID, "OUT_OF_BOUNDS", "changes[0].value"),
        ([a_change(nan)], {}, INVALID, "OUT_OF_BOUNDS", "changes[0].value"),
        ([a_change(1.5, "amount")], {}, INVALID, "OUT_OF_BOUNDS", "changes[0].value"),
        ([a_change(None)], {}, INVALID, "INVALID_REQUEST", "changes[0].value"),
        ([a_change()], {"justification": " "}, INVALID, "JUSTIFICATION_MISSING", "justification"),
        ([a_change()], {"justification": "x" * 2001}, INVALID, "INVALID_REQUEST", "justification"),
        ([a_change()], {"expected_revision": -1}, INVALID, "INVALID_REQUEST", "expected_revision"),
        ([a_change()], {"expected_rules_digest": ""}, INVALID, "INVALID_REQUEST", "expected_rules_digest"),
        ([a_change()], {"expected_rules_digest": "A" * 64}, INVALID, "INVALID_REQUEST", "expected_rules_digest"),
        ([a_change()], {"expected_rules_digest": "0" * 64}, grpc.StatusCode.ABORTED, "STALE_RULES", ""),
        ([a_change()], {"expires_at": {"seconds": 1}}, INVALID, "INVALID_REQUEST", "expires_at"),
        ([a_change()], {"expires_at": {"seconds": 10**15}}, INVALID, "INVALID_REQUEST", "expires_at"),
        ([a_change(0.9, "handover")], {}, PRECONDITION, "CONSTRAINT_BROKEN", ""),
        ([a_change(0.7, policy="bank")], {}, PRECONDITION, "LOOSER_THAN_PARENT", ""),
        ([a_change()], {"expected_revision": 7}, grpc.StatusCode.ABORTED, "STALE_REVISION", ""),
    ],
)
def test_bad_input_gets_its_status_and_its_reason_and_changes_nothing(
    port: Port, changes: Any, fields: dict[str, Any], code: grpc.StatusCode, reason: str, field: str
) -> None:
    """Software tells them apart by the reason, people by the words."""
    refusal = refusal_of(lambda: port.update(*changes, **fields))
    assert (code, reason, field) == (refusal.code, refusal.reason, refusal.field)
    assert [] == port.desk.store.events


def test_of_two_admins_at_once_one_gets_aborted(port: Port) -> None:
    """It read what is no longer so."""
    port.update(a_change(), expected_revision=0)
    refusal = refusal_of(lambda: port.update(a_change(0.97), expected_revision=0))
    assert (grpc.StatusCode.ABORTED, "STALE_REVISION", {"expected": "0", "found": "1"}) == (
        *(refusal.code, refusal.reason),
        refusal.metadata,
    )


def test_a_rollback_goes_over_the_wire(port: Port) -> None:
    """Also only to look."""
    port.update(a_change())
    request = pb.RollbackThresholdsRequest(to_revision=0, validate_only=True)
    looked = port.stub.RollbackThresholds(request, timeout=10).update
    assert (pb.CHANGE_STATUS_VALIDATED, pb.EFFECT_LOOSENS) == (looked.status, looked.effect)
    request = pb.RollbackThresholdsRequest(to_revision=0, justification="as before", expected_revision=1)
    assert 2 == port.stub.RollbackThresholds(request, timeout=10).update.revision
    request.to_revision = 9
    request.expected_revision = 2
    refusal = refusal_of(lambda: port.stub.RollbackThresholds(request, timeout=10))
    assert (INVALID, "to_revision") == (refusal.code, refusal.field)


@pytest.mark.parametrize("fields", [{}, {"validate_only": True}, {"expected_revision": 1}])
def test_a_rollback_to_nowhere_is_not_one_to_the_beginning(port: Port, fields: dict[str, Any]) -> None:
    """A field that was forgotten must not remove every value that administrators have set."""
    port.update(a_change())
    request = pb.RollbackThresholdsRequest(justification="as before", **fields)
    refusal = refusal_of(lambda: port.stub.RollbackThresholds(request, timeout=10))
    assert (INVALID, "INVALID_REQUEST", "to_revision") == (refusal.code, refusal.reason, refusal.field)
    assert "0 removes every live value" in refusal.text
    assert 1 == len(port.desk.store.events)


def test_what_needs_a_second_person_is_refused_without_authentication(open_port: Callable[..., Port]) -> None:
    """Every caller here is `local`: to propose, to approve, to release."""
    port = open_port(needs_approval=True)
    calls: list[Callable[[], Any]] = [lambda: port.update(a_change(0.8))]
    port.desk.changes.update([LOOSER], by())
    port.desk.stops.engage(*STOP)
    approval = pb.ApproveThresholdChangeRequest(revision=1)
    release = pb.ReleaseStopRequest(scope=pb.StopScope(department="bank"), justification="mended")
    calls.append(lambda: port.stub.ApproveThresholdChange(approval, timeout=10))
    calls.append(lambda: port.stub.ReleaseStop(release, timeout=10))
    for call in calls:
        refusal = refusal_of(call)
        assert (DENIED, "SECOND_PERSON_NEEDED") == (refusal.code, refusal.reason)
        assert "configure authentication" in refusal.text
    assert 2 == len(port.desk.store.events)


def test_a_proposal_is_seen_validated_and_rejected(open_port: Callable[..., Port]) -> None:
    """Anyone may look; to reject is no loosening."""
    port = open_port(needs_approval=True)
    port.desk.changes.update([LOOSER], by())
    (pending,) = port.stub.GetThresholds(pb.GetThresholdsRequest(), timeout=10).thresholds.pending
    assert (1, "ann", 0.8, NOW_US + 2 * HOUR_US) == (
        *(pending.revision, pending.author, pending.settings[0].value),
        pending.lapses_at.ToMicroseconds(),
    )
    looked = pb.ApproveThresholdChangeRequest(revision=1, validate_only=True, expected_revision=1)
    assert port.stub.ApproveThresholdChange(looked, timeout=10).update.needs_approval

    request = pb.RejectThresholdChangeRequest(revision=1, justification="too early")
    assert 2 == port.stub.RejectThresholdChange(request, timeout=10).revision

    for call in (
        lambda: port.stub.RejectThresholdChange(request, timeout=10),
        lambda: port.stub.ApproveThresholdChange(pb.ApproveThresholdChangeRequest(revision=1), timeout=10),
    ):
        refusal = refusal_of(call)
        assert (PRECONDITION, "NOT_PENDING", {"revision": "1"}) == (refusal.code, refusal.reason, refusal.metadata)


def test_stops_are_engaged_listed_and_released(port: Port) -> None:
    """Of everything where no scope is given."""
    engage = pb.EngageStopRequest(scope=pb.StopScope(department="bank", intent="refund"), justification="rates")
    engaged = port.stub.EngageStop(engage, timeout=10).stop
    assert ("local", NOW_US, "rates", 1) == (
        *(engaged.author, engaged.at.ToMicroseconds()),
        *(engaged.justification, engaged.revision),
    )
    port.stub.EngageStop(pb.EngageStopRequest(justification="all of it"), timeout=10)
    listed = port.stub.ListStops(pb.ListStopsRequest(), timeout=10)
    assert [("bank", "refund"), ("", "")] == [(one.scope.department, one.scope.intent) for one in listed.stops]
    assert 2 == listed.revision

    release = pb.ReleaseStopRequest(justification="mended")
    assert 3 == port.stub.ReleaseStop(release, timeout=10).revision
    refusal = refusal_of(lambda: port.stub.ReleaseStop(release, timeout=10))
    assert (PRECONDITION, "STOP_NOT_ENGAGED") == (refusal.code, refusal.reason)
    for call in (
        lambda: port.stub.EngageStop(pb.EngageStopRequest(), timeout=10),
        lambda: port.stub.ReleaseStop(pb.ReleaseStopRequest(), timeout=10),
    ):
        assert "JUSTIFICATION_MISSING" == refusal_of(call).reason
    too_long = pb.EngageStopRequest(scope=pb.StopScope(department="x" * 65), justification="x")
    assert "scope.department" == refusal_of(lambda: port.stub.EngageStop(too_long, timeout=10)).field


def test_a_stop_of_a_blank_name_is_refused_and_an_older_one_can_be_released(port: Port) -> None:
    """No message has such a name: it would stop nothing, and look as if it did."""
    for field in ("department", "intent"):
        blank = pb.EngageStopRequest(scope=pb.StopScope(**{field: " "}), justification="rates")
        refusal = refusal_of(partial(port.stub.EngageStop, blank, timeout=10))
        assert (INVALID, f"scope.{field}") == (refusal.code, refusal.field)
    assert [] == port.desk.store.events

    port.desk.stops.engage(Stop(department=" "), "ann", "typed in a hurry")
    release = pb.ReleaseStopRequest(scope=pb.StopScope(department=" "), justification="mended")
    assert 2 == port.stub.ReleaseStop(release, timeout=10).revision


def test_the_history_has_every_event_with_its_effects(port: Port) -> None:
    """Newest first, page by page."""
    port.update(a_change(), justification="complaints")
    port.stub.EngageStop(pb.EngageStopRequest(justification="all of it"), timeout=10)
    port.update(a_change(0.97))

    pages: list[list[pb.ThresholdEvent]] = []
    token = ""
    while not pages or token:
        request = pb.ListThresholdChangesRequest(page_size=2, page_token=token)
        response = port.stub.ListThresholdChanges(request, timeout=10)
        pages.append(list(response.changes))
        token = response.next_page_token

    assert [[3, 2], [1]] == [[event.revision for event in page] for page in pages]
    first, stop = pages[1][0], pages[0][1]
    assert (pb.THRESHOLD_EVENT_KIND_THRESHOLDS_SET, "local", "complaints", NOW_US, 0.88, 0.95) == (
        *(first.kind, first.author, first.justification, first.at.ToMicroseconds()),
        *(first.effects[0].before, first.effects[0].after),
    )
    assert (pb.THRESHOLD_EVENT_KIND_STOP_ENGAGED, True) == (stop.kind, stop.HasField("stop"))


@pytest.mark.parametrize(
    ("fields", "field"),
    [({"page_size": -1}, "page_size"), ({"page_token": "x"}, "page_token"), ({"page_token": "²"}, "page_token")],
)
def test_a_wrong_page_is_named(port: Port, fields: dict[str, Any], field: str) -> None:
    """As in every list."""
    request = pb.ListThresholdChangesRequest(**fields)
    assert field == refusal_of(lambda: port.stub.ListThresholdChanges(request, timeout=10)).field


def test_every_kind_of_event_has_its_number(port: Port) -> None:
    """One that has none could never be listed."""
    for kind in EventKind:
        event = ControlEvent(0, NOW_US, kind, "ann", "why", stop=STOP[0])
        port.desk.store.append(event, expected_revision=len(port.desk.store.events))
    listed = port.stub.ListThresholdChanges(pb.ListThresholdChangesRequest(), timeout=10).changes
    assert [f"THRESHOLD_EVENT_KIND_{kind}" for kind in reversed(EventKind)] == [
        pb.ThresholdEventKind.Name(event.kind) for event in listed
    ]


def test_a_store_that_is_down_is_unavailable(port: Port) -> None:
    """Whatever was asked; nothing was changed."""
    port.desk.store.down = True
    calls: list[Callable[[], Any]] = [
        lambda: port.update(a_change()),
        lambda: port.stub.GetThresholds(pb.GetThresholdsRequest(), timeout=10),
        lambda: port.stub.ListThresholdChanges(pb.ListThresholdChangesRequest(), timeout=10),
        lambda: port.stub.EngageStop(pb.EngageStopRequest(justification="all"), timeout=10),
        lambda: port.stub.ListStops(pb.ListStopsRequest(), timeout=10),
    ]
    for call in calls:
        refusal = refusal_of(call)
        assert (grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE") == (refusal.code, refusal.reason)
