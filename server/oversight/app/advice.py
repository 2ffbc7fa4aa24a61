"""What to do about what `oversight status` finds wrong: the first thing to try, in a sentence each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from oversight.app.reports import ControllerReport, KeeperReport, SupervisorReport, WorkerReport

__all__ = ["advise"]


def advise(
    supervisor: SupervisorReport | None,
    controller: ControllerReport | None,
    keeper: KeeperReport | None,
    workers: Sequence[WorkerReport],
    *,
    silent: Sequence[str],
    agreed: bool,
    torn: bool = False,
) -> tuple[str, ...]:
    """
    Return what to do; empty where all is well.

    *silent* are processes that do not run or say nothing; *torn*: a file of a stop cannot be read.
    """
    found = tuple(_sentences(supervisor, controller, keeper, workers, silent, agreed=agreed))
    about_stops = "the stop that cannot be read: find out what it was for, engage that stop again, and remove the file"
    return (*found, about_stops) if torn else found


def _sentences(
    supervisor: SupervisorReport | None,
    controller: ControllerReport | None,
    keeper: KeeperReport | None,
    workers: Sequence[WorkerReport],
    silent: Sequence[str],
    *,
    agreed: bool,
) -> Iterator[str]:
    if "supervisor" in silent:
        yield "the supervisor: start the server again with `oversight serve`; what is in the journals is drained then"
    elif silent:
        yield f"{', '.join(silent)}: a process that died is started anew within seconds; if this stays, see the log"
    elif supervisor and len(workers) < supervisor.workers:
        yield "the workers: a start takes some seconds; if this stays, the log says why one does not come up"
    if supervisor and supervisor.rolling_problem:
        yield "the rolling restart: mend its cause and send SIGHUP to the supervisor again; the older processes serve"
    if controller:
        yield from _about_changes(controller)
    if keeper:
        yield from _about_records(keeper)
    if (controller and controller.failing) or (keeper and keeper.failing):
        yield "what fails: decisions go on; the log has the whole error; report it as a defect, and try a restart"
    if not agreed:
        yield "the workers: they agree within a second after a change; if this stays, send SIGHUP to the supervisor"
    if any(worker.problem for worker in workers):
        yield "the workers: mend the cause they name; until then decisions are made more careful, or refused"
    if any(worker.records_lost for worker in workers):
        yield "lost records: free the disk or raise journal_max_bytes; each such reply said that it is not recorded"


def _about_changes(controller: ControllerReport) -> Iterator[str]:
    """Yield what to do where changes do not come into force as they were meant."""
    if controller.problems:
        yield "the rule files: correct what stands below (`oversight check` shows it too), or go back a commit"
    if controller.broken_constraints:
        yield "the live values: set ones that go with the rules, or `file`; of those in a constraint the stricter hold"
    if controller.admin_problem:
        yield "the admin port: end whoever has its address, or restart the server with another --admin-listen"
    if controller.control_problem:
        yield "thresholds, stops: mend what is named; what must stop now, `oversight stop engage --data-dir` stops here"


def _about_records(keeper: KeeperReport) -> Iterator[str]:
    """Yield what to do where records do not reach the store, or teach nothing there."""
    if keeper.store_problem:
        yield "the store: nothing is lost, records wait in the journals; mend it, and watch the room on the disk"
        return
    if keeper.feedback_problem:
        yield "error rates and labelled_outcomes: they stay what they are; mend the store, and all is counted later"
    if keeper.warnings_problem:
        yield "the warning signs: nobody knows how they stand; mend what is named, and they are tested by themselves"
