"""Log lines: one line an event, as text for people or as JSON for machines, with the trace id where there is one."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

from opentelemetry import trace

__all__ = ["configure_logs"]

_OWN_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""What every record has; anything else came by `extra` and belongs to the line."""


class _Line(logging.Formatter):
    """What both forms share: time, process and trace of a record."""

    def __init__(self, role: str) -> None:
        super().__init__()
        self._role = role

    @staticmethod
    def _time(record: logging.LogRecord) -> str:
        return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    @staticmethod
    def _extra(record: logging.LogRecord) -> dict[str, object]:
        fields = {name: value for name, value in vars(record).items() if name not in _OWN_FIELDS}
        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            fields.setdefault("trace_id", trace.format_trace_id(span.trace_id))
            fields.setdefault("span_id", trace.format_span_id(span.span_id))
        return fields

    def _traceback(self, record: logging.LogRecord) -> str:
        return self.formatException(record.exc_info) if record.exc_info else ""


class _JsonLine(_Line):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": self._time(record),
            "level": record.levelname.lower(),
            "process": self._role,
            "pid": record.process,
            "logger": record.name,
            "message": record.getMessage(),
            **self._extra(record),
        }
        if traceback := self._traceback(record):
            line["traceback"] = traceback
        return json.dumps(line, default=str, ensure_ascii=False)


class _TextLine(_Line):
    def format(self, record: logging.LogRecord) -> str:
        fields = "".join(f" {name}={value}" for name, value in self._extra(record).items())
        traceback = self._traceback(record)
        text = f"{self._time(record)} {record.levelname.lower():7} {self._role}: {record.getMessage()}{fields}"
        return f"{text}\n{traceback}" if traceback else text


def configure_logs(role: str, *, level: str, form: str, stream: TextIO | None = None) -> None:
    """
    Send the log lines of this process to *stream* (standard error).

    *role* names the process (`supervisor`, `controller`, `worker-0`). *level* and *form* are the settings `log_level`
    and `log_format`; with `auto` lines are text on a terminal and JSON elsewhere. Libraries speak from `warning` up.
    """
    target = sys.stderr if stream is None else stream
    as_json = form == "json" or (form == "auto" and not target.isatty())
    handler = logging.StreamHandler(target)
    handler.setFormatter(_JsonLine(role) if as_json else _TextLine(role))
    root = logging.getLogger()
    for former in tuple(root.handlers):
        root.removeHandler(former)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("oversight").setLevel(level.upper())
    # A broken pipe of the log must not print a traceback for each line, and never ends a call.
    logging.raiseExceptions = False
