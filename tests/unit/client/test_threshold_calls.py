"""The client's calls about thresholds, against the service itself."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from oversight.engine.snapshot import Stop
from oversight.v1 import threshold_service_pb2 as pb
from oversight_client import (
    AdminClient,
    CallError,
    Effect,
    InvalidRequestError,
    InvalidResponseError,
    PermissionDeniedError,
    RefusedError,
    StaleRevisionError,
    ThresholdEffect,
    ThresholdScope,
    ThresholdUpdate,
    UnavailableError,
    threshold_values,
)
from oversight_client.mirrored import mirrored
from threshold_desk import NOW_US, Desk, a_setting, by
from threshold_port import Port

NOW = datetime.fromtimestamp(NOW_US / 1e6, UTC)
CHANGE = {"name": "autonomy", "value": 0.95, "currency": "SEK"}


@pytest.fixture
def port() -> Iterator[Port]:
    port = Port(Desk(needs_approval=True))
    yield port
    port.close()


@pytest.fixture
def admin(port) -> Iterator[AdminClient]:
    with AdminClient(port.target, timeout_s=10) as admin:
        yield admin


@pytest.mark.parametrize("name", threshold_values.__all__)
def test_every_value_has_every_field_of_its_message(name):
    """A field that the client leaves out is one that nobody sees."""
    kind = getattr(threshold_values, name)
    renamed = {
        "ThresholdHistory": "ListThresholdChangesResponse",
        "Recommendation": "RecommendThresholdsResponse",
    }
    message = renamed.get(name, name)
    expected = [field.name for field in pb.DESCRIPTOR.message_types_by_name[message].fields]
    assert expected == [field.name for field in dataclasses.fields(kind)]


def test_a_change_is_validated_made_and_read_back(admin, port):
    """Each as a value."""
    looked = admin.update_thresholds([CHANGE], validate_only=True)
    assert ("VALIDATED", "TIGHTENS", 0, False) == (looked.status, looked.effect, looked.revision, looked.needs_approval)
    assert ThresholdEffect(
        *("centre", "autonomy", ThresholdScope(currency="SEK")), 0.85, 0.95, Effect.TIGHTENS, None
    ) == next(one for one in looked.effects if one.policy == "centre")

    made = admin.update_thresholds([CHANGE], justification="complaints", expected_revision=0)

    assert ("IN_FORCE", 1) == (made.status, made.revision)
    found = admin.get_thresholds("bank", currency="SEK")
    assert [("autonomy", 0.95, None)] == [(one.name, one.value, one.expires_at) for one in found.live]
    assert 0.95 == next(one.value for one in found.values if one.name == "autonomy")


def test_a_value_ends_when_it_is_told_to(admin, port):
    """In the zone of whoever said so."""
    until = (NOW + timedelta(hours=1)).astimezone()
    looked = admin.update_thresholds([CHANGE], expires_at=until, validate_only=True)
    assert (NOW + timedelta(hours=1), True) == (looked.settings[0].expires_at, looked.needs_approval)
    with pytest.raises(ValueError, match="expires_at: expected a time with a time zone"):
        admin.update_thresholds([CHANGE], expires_at=datetime(2030, 1, 1), justification="x")  # noqa: DTZ001 - that is the fault


def test_a_rollback_an_approval_and_a_rejection_are_calls_too(admin, port):
    """What cannot be done says why."""
    admin.update_thresholds([CHANGE], justification="x")
    assert "LOOSENS" == admin.roll_back_thresholds(0, validate_only=True).effect
    with pytest.raises(PermissionDeniedError):
        admin.roll_back_thresholds(0, justification="x")
    port.desk.changes.update([a_setting(0.8)], by("ann"))
    assert admin.approve_threshold_change(2, validate_only=True, expected_revision=2).needs_approval
    with pytest.raises(PermissionDeniedError):
        admin.approve_threshold_change(2, justification="yes")
    assert 3 == admin.reject_threshold_change(2, justification="no")
    with pytest.raises(RefusedError) as refused:
        admin.approve_threshold_change(2)
    assert "NOT_PENDING" == refused.value.reason


def test_the_history_comes_page_by_page(admin, port):
    """With stops and all."""
    port.desk.stops.engage(Stop("bank"), "ann", "rates")
    admin.update_thresholds([CHANGE], justification="x")
    first = admin.list_threshold_changes(page_size=1)
    rest = admin.list_threshold_changes(page_token=first.next_page_token)
    assert (["THRESHOLDS_SET"], ["STOP_ENGAGED"], "bank", NOW) == (
        *([one.kind for one in page.changes] for page in (first, rest)),
        *(rest.changes[0].stop.department, rest.changes[0].at),
    )


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ([{"name": "autonomy", "valeu": 0.9}], TypeError, r"changes\[0\].valeu: no such field"),
        ([{"name": "autonomy", "value": "high"}], ValueError, "high"),
        ([{"value": 0.9}], InvalidRequestError, "the name of a threshold"),
        ([], InvalidRequestError, "expected 1 to 100 changes"),
    ],
)
def test_what_cannot_be_sent_is_named(admin, changes, error, words):
    """A misspelt field would be a change of something else."""
    with pytest.raises(error, match=words):
        admin.update_thresholds(changes, justification="x")


def test_a_stale_revision_has_an_error_of_its_own(admin):
    """Whoever catches it reads again."""
    with pytest.raises(StaleRevisionError):
        admin.update_thresholds([CHANGE], justification="x", expected_revision=3)


def test_what_was_looked_at_is_pinned_with_the_rules_that_it_was_judged_by(admin, port):
    """Every call that changes something takes the digest, and software is told what is stale."""
    looked = admin.update_thresholds([CHANGE], validate_only=True)
    assert port.desk.rules.digest == looked.rules_digest
    made = admin.update_thresholds([CHANGE], justification="x", expected_rules_digest=looked.rules_digest)
    port.desk.changes.update([a_setting(0.8)], by("ann"))
    assert ("IN_FORCE", looked.rules_digest) == (made.status, made.rules_digest)
    other = "0" * 64
    calls = [
        lambda: admin.update_thresholds([CHANGE], justification="x", expected_rules_digest=other),
        lambda: admin.roll_back_thresholds(0, justification="x", expected_rules_digest=other),
        lambda: admin.approve_threshold_change(2, validate_only=True, expected_rules_digest=other),
    ]
    for call in calls:
        with pytest.raises(StaleRevisionError) as refused:
            call()
        assert ("STALE_RULES", {"expected": other, "found": looked.rules_digest}) == (
            refused.value.reason,
            refused.value.metadata,
        )


def test_a_change_is_sent_once(port):
    """Sent again after it was made and its reply lost, it would be refused as stale, or be made twice."""
    waits: list[float] = []
    port.desk.store.down = True

    def sleep(wait_s: float) -> None:
        waits.append(wait_s)
        time.sleep(wait_s)

    with AdminClient(port.target, timeout_s=0.5, sleep=sleep) as admin:
        with pytest.raises(UnavailableError):
            admin.update_thresholds([CHANGE], justification="x")
        assert [] == waits
        with pytest.raises(CallError):
            admin.get_thresholds()
        assert waits, "to read is tried again"


def test_a_number_that_this_client_does_not_know_is_an_error():
    """To leave it out would change what was said."""
    message = pb.ThresholdUpdate(status=pb.ChangeStatus.ValueType(9))
    with pytest.raises(InvalidResponseError, match="status: 9 is no ChangeStatus"):
        mirrored(ThresholdUpdate, message)
