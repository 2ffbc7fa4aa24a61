"""What a process asks of the kernel, in order, as strace(1) sees it."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from servers import wait_until

_TRACED = "fdatasync,fsync,sendmsg,sendto,write"
_LINE = re.compile(r"(?P<thread>\d+) +(?:<\.\.\. (?P<resumed>\w+) resumed>|(?P<name>\w+)\()(?P<rest>.*)")
_FILE = re.compile(r"\d+<(?P<path>[^>]*)>")
_ENDED = re.compile(r"= (?P<result>-?\d+)[^=]*$")


class SystemCall(NamedTuple):
    """
    One call: from where to where in the order of events it lasted, what of (a path, else empty), and its arguments.

    `result` is negative where it failed.
    """

    name: str
    path: str
    arguments: str
    began: int
    ended: int
    result: int


def read_calls(trace: str) -> list[SystemCall]:
    """Return the calls in what strace wrote; those that had not ended are left out."""
    calls: list[SystemCall] = []
    open_calls: dict[str, tuple[str, str, int]] = {}
    for number, line in enumerate(trace.splitlines()):
        found = _LINE.match(line)
        if found is None:
            continue
        thread, rest = found["thread"], found["rest"]
        name, arguments, began = open_calls.pop(thread) if found["resumed"] else (found["name"], rest, number)
        ended = _ENDED.search(rest)
        if ended is None:
            open_calls[thread] = name, arguments, began
            continue
        file = _FILE.match(arguments)
        calls.append(SystemCall(name, file["path"] if file else "", arguments, began, number, int(ended["result"])))
    return calls


def was_synced_before_it_left(calls: list[SystemCall], decision_id: str) -> bool:
    """
    Return whether the reply with *decision_id* left after a sync of its record.

    That sync has to begin after the record was written, and end well before the reply's first byte is sent.
    """
    records = [call for call in calls if call.path.endswith(".journal") and decision_id in call.arguments]
    replies = [call for call in calls if call.name.startswith("send") and decision_id in call.arguments]
    assert records, f"the trace has no record of {decision_id}"
    assert replies, f"the trace has no reply of {decision_id}"
    record, left = records[0], min(call.began for call in replies)
    # Whether a sync that began earlier has the record, nobody can tell.
    syncs = [
        call for call in calls if call.name == "fdatasync" and call.path == record.path and call.began > record.ended
    ]
    return any(call.result == 0 and call.ended < left for call in syncs)


@contextmanager
def traced(pid: int, folder: Path) -> Iterator[Callable[[], list[SystemCall]]]:
    """Trace process *pid*; yield what ends that and returns the calls. The test is skipped where nobody may trace."""
    if not shutil.which("strace"):
        pytest.skip("strace is missing; unit/journal/test_group_commit.py and rpc/test_synced.py observe file layers")
    file, words = folder / "strace.out", folder / "strace.err"
    command = ["strace", "-f", "-y", "-s", "65536", "-e", f"trace={_TRACED}", "-o", str(file), "-p", str(pid)]
    with words.open("wb") as said:
        process = subprocess.Popen(command, stderr=said, stdin=subprocess.DEVNULL)

    def finish() -> list[SystemCall]:
        process.send_signal(signal.SIGINT)
        process.wait(30)
        return read_calls(file.read_text(errors="replace"))

    try:
        wait_until(lambda: process.poll() is not None or "attached" in words.read_text(), "strace to be there")
        if process.poll() is not None:
            pytest.skip(f"strace may not trace here: {words.read_text().strip()}")
        yield finish
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(30)
