"""What other programs print, read: a line that is not understood must never become a figure."""

from __future__ import annotations

from typing import Any

import pytest

from bench.alone import read_drain, read_gain
from bench.figures import NotMeasuredError
from bench.h2load import Load, frame, read_load
from bench.open_loop import Latency, read_latency

H2LOAD = """\
starting benchmark...
finished in 1.95s, 2052.31 req/s, 512.00KB/s
requests: {total} total, {total} started, {total} done, {good} succeeded, {failed} failed, {failed} errored, 0 timeout
status codes: {good} 2xx, 0 3xx, 0 4xx, 0 5xx
"""


def log_of(times_us: range) -> list[str]:
    """Return h2load's log: start, status, microseconds."""
    return [f"1700000000000000\t200\t{time_us}" for time_us in times_us]


def test_a_message_is_framed_as_grpc_frames_it() -> None:
    """A wrong length would be answered with HTTP 200 and an error that h2load does not see."""
    assert b"\0\0\0\1\0" + b"x" * 256 == frame(b"x" * 256)


def test_rate_and_percentiles_are_read_from_h2load() -> None:
    """Its summary has no percentiles; its log has every request."""
    output = H2LOAD.format(total=1000, good=1000, failed=0)
    assert Load(1000, 2052.31, 0.5, 0.99, 0.999) == read_load(output, log_of(range(999, -1, -1)))


@pytest.mark.parametrize(
    ("output", "lines"),
    [
        (H2LOAD.format(total=1000, good=990, failed=10), 1000),
        (H2LOAD.format(total=1000, good=1000, failed=0), 999),
        ("h2load: connection refused", 0),
    ],
)
def test_a_run_with_calls_that_failed_is_no_figure(output: str, lines: int) -> None:
    """Refusing is faster than deciding."""
    with pytest.raises(NotMeasuredError, match="h2load"):
        read_load(output, log_of(range(lines)))


def summary(*, ok: bool, problems: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return as much of `oversight load --json` as is read."""
    latency = {"all": {"p50": 0.5, "p99": 2.0, "p99_9": 9.0}}
    return {"ok": ok, "problems": problems, "steps": [{"latency": latency}]}


def test_latencies_are_those_of_all_calls() -> None:
    """A call that timed out took as long as it did."""
    assert Latency(0.5, 2.0, 9.0) == read_latency(summary(ok=True))


def test_a_load_that_was_not_kept_is_no_figure() -> None:
    """Latency under another load than the one that was asked for answers another question."""
    with pytest.raises(NotMeasuredError, match="12 calls failed"):
        read_latency(summary(ok=False, problems=("12 calls failed",)))


def test_the_gain_of_coalescing_is_read() -> None:
    """The figure is that program's; only its rounds are ours."""
    table = "64 threads   alone   1,000  1..2   6.00\n         coalesced   2,130  1..2   3.00   2.13 x\n"
    assert 2.13 == read_gain(table)


def test_the_rate_of_the_drain_is_that_of_its_whole_run() -> None:
    """The first tenth runs into an empty database and is faster."""
    output = "    50,000      61.8      16,191\nall: 58.7 us of CPU a record, 4,000 records/s of CPU; 62% the store\n"

    assert 4000 == read_drain(output)


@pytest.mark.parametrize("read", [read_gain, read_drain])
def test_output_that_is_not_understood_is_no_figure(read: Any) -> None:
    """A program that changes its words must be noticed."""
    with pytest.raises(NotMeasuredError, match="printed"):
        read("done\n")
