"""What administrators decided comes into force here, whatever else is broken."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from contract.control_samples import AT_US, a_change, a_release, a_setting, a_stop
from contract.memory_control_store import MemoryControlStore
from oversight.app.control_report import describe_control
from oversight.app.local_stops import LocalStop
from oversight.engine.control import ControlEvent, EventKind
from oversight.engine.snapshot import Stop
from oversight.storage.control_store import SqlControlStore
from oversight.storage.open import open_database
from oversight.storage.sqlite import file_url
from unit.app.control_place import ControlPlace

LOCAL = LocalStop(Stop("bank"), "local:ann", AT_US - 7, "wrong answers")
SECOND_US = 1_000_000


@pytest.fixture
def place(tmp_path: Path) -> ControlPlace:
    """A place with good rules and no events."""
    return ControlPlace(tmp_path)


def test_without_events_the_files_decide(place: ControlPlace) -> None:
    """And the store is known to have no others."""
    place.start()

    assert (0.85, 0, AT_US, "") == (
        place.limit(),
        place.published().threshold_revision,
        place.control.state.confirmed_at_us,
        place.control.state.problem,
    )


def test_what_was_decided_before_the_start_is_in_the_first_snapshot(place: ControlPlace) -> None:
    """A restart must not open a gap, not for a moment."""
    place.store.append(a_change(0.9), expected_revision=0)
    place.store.append(a_stop("bank"), expected_revision=1)

    place.start()

    snapshot = place.published()
    assert (0.9, 2, (Stop("bank"),)) == (place.limit(), snapshot.threshold_revision, snapshot.stops)
    assert snapshot.digest == place.publication.in_force.digest


def test_a_change_comes_into_force_at_the_next_look(place: ControlPlace) -> None:
    """With its revision, which replies name, and its document, by which it can be replayed."""
    place.start()
    place.store.append(a_change(0.9), expected_revision=0)

    assert place.control.step()

    snapshot = place.published()
    assert (0.9, 1) == (place.limit(), snapshot.threshold_revision)
    assert place.outbox.get(snapshot.digest) is not None
    assert not place.control.step(), "nothing is new"


def test_every_look_confirms(place: ControlPlace) -> None:
    """That is what keeps values from growing stale."""
    place.start()
    place.clock.now_us += 5 * SECOND_US

    place.control.step()

    assert AT_US + 5 * SECOND_US == place.control.state.confirmed_at_us


def test_a_store_that_is_down_leaves_what_is_in_force_and_growing_old(place: ControlPlace) -> None:
    """Decisions are tightened when it has been away for too long."""
    place.store.append(a_stop(), expected_revision=0)
    place.start()
    place.store.down = True
    place.clock.now_us += 5 * SECOND_US

    assert not place.control.step()

    assert ((Stop(),), AT_US, "the control store is down") == (
        place.published().stops,
        place.control.state.confirmed_at_us,
        place.control.state.problem,
    )


def test_a_start_without_the_store_has_the_last_values_and_stops(place: ControlPlace) -> None:
    """A stop survives restarts; as old as when the store was last seen."""
    place.store.append(a_change(0.9), expected_revision=0)
    place.store.append(a_stop("bank"), expected_revision=1)
    place.start()
    place.store.down = True
    place.clock.now_us += 5 * SECOND_US

    place.start()

    assert (0.9, (Stop("bank"),), 2, AT_US) == (
        place.limit(),
        place.published().stops,
        place.published().threshold_revision,
        place.control.state.confirmed_at_us,
    )
    place.store.down = False
    place.store.append(a_release("bank"), expected_revision=2)
    assert place.control.step()
    assert ((), AT_US + 5 * SECOND_US) == (place.published().stops, place.control.state.confirmed_at_us)


def test_a_first_start_without_the_store_confirms_nothing(place: ControlPlace) -> None:
    """Nobody knows what is stopped: everything is tightened until somebody does."""
    place.store.down = True

    place.start()

    assert (0, 0.85) == (place.control.state.confirmed_at_us, place.limit())


def test_broken_rules_do_not_keep_a_threshold_or_a_stop_out(place: ControlPlace) -> None:
    """The last good rules, and what was decided since."""
    place.start()
    (place.rules / "contact_centre.yaml").write_text("policy: [\n")
    place.policy.look()
    place.store.append(a_change(0.95), expected_revision=0)
    place.store.append(a_stop(), expected_revision=1)

    assert place.control.step()

    assert (0.95, (Stop(),)) == (place.limit(), place.published().stops)
    assert place.policy.state.problems


def test_new_rules_keep_what_was_decided(place: ControlPlace) -> None:
    """A reload is no way around a stop."""
    place.store.append(a_change(0.95), expected_revision=0)
    place.store.append(a_stop(), expected_revision=1)
    place.start()
    before = place.published().digest

    place.rewrite(('version: "1"', 'version: "2"'))
    assert place.policy.look()

    assert (0.95, (Stop(),), 2) == (place.limit(), place.published().stops, place.published().threshold_revision)
    assert before != place.published().digest


@pytest.mark.parametrize(
    ("live", "change", "expected"),
    [
        (0.95, ("max: 0.99", "max: 0.90"), 0.90),
        (0.61, ("min: 0.60", "min: 0.70"), 0.85),
        (0.61, ("min: 0.60\n    max: 0.99", "min: 0.70\n    max: 0.99"), 0.85),
    ],
)
def test_rules_that_outlaw_a_live_value_put_the_stricter_in_force(
    place: ControlPlace, live: float, change: tuple[str, str], expected: float
) -> None:
    """The nearest bound or the file's value; on record as the service's own doing."""
    place.store.append(a_change(live, expires_at_us=AT_US + 9 * SECOND_US), expected_revision=0)
    place.start()
    place.rewrite(change)
    place.store.down = True

    place.policy.look()
    assert expected == place.limit(), "also while it cannot be put on record"
    place.control.step()
    place.store.down = False
    place.control.step()

    event = place.store.events[-1]
    assert (2, EventKind.THRESHOLDS_SET, "system") == (event.revision, event.kind, event.author)
    assert (a_setting(expected, expires_at_us=AT_US + 9 * SECOND_US),) == event.settings
    assert (expected, 2) == (place.limit(), place.published().threshold_revision)
    place.control.step()
    assert 2 == len(place.store.events), "once is enough"


def test_a_constraint_that_outlaws_a_live_value_puts_the_files_in_force(place: ControlPlace) -> None:
    """As a bound does: at once, and on record as the service's own doing."""
    place.store.append(a_change(0.70), expected_revision=0)
    place.start()
    place.rewrite(("rules:", 'constraints: ["autonomy_confidence > 0.8"]\nrules:'))

    place.policy.look()
    assert 0.85 == place.limit()
    place.control.step()

    event = place.store.events[-1]
    assert (2, "system", (a_setting(0.85),)) == (event.revision, event.author, event.settings)
    assert ((), ()) == (place.publication.in_force.outlawed, place.publication.in_force.broken)
    place.control.step()
    assert 2 == len(place.store.events), "once is enough"


def test_a_constraint_that_only_a_looser_value_would_meet_is_an_alarm(
    place: ControlPlace, caplog: pytest.LogCaptureFixture
) -> None:
    """The live value is the stricter one: it stays, nothing is recorded, and somebody has to look."""
    place.store.append(a_change(0.95), expected_revision=0)
    place.start()
    place.rewrite(("rules:", 'constraints: ["autonomy_confidence < 0.9"]\nrules:'))

    place.policy.look()
    place.control.step()

    [said] = describe_control(place.publication.in_force, place.control.state, AT_US)["broken_constraints"]
    assert "'autonomy_confidence < 0.9' of policy 'contact_centre' does not hold: 0.95 and 0.9" in said
    assert (0.95, 1, 1) == (place.limit(), len(place.store.events), caplog.text.count(said))
    place.store.append(a_change(None), expected_revision=1)
    place.control.step()
    assert () == place.publication.in_force.broken


def test_a_value_of_a_threshold_that_is_gone_is_an_alarm(place: ControlPlace, caplog: pytest.LogCaptureFixture) -> None:
    """It must not keep the rules from being published, and nobody may think that it still tightens."""
    place.store.append(a_change(0.9, name="gone"), expected_revision=0)
    place.store.append(a_change(0.9, policy="gone"), expected_revision=1)

    place.start()

    assert (0.85, 2, 2) == (place.limit(), place.published().threshold_revision, len(place.store.events))
    said = describe_control(place.publication.in_force, place.control.state, AT_US)["broken_constraints"]
    assert [1, 1] == [caplog.text.count(one) for one in said]
    place.store.append(a_change(None, name="gone"), expected_revision=2)
    place.store.append(a_change(None, policy="gone"), expected_revision=3)
    place.control.step()
    assert () == place.publication.in_force.broken


def test_a_threshold_that_is_renamed_under_a_live_value_is_an_alarm_until_that_is_removed(place: ControlPlace) -> None:
    """The value was the stricter one: what it held back would go out, and `oversight status` would say all is well."""
    place.store.append(a_change(0.95), expected_revision=0)
    place.start()
    assert (0.95, ()) == (place.limit(), place.publication.in_force.broken)
    place.rewrite(("autonomy_confidence", "confidence_limit"))

    place.policy.look()

    [said] = describe_control(place.publication.in_force, place.control.state, AT_US)["broken_constraints"]
    assert "autonomy_confidence 0.95 in contact_centre any more" in said
    assert "oversight thresholds set autonomy_confidence file --policy contact_centre -m ..." in said


def test_a_stop_of_this_machine_is_recorded_and_its_file_removed(place: ControlPlace) -> None:
    """By whom and when it was engaged, not when it was recorded."""
    place.start()
    stop_id = place.stops.engage(LOCAL)

    place.control.step()

    (event,) = place.store.events
    assert (EventKind.STOP_ENGAGED, Stop("bank"), "local:ann", AT_US - 7, "wrong answers") == (
        *(event.kind, event.stop, event.author),
        *(event.at_us, event.justification),
    )
    assert stop_id == json.loads(event.evidence)["local_stop"]
    assert ((Stop("bank"),), {}, 0) == (
        place.published().stops,
        place.stops.read(),
        place.control.state.local_stops,
    )


def test_a_stop_of_this_machine_waits_for_the_store(place: ControlPlace) -> None:
    """It holds here meanwhile, and is counted."""
    place.start()
    place.store.down = True
    place.stops.engage(LOCAL)

    place.control.step()
    assert (1, 1) == (len(place.stops.read()), place.control.state.local_stops)

    place.store.down = False
    place.control.step()
    assert ({}, (Stop("bank"),)) == (place.stops.read(), place.published().stops)


def test_a_stop_that_was_released_here_is_recorded_with_its_release(place: ControlPlace) -> None:
    """Who let go of it must be known, too."""
    place.stops.engage(LOCAL)
    place.stops.release(LOCAL.stop, by="local:ben", at_us=AT_US - 1, justification="over")

    place.start()

    assert [
        ("STOP_ENGAGED", "local:ann", AT_US - 7, "wrong answers"),
        ("STOP_RELEASED", "local:ben", AT_US - 1, "over"),
    ] == [(event.kind, event.author, event.at_us, event.justification) for event in place.store.events]
    assert ((), {}) == (place.published().stops, place.stops.read())


def test_the_release_of_a_stop_of_this_machine_leaves_one_that_was_on_record(place: ControlPlace) -> None:
    """It was made while nobody could see what is on record, and perhaps by whoever engaged that one."""
    place.store.append(a_stop("bank"), expected_revision=0)
    place.stops.engage(LOCAL)
    place.stops.release(LOCAL.stop, by="local:ben", at_us=AT_US - 1, justification="over")

    place.start()

    assert (3, (Stop("bank"),), {}) == (len(place.store.events), place.published().stops, place.stops.read())


def test_a_scope_that_was_stopped_in_two_ways_is_published_once_and_kept_for_a_start(place: ControlPlace) -> None:
    """Workers need to know what is stopped, a restart without the store also by whom."""
    place.store.append(a_stop("bank"), expected_revision=0)
    place.stops.engage(LOCAL)
    place.start()
    place.store.down = True

    place.start()

    assert (Stop("bank"),) == place.published().stops
    assert ["anna", "local:ann"] == [one.author for one in place.control.state.control.stops]
    assert [False, True] == [bool(one.local_stop) for one in place.control.state.control.stops]


def test_a_stop_that_was_recorded_before_the_controller_died_is_not_recorded_again(place: ControlPlace) -> None:
    """Between the event and the file's end anything may happen."""
    place.start()
    place.stops.engage(LOCAL)
    kept = {path: path.read_bytes() for path in (place.data / "stops").glob("*.json")}
    place.control.step()
    for path, content in kept.items():
        path.write_bytes(content)

    place.start()

    assert (1, {}) == (len(place.store.events), place.stops.read())


def test_a_file_that_cannot_be_read_stays_and_holds(place: ControlPlace) -> None:
    """Somebody has to look at it."""
    place.start()
    place.stops.engage(LOCAL)
    place.control.step()
    (place.data / "stops" / "torn.json").write_text("{")

    place.control.step()

    assert ([None], 1) == (list(place.stops.read().values()), place.control.state.local_stops)


class _Picky(MemoryControlStore):
    """Refuses stops of the department `bank`."""

    def append(self, event: ControlEvent, *, expected_revision: int) -> int:
        """See `ControlStore`."""
        if event.stop == Stop("bank"):
            raise ValueError("no stops of banks")
        return super().append(event, expected_revision=expected_revision)


def test_a_stop_that_cannot_be_recorded_keeps_no_other_from_it(place: ControlPlace) -> None:
    """It holds here and is named; the others are for every replica."""
    place.store = _Picky()
    refused = place.stops.engage(LOCAL)
    for department in "abcd":
        place.stops.engage(LOCAL._replace(stop=Stop(department)))

    place.start()

    assert {Stop(department) for department in "abcd"} == set(place.published().stops)
    assert ([refused], 1) == (list(place.stops.read()), place.control.state.local_stops)
    assert (
        f"stops of this machine are not on record and hold here alone: stops/{refused}.json: no stops of banks"
        == place.control.state.problem
    )


def test_a_stop_whose_text_is_not_utf_8_is_recorded_as_far_as_it_can_be_read(place: ControlPlace) -> None:
    """A file of an earlier version has the bytes that a shell handed over."""
    store = SqlControlStore(open_database(file_url(place.data / "control.db"), read_only=False))
    place.store = store  # type: ignore[assignment]  # what a server has
    stop = LOCAL._replace(stop=Stop("b\udcffnk"), author="local:\udcff", justification="bad \udcff bytes")
    place.stops.engage(stop)
    place.stops.release(Stop("b?nk"), by="local:\udcff", at_us=AT_US - 1, justification="good \udcff bytes")

    place.start()

    assert [("local:?", "bad ? bytes"), ("local:?", "good ? bytes")] == [
        (event.author, event.justification) for event in store.events_after(0)
    ]
    assert ({}, "") == (place.stops.read(), place.control.state.problem)
    store.close()


def test_a_value_that_is_over_is_left_out_of_what_is_published(place: ControlPlace) -> None:
    """The documents of what follows were kept before: workers change over by themselves."""
    place.store.append(a_change(0.9, expires_at_us=AT_US + SECOND_US), expected_revision=0)
    place.store.append(a_change(0.95, intent="order_status", expires_at_us=AT_US + 3 * SECOND_US), expected_revision=1)
    place.start()
    digests = place.publication.in_force.digests
    assert (0.9, 0.95, 3, 3) == (place.limit(), place.limit("order_status"), len(digests), len(set(digests)))
    assert all(place.outbox.get(digest) is not None for digest in digests)

    place.clock.now_us += SECOND_US
    place.control.step()

    assert (0.85, 0.95, digests[1:]) == (
        *(place.limit(), place.limit("order_status")),
        place.publication.in_force.digests,
    )


def test_a_snapshot_that_cannot_be_published_confirms_nothing(place: ControlPlace) -> None:
    """Values that are not in force must not look fresh."""
    place.start()
    (place.data / "snapshots").rename(place.data / "away")
    (place.data / "snapshots").touch()
    place.store.append(a_change(0.9), expected_revision=0)
    place.clock.now_us += SECOND_US

    assert not place.control.step()
    assert (AT_US, 0.85) == (place.control.state.confirmed_at_us, place.limit())
    assert "snapshots" in place.control.state.problem

    (place.data / "snapshots").unlink()
    assert place.control.step()
    assert (AT_US + SECOND_US, 0.9, "") == (
        *(place.control.state.confirmed_at_us, place.limit()),
        place.control.state.problem,
    )
