"""The look at the rule files: whole or not at all, and never a bad one in force."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from oversight.app.handover import clear_run, run_folder
from oversight.app.last_good import LastGoodFile
from oversight.app.policy_watch import PolicyWatch
from oversight.app.publication import Publication
from oversight.app.snapshot_file import load_snapshot
from oversight.app.snapshot_outbox import SnapshotOutbox
from oversight.errors import InvalidPolicyError
from oversight.policies import SnapshotSource
from oversight.settings import Settings
from servers import write_policy

BROKEN = "policy: contact_centre\nversion: [\n"


class Clock:
    """Microseconds that pass when told to."""

    now_us = 1_000_000_000

    def __call__(self) -> int:
        """Return the time."""
        return self.now_us


class Place:
    """A data folder, a folder of rules, and a controller's watch over them."""

    def __init__(self, folder: Path) -> None:
        self.rules = folder / "rules"
        self.data = folder / "data"
        self.data.mkdir()
        self.run = run_folder(self.data)
        self.clock = Clock()
        write_policy(self.rules)

    def watch(self, **settings: object) -> PolicyWatch:
        """Return a watch as a new run of the controller has it."""
        clear_run(self.data)
        return PolicyWatch(
            Settings(policy=self.rules, data_dir=self.data).model_copy(update=settings),
            Publication(self.run, outbox=SnapshotOutbox(self.data), clock_us=self.clock),
            last_good=LastGoodFile(self.data),
            clock_us=self.clock,
        )

    def spoil(self, text: str = BROKEN) -> None:
        """Put rules there that do not compile."""
        (self.rules / "contact_centre.yaml").write_text(text)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A place with good rules."""
    return Place(tmp_path)


def test_good_rules_are_published_and_kept(place: Place) -> None:
    """For the workers, for the next start, and for the store."""
    watch = place.watch()

    watch.start()

    state = watch.state
    assert state.digest == load_snapshot(place.run).digest
    assert ((), False, 1_000_000_000, 1_000_000_000) == (
        state.problems,
        state.last_good,
        state.published_us,
        state.confirmed_at_us,
    )
    kept = LastGoodFile(place.data).read()
    assert kept is not None
    assert (state.digest, 1_000_000_000) == (kept.digest, kept.confirmed_at_us)
    waiting = (place.data / "snapshots" / f"{state.digest}.json").read_text()
    assert {"contact_centre.yaml"} == set(SnapshotSource.from_document(waiting).files)


def test_the_settings_a_decision_depends_on_are_published_with_the_rules(place: Place) -> None:
    """They are part of the digest, so that a replay has them."""
    (place.rules / "bank.yaml").write_text('policy: bank\nversion: "1"\nextends: contact_centre\n')
    place.watch(default_policy="bank", max_policy_age_s=5, max_threshold_age_s=6).start()

    snapshot = load_snapshot(place.run)
    assert (5, 6, "bank") == (
        snapshot.max_policy_age_s,
        snapshot.max_threshold_age_s,
        snapshot.default_policy,
    )


def test_every_look_at_an_unchanged_folder_confirms_it(place: Place) -> None:
    """That is what keeps rules from growing stale; nothing is published for it."""
    watch = place.watch()
    watch.start()
    stamp = (place.run / "snapshot.bin").stat()
    place.clock.now_us += 5_000_000

    assert not watch.look()

    assert 1_005_000_000 == watch.state.confirmed_at_us
    assert stamp == (place.run / "snapshot.bin").stat()


def test_changed_rules_are_published(place: Place) -> None:
    """At the next look, and said."""
    watch = place.watch()
    watch.start()
    before = watch.state.digest

    write_policy(place.rules, version="2")

    assert watch.look()
    assert before != watch.state.digest
    assert watch.state.digest == load_snapshot(place.run).digest


def test_broken_rules_leave_the_old_ones_in_force_and_growing_old(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    """Refused whole, with the problem shown; said in the log once, however often it is seen."""
    watch = place.watch()
    watch.start()
    good = watch.state
    place.spoil()
    place.clock.now_us += 5_000_000

    with caplog.at_level(logging.ERROR):
        assert [True, False, False] == [watch.look() for _ in range(3)]

    assert good == watch.state._replace(problems=(), found=())
    assert "contact_centre.yaml:" in watch.state.problems[0]
    assert good.digest == load_snapshot(place.run).digest
    assert 1 == sum("stays in force" in record.message for record in caplog.records)


def test_another_problem_is_said_anew(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    """The owner mended one thing and broke the next."""
    watch = place.watch()
    watch.start()
    place.spoil()
    watch.look()
    first = watch.state.problems

    with caplog.at_level(logging.ERROR):
        place.spoil("policy: contact_centre\nnonsense: 1\n")
        assert watch.look()

    assert first != watch.state.problems
    assert any("nonsense" in record.message for record in caplog.records)


def test_mended_rules_are_published_also_if_they_are_the_old_ones(place: Place) -> None:
    """Whoever undoes a change expects the alarm to end."""
    watch = place.watch()
    watch.start()
    digest = watch.state.digest
    place.spoil()
    watch.look()

    write_policy(place.rules)
    place.clock.now_us += 5_000_000

    assert watch.look()
    assert (digest, (), 1_005_000_000) == (watch.state.digest, watch.state.problems, watch.state.confirmed_at_us)


def test_a_folder_that_is_gone_for_a_moment_is_read_again(place: Place) -> None:
    """A mount may come later than the process; what is there then counts, changed or not."""
    watch = place.watch()
    watch.start()
    place.rules.rename(place.rules.with_name("away"))
    assert watch.look()
    assert "does not exist" in watch.state.problems[0]

    place.rules.with_name("away").rename(place.rules)

    assert watch.look()
    assert () == watch.state.problems


def test_warnings_are_shown_and_publish_all_the_same(place: Place) -> None:
    """A file that is not read is worth a word, no more."""
    (place.rules / "forgotten.yml").write_text("policy: forgotten\n")
    watch = place.watch()

    watch.start()

    assert ["forgotten.yml"] == [warning.partition(":")[0] for warning in watch.state.warnings]


def test_a_start_with_broken_rules_serves_the_last_good_ones(place: Place) -> None:
    """As old as their last confirmation, and said to be what they are."""
    first = place.watch()
    first.start()
    place.spoil()
    place.clock.now_us += 500_000_000

    again = place.watch(max_policy_age_s=77)
    again.start()

    state = again.state
    assert (True, 1_000_000_000, 1_500_000_000) == (state.last_good, state.confirmed_at_us, state.published_us)
    assert "contact_centre.yaml:" in state.problems[0]
    snapshot = load_snapshot(place.run)
    assert (state.digest, 77) == (snapshot.digest, snapshot.max_policy_age_s), "today's settings hold"
    assert (place.data / "snapshots" / f"{state.digest}.json").exists()

    again.look()
    assert 1_000_000_000 == again.state.confirmed_at_us, "a look at broken files confirms nothing"


def test_mended_rules_end_the_rule_of_the_last_good_ones(place: Place) -> None:
    """And are confirmed from then on."""
    place.watch().start()
    place.spoil()
    again = place.watch()
    again.start()

    write_policy(place.rules, version="2")

    assert again.look()
    assert (False, ()) == (again.state.last_good, again.state.problems)


def test_without_any_good_rules_the_start_ends_with_every_problem(place: Place) -> None:
    """No server is better than one without rules."""
    place.spoil()

    with pytest.raises(InvalidPolicyError, match=r"contact_centre\.yaml:"):
        place.watch().start()


@pytest.mark.parametrize(
    "document",
    [
        "nonsense",
        json.dumps({"engine_version": 0}),
        SnapshotSource(files={"a.yaml": BROKEN}, default_policy="a").to_document(),
        SnapshotSource(files={}, default_policy="a").to_document(),
    ],
)
def test_last_good_rules_that_are_none_any_more_do_not_hide_the_problem(place: Place, document: str) -> None:
    """What is wrong with the folder is what the owner must read."""
    place.spoil()
    kept = {"document": document, "digest": "d" * 64, "confirmed_at_us": 1}
    (place.data / "last_good.json").write_text(json.dumps(kept))

    with pytest.raises(InvalidPolicyError, match=r"contact_centre\.yaml:"):
        place.watch().start()


def test_rules_that_cannot_be_kept_are_not_published_until_they_can(place: Place) -> None:
    """No decision may rest on rules that could not be found again; a disk may be full for an hour."""
    watch = place.watch()
    watch.start()
    good = watch.state.digest
    (place.data / "snapshots").rename(place.data / "away")
    (place.data / "snapshots").touch()

    write_policy(place.rules, version="2")
    assert watch.look()
    assert good == watch.state.digest == load_snapshot(place.run).digest
    assert "cannot be published" in watch.state.problems[0]
    assert not watch.look()

    (place.data / "snapshots").unlink()
    assert watch.look()
    assert good != watch.state.digest
    assert () == watch.state.problems


def test_a_confirmation_that_cannot_be_written_disturbs_nothing(place: Place) -> None:
    """After the next start the rules would seem older than they are, which is the safe side."""
    watch = place.watch()
    watch.start()
    (place.data / "last_good_confirmed.json").mkdir()
    place.clock.now_us += 60_000_000

    watch.look()

    assert (1_060_000_000, ()) == (watch.state.confirmed_at_us, watch.state.problems)
