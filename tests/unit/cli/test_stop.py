"""`oversight stop`: on this machine, or through an admin port that answers as told."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from oversight.app.last_control import LastControl, LastControlFile
from oversight.app.local_stops import LocalStops
from oversight.engine.control import ControlState, EngagedStop
from oversight.engine.request import Stop
from oversight.v1 import threshold_service_pb2 as pb
from oversight.v1.threshold_service_pb2_grpc import ThresholdServiceServicer, add_ThresholdServiceServicer_to_server

NOBODY = "127.0.0.1:1"


class FakeStops(ThresholdServiceServicer):
    """Keeps the stops that it is told of; revision 7 is always the newest."""

    def __init__(self) -> None:
        self.address = ""
        self.engaged: list[pb.EngagedStop] = []
        self.fails_with: grpc.StatusCode | None = None

    def EngageStop(self, request, context):  # noqa: N802  # the protocol's name
        """Engage."""
        stop = pb.EngagedStop(scope=request.scope, author="anna", justification=request.justification, revision=7)
        stop.at.FromSeconds(1_800_000_000)
        self.engaged.append(stop)
        self.fail(context)
        return pb.EngageStopResponse(stop=stop)

    def ReleaseStop(self, request, context):  # noqa: N802  # the protocol's name
        """Release."""
        before = len(self.engaged)
        self.engaged = [one for one in self.engaged if one.scope != request.scope]
        if before == len(self.engaged):
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "no such stop is engaged")
        self.fail(context)
        return pb.ReleaseStopResponse(revision=8)

    def fail(self, context):
        """End a call that was carried out as it was told to."""
        if self.fails_with is not None:
            context.abort(self.fails_with, "too late")

    def ListStops(self, _request, _context):  # noqa: N802  # the protocol's name
        """List."""
        return pb.ListStopsResponse(stops=self.engaged, revision=7)


@pytest.fixture
def admin() -> Iterator[FakeStops]:
    """Yield an admin port with no stops."""
    fake = FakeStops()  # type: ignore[abstract]  # the other methods are never called
    server = grpc.server(ThreadPoolExecutor(2))
    add_ThresholdServiceServicer_to_server(fake, server)
    fake.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    yield fake
    server.stop(None)


@pytest.fixture
def folder(tmp_path):
    """A data folder that a server has used."""
    (tmp_path / "serve.lock").touch()
    return tmp_path


def test_a_stop_is_engaged_listed_and_released_through_the_admin_port(run, admin):
    """For every replica, by the name that the server knows the caller by."""
    scope = ("--department", "bank", "--intent", "refund", "--admin", admin.address)
    engaged = run("stop", "engage", *scope, "-m", "wrong answers")
    assert (0, "RECORDED  department bank and intent refund is stopped, revision 7") == (
        *(engaged.exit_code, engaged.stdout.strip()),
    )
    [listed] = json.loads(run("stop", "list", "--admin", admin.address, "--json").stdout)["stops"]
    assert {
        "state": "RECORDED",
        "department": "bank",
        "intent": "refund",
        "author": "anna",
        "at": "2027-01-15T08:00:00+00:00",
        "justification": "wrong answers",
        "revision": 7,
    } == listed
    assert "wrong answers" in run("stop", "list", "--admin", admin.address).stdout

    released = run("stop", "release", *scope, "--justification", "mended", "--yes")
    assert "RECORDED  department bank and intent refund is released, revision 8" == released.stdout.strip()
    nothing = run("stop", "list", "--admin", admin.address).stdout.strip()
    assert "no stop is engaged on record; `oversight status` tells of LOCAL ones" == nothing
    again = run("stop", "release", *scope, "-m", "mended", "--yes")
    assert (1, True) == (again.exit_code, "no such stop is engaged" in again.stderr)


def test_everything_is_stopped_where_nothing_is_named(run, admin):
    """One word in an emergency, and nobody asks back."""
    assert "everything is stopped" in run("stop", "engage", "-m", "fire", "--admin", admin.address).stdout
    assert not admin.engaged[0].HasField("scope") or not admin.engaged[0].scope.ListFields()


def test_where_no_server_answers_the_way_without_one_is_named(run):
    """Whoever presses the button must know that nothing happened, and what will work."""
    result = run("stop", "engage", "-m", "fire", "--admin", NOBODY, "--timeout", "1")

    assert 1 == result.exit_code
    assert "the stop is not engaged; `oversight stop engage --data-dir DIR` needs neither server" in result.stderr
    released = run("stop", "release", "-m", "over", "--yes", "--admin", NOBODY, "--timeout", "1")
    assert "the stop is not released" in released.stderr


@pytest.mark.parametrize("status", ["DEADLINE_EXCEEDED", "INTERNAL"])
def test_where_it_is_not_known_whether_it_is_stopped_that_is_said(run, admin, status):
    """A call without an answer may have been carried out: whoever is told that it was not looks no further."""
    admin.fails_with = grpc.StatusCode[status]
    result = run("stop", "engage", "-m", "fire", "--admin", admin.address)

    assert (1, 1) == (result.exit_code, len(admin.engaged))
    assert "not known whether the stop is engaged: engage it again (twice does no harm), and look" in result.stderr
    assert "--data-dir DIR` needs neither server nor store" in result.stderr
    assert "the stop is not engaged" not in result.stderr

    result = run("stop", "release", "-m", "over", "--yes", "--admin", admin.address)
    assert "not known whether the stop is released: the AI may act by itself again; look with" in result.stderr


def test_a_refusal_is_its_own_word(run, admin):
    """The server said that nothing happened, and why."""
    admin.fails_with = grpc.StatusCode.PERMISSION_DENIED

    assert "oversight: too late\n" == run("stop", "engage", "-m", "fire", "--admin", admin.address).stderr
    assert "not known" not in run("stop", "list", "--admin", NOBODY, "--timeout", "1").stderr


def test_a_stop_of_this_machine_needs_no_server(run, folder):
    """And says that others do not know of it yet."""
    words = ("--department", "bank", "--data-dir", folder)
    engaged = run("stop", "engage", *words, "-m", "wrong answers")
    assert 0 == engaged.exit_code
    assert "LOCAL  department bank is stopped" in engaged.stdout
    assert "no server runs here" in engaged.stdout
    assert (Stop("bank"),) == LocalStops(folder).engaged()
    [listed] = json.loads(run("stop", "list", "--data-dir", folder, "--json").stdout)["stops"]
    assert ("LOCAL", "bank", "wrong answers") == (listed["state"], listed["department"], listed["justification"])
    assert listed["author"].startswith("local:")

    assert "is released" in run("stop", "release", *words, "-m", "mended", "--yes").stdout
    assert () == LocalStops(folder).engaged()
    again = run("stop", "release", *words, "-m", "mended", "--yes")
    assert (2, True) == (again.exit_code, "released through the admin port" in again.stderr)


def test_who_lets_go_here_is_told_of_what_holds_all_the_same(run, folder):
    """Released on this machine is not released: the stop on record stands, and the AI does not act."""
    recorded = EngagedStop(Stop("bank"), "anna", 5, "complaints", 3)
    LastControlFile(folder).keep(LastControl(ControlState(3, stops=(recorded,)), 6, 5))
    words = ("--department", "bank", "--data-dir", folder)
    run("stop", "engage", *words, "-m", "wrong answers")

    released = run("stop", "release", *words, "-m", "mended", "--yes")

    assert "LOCAL  department bank is released\n" in released.stdout
    assert "on record and still engaged: department bank (by anna); released through the admin port" in released.stdout


def test_a_file_that_cannot_be_read_is_listed_and_named(run, folder):
    """It stops everything; only a person can say what it was meant for."""
    (folder / "stops").mkdir()
    (folder / "stops" / "torn.json").write_text("{")

    assert "torn.json cannot be read: it stops everything" in run("stop", "list", "--data-dir", folder).stdout
    result = run("stop", "release", "--data-dir", folder, "-m", "x", "--yes")
    assert "torn.json cannot be read and stops everything: remove it by hand" in result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("engage",), "--justification (-m) is missing"),
        (("engage", "-m", "  "), "--justification (-m) is missing"),
        (("release", "--yes"), "--justification (-m) is missing"),
        (("release", "-m", "mended"), "--yes is needed where nobody can be asked"),
        (("engage", "-m", "x" * 2_001), "--justification has 2001 characters"),
        (("engage", "-m", "x", "--department", "d" * 65), "--department has 65 characters"),
        (("engage", "-m", "x", "--intent", "i" * 129), "--intent has 129 characters"),
        (("engage", "-m", " "), "--justification (-m) is missing"),
        (("engage", "-m", "x", "--department", " "), "--department is blank: name one, or leave it out to stop every"),
        (("list", "--intent", "refund"), "--intent: `list` takes none of them; it shows every stop"),
        (("list", "--department", "bank", "-m", "x", "--yes"), "--department, --justification, --yes: `list` takes"),
        (("pause",), "'pause'"),
    ],
)
def test_what_is_missing_is_said_before_anything_happens(run, folder, words, said):
    """A stop without a reason helps nobody the day after."""
    result = run("stop", *words, "--data-dir", folder)

    assert (2, True) == (result.exit_code, said in result.stderr), result.stderr
    assert {} == LocalStops(folder).read()


@pytest.mark.parametrize("where", ["--admin", "--data-dir"])
def test_a_reason_may_have_any_bytes(run, admin, folder, where):
    """An emergency stop must not fail for a letter that a terminal sent in another encoding."""
    place = {"--admin": admin.address, "--data-dir": folder}[where]
    result = run("stop", "engage", "-m", "bad \udcff bytes", where, place)

    assert (0, "") == (result.exit_code, result.stderr)
    kept = [one.justification for one in (*admin.engaged, *LocalStops(folder).read().values())]
    assert ["bad ? bytes"] == kept


def test_a_scope_must_be_readable(run, folder):
    """It would stop nothing: no message can have such a name."""
    result = run("stop", "engage", "-m", "x", "--department", "b\udcffnk", "--data-dir", folder)

    assert (2, True) == (result.exit_code, "department: expected text in UTF-8" in result.stderr), result.stderr
    assert {} == LocalStops(folder).read()


def test_a_folder_that_no_server_uses_is_refused(run, tmp_path):
    """A mistyped folder would stop nothing."""
    result = run("stop", "engage", "-m", "fire", "--data-dir", tmp_path / "typo")

    assert (2, True) == (result.exit_code, "no server has its data in" in result.stderr)
