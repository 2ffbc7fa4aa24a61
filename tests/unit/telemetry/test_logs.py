"""Log lines, which machines parse and people read at night."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from oversight.telemetry.logs import configure_logs

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN_ID = "00f067aa0ba902b7"


class Terminal(io.StringIO):
    """A stream that people look at."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@pytest.fixture(autouse=True)
def _restored_logging() -> Iterator[None]:
    """Give logging back as it was: it belongs to the whole process."""
    root, own = logging.getLogger(), logging.getLogger("oversight")
    handlers, levels, raising = tuple(root.handlers), (root.level, own.level), logging.raiseExceptions
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    own.setLevel(levels[1])
    logging.raiseExceptions = raising


def lines_of(stream: io.StringIO) -> list[dict[str, object]]:
    """Return what was written as JSON objects."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_json_line_says_when_who_and_what() -> None:
    """Whoever searches logs filters by these."""
    stream = io.StringIO()
    configure_logs("worker-0", level="info", form="json", stream=stream)

    logging.getLogger("oversight.app").info("policy %s is in force", "abc", extra={"commit": "f00"})

    (line,) = lines_of(stream)
    assert str(line.pop("time")).endswith("Z")
    assert isinstance(line.pop("pid"), int)
    assert {
        "level": "info",
        "process": "worker-0",
        "logger": "oversight.app",
        "message": "policy abc is in force",
        "commit": "f00",
    } == line


def test_a_line_within_a_trace_has_its_id() -> None:
    """From a trace to the log of the call it shows."""
    stream = io.StringIO()
    configure_logs("worker-0", level="info", form="json", stream=stream)
    context = SpanContext(int(TRACE_ID, 16), int(SPAN_ID, 16), is_remote=True, trace_flags=TraceFlags(1))

    with trace.use_span(NonRecordingSpan(context)):
        logging.getLogger("oversight").warning("inside")
    logging.getLogger("oversight").warning("outside")

    inside, outside = lines_of(stream)
    assert (TRACE_ID, SPAN_ID) == (inside["trace_id"], inside["span_id"])
    assert "trace_id" not in outside


def test_an_exception_is_in_its_line() -> None:
    """A traceback over many lines would be many log records."""
    stream = io.StringIO()
    configure_logs("controller", level="info", form="json", stream=stream)

    try:
        raise ValueError("unlucky")
    except ValueError:
        logging.getLogger("oversight").exception("the drain failed")

    (line,) = lines_of(stream)
    assert "the drain failed" == line["message"]
    assert "ValueError: unlucky" in str(line["traceback"])


@pytest.mark.parametrize(
    ("form", "stream", "is_json"),
    [
        ("auto", io.StringIO(), True),
        ("auto", Terminal(), False),
        ("text", io.StringIO(), False),
        ("json", Terminal(), True),
    ],
)
def test_the_form_is_the_one_set(form: str, stream: io.StringIO, is_json: bool) -> None:
    """`auto` is text for people and JSON for machines."""
    configure_logs("worker-0", level="info", form=form, stream=stream)

    logging.getLogger("oversight").info("hello")

    assert is_json == stream.getvalue().startswith("{")
    assert "hello" in stream.getvalue()


def test_a_text_line_has_extra_fields_and_the_traceback() -> None:
    """People get the same facts as machines."""
    stream = Terminal()
    configure_logs("worker-1", level="info", form="auto", stream=stream)

    try:
        raise ValueError("unlucky")
    except ValueError:
        logging.getLogger("oversight").exception("went wrong", extra={"commit": "f00"})

    assert " error   worker-1: went wrong commit=f00\nTraceback" in stream.getvalue()


def test_only_lines_of_the_level_set_are_shown_and_libraries_speak_from_warning_up() -> None:
    """`debug` must not bring the noise of every library."""
    stream = io.StringIO()
    configure_logs("worker-0", level="debug", form="json", stream=stream)

    logging.getLogger("oversight.journal").debug("shown")
    logging.getLogger("some.library").info("not shown")
    logging.getLogger("some.library").warning("shown too")

    assert ["shown", "shown too"] == [line["message"] for line in lines_of(stream)]


def test_configuring_again_replaces_the_former_form() -> None:
    """Every line would come twice otherwise."""
    first, second = io.StringIO(), io.StringIO()
    configure_logs("worker-0", level="info", form="json", stream=first)
    configure_logs("worker-0", level="error", form="json", stream=second)

    logging.getLogger("oversight").info("too quiet now")
    logging.getLogger("oversight").error("once")

    assert "" == first.getvalue()
    assert ["once"] == [line["message"] for line in lines_of(second)]
