"""What decides in a worker, and how old it is taken to be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from builders import KEYS, a_policy, a_rule
from oversight.app.current import CurrentSnapshot, wait_for_snapshot
from oversight.app.dated import Dated, live_in, moments
from oversight.app.handover import write_file
from oversight.app.local_stops import LocalStop, LocalStops
from oversight.app.reports import ControllerReport, write_report
from oversight.app.snapshot_file import publish_snapshot
from oversight.engine.compile import compile_policies
from oversight.engine.decide import decide
from oversight.engine.index import LEAST_INDEXED
from oversight.engine.limits import LiveValue
from oversight.engine.policy import Check, Literal
from oversight.engine.request import Request, ServerFacts, Stop
from oversight.errors import StartError
from oversight.policies import SnapshotSource, assemble_source


class Controller:
    """Publishes and reports as the controller does."""

    def __init__(self, run: Path) -> None:
        self.run = run
        self.report = ControllerReport(1, 10, 1, "", "", 5, 100, 200)

    def publish(self, version: str, commit: str = "", least_indexed: int = LEAST_INDEXED) -> str:
        """Publish rules of this version; return their digest."""
        asked = a_rule("asked", Check("intent", "equals", Literal("order_status")))
        policies = {"contact_centre": a_policy(asked, version=version)}
        blueprint = compile_policies(policies, least_indexed=least_indexed)
        source = SnapshotSource(files={}, default_policy="contact_centre", commit=commit)
        snapshot = assemble_source(source, blueprint)
        publish_snapshot(self.run, snapshot, blueprint, source)
        return snapshot.digest

    def publish_dated(self, *values: Dated) -> tuple[str, ...]:
        """Publish rules with live values that end; return the digests of all phases."""
        policies = {"contact_centre": a_policy(version="dated")}
        blueprint = compile_policies(policies)
        source = SnapshotSource(files={}, default_policy="contact_centre", threshold_revision=3)
        phases = range(len(moments(values)) + 1)
        snapshots = [assemble_source(replace(source, live=live_in(values, phase)), blueprint) for phase in phases]
        digests = tuple(one.digest for one in snapshots)
        publish_snapshot(self.run, snapshots[0], blueprint, source, dated=values, digests=digests[1:])
        return digests

    def say(self, digest: str, policy_us: int, thresholds_us: int) -> None:
        """Report a digest and two times of confirmation."""
        self.report = replace(
            self.report, digest=digest, policy_confirmed_at_us=policy_us, thresholds_confirmed_at_us=thresholds_us
        )
        write_report(self.run, self.report)


class Clock:
    """Microseconds that pass when told to."""

    now_us = 1_000

    def __call__(self) -> int:
        """Return the time."""
        return self.now_us


@pytest.fixture
def controller(tmp_path: Path) -> Controller:
    """A controller that has published version 1 and said so."""
    made = Controller(tmp_path)
    made.say(made.publish("1"), 100, 200)
    return made


def follow(controller: Controller, clock: Clock | None = None) -> CurrentSnapshot:
    """Return what follows *controller*."""
    return CurrentSnapshot(controller.run, clock_us=clock or Clock())


def test_what_is_published_is_in_force_and_as_old_as_its_confirmation(controller: Controller) -> None:
    """All that a decision asks for."""
    current = follow(controller)

    assert (controller.report.digest, 100, 200) == (
        current.snapshot.digest,
        current.policy_confirmed_at_us,
        current.thresholds_confirmed_at_us,
    )
    assert (1_000, "") == (current.since_us, current.problem)


def test_a_newer_snapshot_is_taken_over(controller: Controller) -> None:
    """Whole, and from a moment that is known."""
    clock = Clock()
    current = follow(controller, clock)
    clock.now_us = 2_000

    digest = controller.publish("2")
    current.refresh()

    assert (digest, 2_000) == (current.snapshot.digest, current.since_us)


def test_what_was_replaced_is_let_go_of_with_pauses(tmp_path: Path) -> None:
    """Whoever waits for the interpreter's lock meanwhile gets it."""
    controller = Controller(tmp_path)
    controller.publish("1", least_indexed=0)
    pauses: list[float] = []
    current = CurrentSnapshot(tmp_path, clock_us=Clock(), pause=pauses.append)
    replaced = current.snapshot
    decide(replaced, Request(intent="order_status"), ServerFacts(), KEYS)
    assert 1 == len(replaced.groups.made)

    controller.publish("2")
    current.refresh()

    assert ({}, [0.0, 0.0]) == (replaced.groups.made, pauses)


def test_another_commit_of_the_same_rules_is_taken_over_without_a_new_beginning(controller: Controller) -> None:
    """The digest decides what is in force, the commit only says where it came from."""
    clock = Clock()
    current = follow(controller, clock)
    clock.now_us = 2_000

    controller.publish("1", commit="c" * 40)
    current.refresh()

    assert ("c" * 40, 1_000) == (current.snapshot.commit, current.since_us)


def test_without_a_controller_everything_stays_and_grows_older(controller: Controller) -> None:
    """Workers go on; the engine raises tiers when it has been too long."""
    current = follow(controller)
    for path in controller.run.iterdir():
        path.unlink()

    current.refresh()

    assert (controller.report.digest, 100, 200) == (
        current.snapshot.digest,
        current.policy_confirmed_at_us,
        current.thresholds_confirmed_at_us,
    )


def test_each_heartbeat_is_heard(controller: Controller) -> None:
    """Else a healthy server would look stale."""
    current = follow(controller)

    controller.say(controller.report.digest, 300, 400)
    current.refresh()

    assert (300, 400) == (current.policy_confirmed_at_us, current.thresholds_confirmed_at_us)


def test_a_confirmation_of_other_rules_makes_these_no_younger(controller: Controller) -> None:
    """A worker that cannot load the newest rules must not take its old ones for confirmed."""
    current = follow(controller)

    controller.say("f" * 64, 300, 400)
    current.refresh()

    assert (100, 400) == (current.policy_confirmed_at_us, current.thresholds_confirmed_at_us)


def test_a_snapshot_that_cannot_be_used_leaves_the_old_one_and_is_said(controller: Controller) -> None:
    """Once, until another comes."""
    current = follow(controller)
    (controller.run / "snapshot.bin").write_bytes(b"nonsense")

    current.refresh()

    assert controller.report.digest == current.snapshot.digest
    assert current.problem.startswith("the snapshot published last cannot be used: ")

    digest = controller.publish("2")
    current.refresh()
    assert (digest, "") == (current.snapshot.digest, current.problem)


def test_a_snapshot_that_cannot_be_read_is_tried_again(controller: Controller) -> None:
    """No free file descriptor is no property of the file."""
    current = follow(controller)
    published = controller.run / "snapshot.bin"
    content = published.read_bytes()
    published.unlink()
    published.mkdir()

    current.refresh()
    assert current.problem.startswith("the snapshot published last cannot be read: ")

    published.rmdir()
    published.write_bytes(content)
    current.refresh()
    assert "" == current.problem


def test_a_worker_waits_for_the_first_snapshot_and_its_confirmation(tmp_path: Path) -> None:
    """It may be up before the controller has compiled ten thousand rules."""
    controller = Controller(tmp_path)
    pauses = 0

    def pause(_: float) -> None:
        nonlocal pauses
        pauses += 1
        if pauses == 1:
            controller.publish("1")
        if pauses == 3:
            controller.say(controller.publish("1"), 100, 200)

    current = wait_for_snapshot(tmp_path, clock_us=Clock(), timeout_s=5, pause=pause)

    assert (100, 3) == (current.policy_confirmed_at_us, pauses)


@pytest.mark.parametrize(
    ("content", "expected"), [(None, "No such file"), (b"nonsense", "Expecting value"), ("published", "no heartbeat")]
)
def test_a_worker_waits_no_longer_than_it_should(tmp_path: Path, content: bytes | str | None, expected: str) -> None:
    """And says what was missing."""
    if isinstance(content, bytes):
        (tmp_path / "snapshot.bin").write_bytes(content)
    elif content is not None:
        Controller(tmp_path).publish("1")
    pauses: list[float] = []

    with pytest.raises(StartError, match=rf"no snapshot of the rules was published within 3 s \(.*{expected}"):
        wait_for_snapshot(tmp_path, clock_us=Clock(), timeout_s=3, pause=pauses.append)

    assert pytest.approx(3, abs=0.1) == sum(pauses)


VALUES = (
    Dated(LiveValue("contact_centre", "autonomy_confidence", 0.9), 2_000),
    Dated(LiveValue("contact_centre", "autonomy_confidence", 0.8, intent="a"), 3_000),
    Dated(LiveValue("contact_centre", "autonomy_confidence", 0.7, intent="b")),
)
LOCAL = LocalStop(Stop("bank"), "local:ann", 1, "wrong answers")


def test_a_value_is_over_at_its_time_without_a_word_of_the_controller(controller: Controller) -> None:
    """It may be dead; whoever loosened for an hour loosened for an hour."""
    digests = controller.publish_dated(*VALUES)
    controller.say(digests[0], 100, 200)
    clock = Clock()
    current = follow(controller, clock)
    seen = [current.snapshot.digest]

    for now_us in (1_999, 2_000, 2_500, 3_000, 9_000):
        clock.now_us = now_us
        current.refresh()
        seen.append(current.snapshot.digest)

    assert [digests[0], digests[0], digests[1], digests[1], digests[2], digests[2]] == seen
    assert (3, 3_000) == (current.snapshot.threshold_revision, current.since_us)


def test_a_value_that_is_over_stays_over_when_the_clock_is_set_back(controller: Controller) -> None:
    """And a worker that starts late never sees it."""
    digests = controller.publish_dated(*VALUES)
    clock = Clock()
    clock.now_us = 2_500
    current = follow(controller, clock)
    assert digests[1] == current.snapshot.digest

    clock.now_us = 1_000
    current.refresh()

    assert digests[1] == current.snapshot.digest


def test_the_policy_is_confirmed_in_every_phase_and_values_by_their_revision(controller: Controller) -> None:
    """A worker may be a phase ahead of the controller; values of another revision are not what was confirmed."""
    digests = controller.publish_dated(*VALUES)
    clock = Clock()
    clock.now_us = 2_500
    current = follow(controller, clock)
    controller.report = replace(controller.report, threshold_revision=2)
    controller.say(digests[0], 300, 400)
    current.refresh()
    assert (300, 0) == (current.policy_confirmed_at_us, current.thresholds_confirmed_at_us)

    controller.report = replace(controller.report, threshold_revision=3)
    controller.say(digests[0], 500, 600)
    current.refresh()
    assert (500, 600) == (current.policy_confirmed_at_us, current.thresholds_confirmed_at_us)


def test_what_follows_a_value_must_be_what_was_published(controller: Controller) -> None:
    """Replies would name rules that did not decide; the stricter or the looser, nobody knows."""
    digests = controller.publish_dated(*VALUES[:1])
    path = controller.run / "snapshot.bin"
    path.write_bytes(path.read_bytes().replace(digests[1].encode(), b"0" * 64))
    clock = Clock()
    current = follow(controller, clock)
    clock.now_us = 2_000

    current.refresh()
    current.refresh()

    assert digests[0] == current.snapshot.digest
    assert "a live value is over, and what follows cannot be used" in current.problem


def test_a_stop_of_this_machine_is_seen_and_let_go(controller: Controller, tmp_path: Path) -> None:
    """Also where the controller is dead and the store is down."""
    stops = LocalStops(tmp_path)
    current = CurrentSnapshot(controller.run, clock_us=Clock(), local_stops=stops)
    stops.engage(LOCAL)
    current.refresh()
    engaged = current.stops
    stops.release(LOCAL.stop, by="local:ann", at_us=2, justification="over")
    current.refresh()

    assert ((LOCAL.stop,), ()) == (engaged, current.stops)


def test_a_stop_that_went_into_a_snapshot_that_cannot_be_used_stays(controller: Controller, tmp_path: Path) -> None:
    """The file is gone, and what has it instead is not in force here."""
    stops = LocalStops(tmp_path)
    stop_id = stops.engage(LOCAL)
    current = CurrentSnapshot(controller.run, clock_us=Clock(), local_stops=stops)
    (controller.run / "snapshot.bin").write_bytes(b"{}\n")
    stops.remove(stop_id, LOCAL)

    current.refresh()

    assert (LOCAL.stop,) == current.stops


def test_stops_that_cannot_be_read_are_a_problem_and_the_last_ones_hold(controller: Controller, tmp_path: Path) -> None:
    """Any failure means more human."""
    stops = LocalStops(tmp_path)
    stops.engage(LOCAL)
    current = CurrentSnapshot(controller.run, clock_us=Clock(), local_stops=stops)
    (tmp_path / "stops").rename(tmp_path / "away")
    (tmp_path / "stops").touch()

    current.refresh()
    assert ((LOCAL.stop,), True) == (current.stops, "the stops of this machine cannot be read" in current.problem)

    (tmp_path / "stops").unlink()
    current.refresh()
    assert ((), "") == (current.stops, current.problem)


def test_how_many_labels_there_are_is_taken_over_whenever_it_changes(controller: Controller) -> None:
    """A rule that asks for labelled outcomes must see them without a restart; what cannot be read counts as none."""
    current = follow(controller)
    assert {} == current.labelled
    file = controller.run / "labelled.json"

    write_file(file, b'[["acme","refund","m1",3]]')
    current.refresh()
    assert {("acme", "refund", "m1"): 3} == current.labelled
    taken = current.labelled
    current.refresh()
    assert taken is current.labelled

    write_file(file, b"[[")
    current.refresh()
    assert {} == current.labelled
