"""What is wrong with a run, and what its reader should know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from oversight.cli.load_generator.closed_loop import Pace
from oversight.cli.load_generator.measurement import Measurement
from oversight.cli.load_generator.rates import Rates
from oversight.cli.load_generator.shares import Plan
from oversight.cli.load_generator.transport import OK
from oversight_client.enums import Evaluation

__all__ = ["find_notes", "find_pace_notes", "find_pace_problems", "find_problems"]

_BUSY = 0.9
_LONGEST_WORDS = 200


def find_pace_problems(pace: Pace | None) -> Iterator[str]:
    """Yield what is wrong with the search for the saturation rate, if there was one."""
    if pace is not None and pace.failed:
        yield f"saturation: {pace.failed.total():,} calls of the closed loop failed: {_counts(pace.failed)}"


def find_pace_notes(pace: Pace | None) -> Iterator[str]:
    """Yield what a reader should know of the saturation rate, if it was looked for."""
    if pace is not None and pace.generator_cpu >= _BUSY:
        yield (
            f"saturation: the generator used {pace.generator_cpu * 100:.0f} % of a CPU, so the server may answer more "
            f"than {pace.answered_per_s:,.0f} calls/s; --processes 2 would tell"
        )


def find_problems(plan: Plan, rate_per_s: float, measured: Measurement) -> Iterator[str]:
    """Yield what makes the step at *rate_per_s* no good measurement, or its answers no good ones, a line each."""
    for problem in _of_the_generator(plan, measured):
        yield f"{rate_per_s:,.6g} calls/s: {problem}"
    for problem in _of_the_answers(measured):
        yield f"{rate_per_s:,.6g} calls/s: {problem}"


def find_notes(plan: Plan, rate_per_s: float, measured: Measurement) -> Iterator[str]:
    """Yield what its reader should know of the step at *rate_per_s*, a line each."""
    if measured.warmup_failed:
        failed = f"{measured.warmup_failed.total():,} calls of the warm-up failed"
        yield f"{rate_per_s:,.6g} calls/s: {failed}: {_counts(measured.warmup_failed)}"
    if measured.generator_cpu >= _BUSY and Rates.of(plan, measured).kept:
        yield (
            f"{rate_per_s:,.6g} calls/s: the generator used {measured.generator_cpu * 100:.0f} % of a CPU: answers may "
            "have waited for it, which counts as latency; --processes 2 would tell"
        )
    late_ns, latency_ns = measured.lag_ns.percentile(99), measured.all_latency_ns().percentile(99)
    if late_ns and latency_ns and late_ns > latency_ns / 2 and Rates.of(plan, measured).kept:
        yield (
            f"{rate_per_s:,.6g} calls/s: one call in a hundred was sent more than {late_ns / 1e6:,.3g} ms late: more "
            "than half of the p99 may be the generator's own"
        )


def _of_the_generator(plan: Plan, measured: Measurement) -> Iterator[str]:
    rates = Rates.of(plan, measured)
    if measured.stopped_s is not None:
        yield f"stopped after {max(0.0, measured.stopped_s):.1f} s of {plan.duration_s:g} s"
    if not measured.sent + measured.skipped:
        yield "no call was due: give a higher --rate or a longer --duration"
    elif not rates.kept:
        lost = f", and {measured.skipped:,} calls were never sent" if measured.skipped else ""
        share = rates.sent_per_s / rates.due_per_s
        yield (
            f"THE RATE WAS NOT KEPT: {rates.sent_per_s:,.0f} calls/s were sent, {share * 100:.1f} % of those "
            f"due{lost}. {_cause(plan, measured)}"
        )


def _cause(plan: Plan, measured: Measurement) -> str:
    if measured.waited:
        return (
            f"{measured.waited:,} calls had to wait because {plan.max_in_flight:,} were under way (--max-in-flight): "
            "they are answered more slowly than they come"
        )
    if measured.generator_cpu >= _BUSY:
        return f"The generator used {measured.generator_cpu * 100:.0f} % of a CPU: give it more with --processes"
    return (
        f"The generator used only {measured.generator_cpu * 100:.0f} % of a CPU: something else keeps it from running"
    )


def _of_the_answers(measured: Measurement) -> Iterator[str]:
    for status, latency_ns in sorted(measured.latency_ns.items()):
        if status != OK:
            words = measured.words.get(status, "")[:_LONGEST_WORDS]
            yield f"{latency_ns.count:,} calls failed with {status}" + (f": {words}" if words else "")
    if measured.item_errors:
        yield f"{measured.item_errors.total():,} messages of batches were not decided: {_counts(measured.item_errors)}"
    if measured.wrong:
        yield f"{measured.wrong:,} replies make no sense: unreadable, or about another request"
    if measured.unrecorded:
        yield f"{measured.unrecorded:,} decisions are not on record"
    if errors := measured.evaluations[Evaluation.ERROR.number]:
        yield f"{errors:,} decisions have the evaluation ERROR"


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.most_common())
