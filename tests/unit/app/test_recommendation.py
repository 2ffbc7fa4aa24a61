"""A recommendation in a process of its own: the same answer, the same errors, and an end in any case."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contract.samples import an_outcome_record
from evidence_store import EvidenceStore
from oversight.app import recommendation
from oversight.app.clock import now_us
from oversight.app.last_good import LastGood, LastGoodFile
from oversight.app.recommendation import RecommendationProcess
from oversight.app.store import open_control_store
from oversight.engine.compile import compile_policies
from oversight.errors import NotRecommendableError, OverloadedError, StoreUnavailableError, UnknownScopeError
from oversight.feedback.certificate import CertificateStatus
from oversight.insight.question import Asked
from oversight.policies import SnapshotSource
from oversight.rules.load import load
from oversight.rules.scopes import Scope
from oversight.rules.source import RuleFiles
from oversight.settings import Settings
from oversight.storage.sqlite import file_url
from oversight.thresholds.log import ControlLog
from oversight.thresholds.values import RulesInForce
from recommending_scene import a_message
from threshold_desk import CENTRE

ASKED = Asked(name="autonomy", window_days=400)
FILES = {"centre.yaml": CENTRE}
NOW_US = 1_800_000_000_000_000


class Place:
    """A data folder with rules, labels and no changes yet."""

    def __init__(self, folder: Path, store: str = "") -> None:
        self.settings = Settings(data_dir=folder, default_policy="centre", store=store)
        source = SnapshotSource(FILES, "centre")
        LastGoodFile(folder).keep(LastGood(source.to_document(), "d", NOW_US))
        rules = load(RuleFiles(files=FILES, commit=""), default_policy="centre")
        self.rules = RulesInForce(rules.policies, compile_policies(rules.policies), "centre")
        self.control = open_control_store(self.settings)
        self.world = EvidenceStore(store or file_url(folder / "records.db"))

    def process(self, **bounds: Any) -> RecommendationProcess:
        log = ControlLog(self.control, clock_us=now_us)
        return RecommendationProcess(self.settings, rules=lambda: self.rules, log=log, **bounds)


@contextlib.contextmanager
def opened(folder: Path, store: str = "") -> Iterator[Place]:
    place = Place(folder, store)
    yield place
    place.world.close()
    place.control.close()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with opened(tmp_path) as place:
        yield place


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_it_is_the_answer_of_the_store_and_it_is_stored(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    """Evidence, rules and events are found by the settings; what is asked arrives whole."""
    store = request.getfixturevalue("postgres_url") if kind == "postgresql" else ""
    with opened(tmp_path, store) as place:
        check_answers(place)


def check_answers(place: Place) -> None:
    """Ask twice, and look at both answers."""
    at_us = now_us()
    count = 400
    place.world.add(
        [a_message(n, 0.9, currency="EUR", decided_at_us=at_us - 3_600_000_000 - n) for n in range(count)],
        [an_outcome_record(n, verdict=1, label_basis=3) for n in range(count)],
    )
    process = place.process()
    asked = ASKED._replace(scope=Scope(intent="order_status", currency="EUR"), max_error=0.06)

    first, again = process(asked, "ann"), process(asked, "bob")

    assert (CertificateStatus.CERTIFIED, 0.9, count, 0) == (
        *(first.recommendation.certificate.status, first.recommendation.certificate.threshold),
        *(first.recommendation.certificate.n, first.recommendation.certificate.errors),
    )
    assert (first.recommendation, False, True) == (again.recommendation, first.stored, again.stored)
    assert ("centre", "autonomy", "m1") == (first.policy, first.name, first.model_version)
    assert first.recommendation.certificate.candidates


def test_in_a_simulation_its_time_is_the_simulated_one(tmp_path: Path) -> None:
    """By the machine's clock everything in a simulated centre is years old, or still to come."""
    clock = tmp_path / "clock"
    clock.write_bytes(NOW_US.to_bytes(8, "little", signed=True))
    with opened(tmp_path) as place:
        place.settings = place.settings.model_copy(update={"simulated_clock": clock})
        count = 400
        place.world.add(
            [a_message(n, 0.9, decided_at_us=NOW_US - 3_600_000_000 - n) for n in range(count)],
            [an_outcome_record(n, verdict=1, label_basis=3) for n in range(count)],
        )
        found = place.process()(ASKED._replace(max_error=0.06, window_days=2), "ann").recommendation

    assert (CertificateStatus.CERTIFIED, count) == (found.certificate.status, found.certificate.n)


def test_what_the_rules_do_not_know_is_refused_without_a_process(place: Place) -> None:
    """A slip must not cost a second of a processor."""
    process = place.process(longest_s=0.0)
    with pytest.raises(UnknownScopeError, match="there is no policy 'center'"):
        process(ASKED._replace(policy="center"), "ann")


def test_an_error_of_the_process_comes_through(place: Place) -> None:
    """With its kind, its text and its metadata: it has its status, and says what to do."""
    (place.settings.data_dir / "last_good.json").unlink()
    with pytest.raises(StoreUnavailableError, match="the rules in force cannot be read"):
        place.process()(ASKED, "ann")
    # Rules that were published between the look here and that of the process.
    other = {"centre.yaml": CENTRE.replace("{below: $autonomy}", "{below: $handover}")}
    LastGoodFile(place.settings.data_dir).keep(LastGood(SnapshotSource(other, "centre").to_document(), "d", NOW_US))
    with pytest.raises(NotRecommendableError, match="reads 'autonomy'") as raised:
        place.process()(ASKED, "ann")
    assert {"threshold": "autonomy"} == raised.value.metadata


def test_one_that_takes_too_long_is_ended(place: Place) -> None:
    """And says what to ask instead."""
    with pytest.raises(OverloadedError, match=r"takes more than 0.05 s: ask for fewer days"):
        place.process(longest_s=0.05)(ASKED, "ann")


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited by the kernel")
def test_one_that_takes_too_much_memory_is_ended(place: Place) -> None:
    """The controller beside it goes on."""
    limit = 600 * 1024 * 1024
    place.world.add([a_message(n, 0.9, decided_at_us=now_us() - n) for n in range(10)])
    found = place.process(largest_bytes=limit)(ASKED, "ann")
    assert CertificateStatus.NO_SAFE_THRESHOLD == found.recommendation.certificate.status, "that much is enough"
    with pytest.raises((OverloadedError, RuntimeError)):
        place.process(largest_bytes=limit // 8)(ASKED, "ann")


def test_a_fault_of_the_process_is_no_answer(place: Place) -> None:
    """It ends up in the log, and nothing of it with the caller."""
    with pytest.raises(RuntimeError, match="the recommendation ended with"):
        place.process(largest_bytes=2**70)(ASKED, "ann")


def test_there_is_one_at_a_time(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each takes a processor for up to a minute."""
    monkeypatch.setattr(recommendation, "_LONGEST_WAIT_S", 0.01)
    process = place.process()
    first = threading.Thread(target=process, args=(ASKED, "ann"))
    first.start()
    refused = 0
    while first.is_alive():
        with contextlib.suppress(OverloadedError):
            process(ASKED, "bob")
            continue
        refused += 1
    first.join()
    assert refused


def test_a_controller_holds_no_statistics_before_somebody_asks() -> None:
    """They take as much memory as all the rest of it."""
    modules = "[name for name in ('numpy', 'scipy') if name in sys.modules]"
    program = f"import sys, oversight.app.controller; print({modules})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "[]\n" == done.stdout
