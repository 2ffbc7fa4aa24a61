"""`oversight warnings`: the signs that oversight is breaking down, worst first, with what to do."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.live import Live
from rich.text import Text

from oversight.cli.connection import open_admin, send
from oversight.cli.failures import CommandError
from oversight.cli.fields import Field
from oversight.cli.insight_options import ToPage, check_page, filters_of
from oversight.cli.insight_page.findings import Findings, Question
from oversight.cli.insight_page.page import write_page
from oversight.cli.options import Admin, AsJson, Insecure, TimeoutS, takes_fields
from oversight.cli.output import console, print_json
from oversight.cli.warning_words import describe_warnings, must_act
from oversight.errors import UsageError
from oversight_client import WarningReport, WarningSign, value_to_dict

__all__ = ["run"]

_WATCH_S = 10.0
_SHORTEST_S = 0.1
_LONGEST_S = 86_400.0
_FILTERS = (
    Field("sign", "choice", "those of this sign", tuple(sign.value.lower() for sign in WarningSign), "warning_sign_"),
    Field("tenant", "text", "those of this tenant"),
    Field("department", "text", "those of this department"),
)


@takes_fields(_FILTERS)
def run(
    given: Mapping[str, object],
    every_s: Annotated[
        float | None,
        typer.Argument(metavar="SECONDS", help="With --watch: time between two looks; 10.", show_default=False),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Look again and again, until Ctrl-C.")] = False,
    looks: Annotated[int, typer.Option(min=0, metavar="N", help="With --watch: end after N looks; 0: never.")] = 0,
    everything: Annotated[bool, typer.Option("--all", help="Also signs that are OK or have too little data.")] = False,
    html: ToPage = None,
    admin: Admin = "127.0.0.1:50052",
    timeout_s: TimeoutS = 5.0,
    insecure: Insecure = False,
    as_json: AsJson = False,
) -> None:
    """
    Show how the five warning signs stand, worst first, and what to do.

    They are tested once a day. Exit code 1 where a CRITICAL stands, where the last test failed, and where it is older
    than two days; with --watch as of the last look. With --watch --json each look is one line.
    """
    _check(every_s, looks, html, watch=watch)
    check_page(html)
    filters = {**filters_of(given), "all": everything}

    def look() -> WarningReport:
        with open_admin(admin, timeout_s, insecure=insecure) as client:
            return send(client.list_warnings, filters)

    if watch:
        act = _Watch(look, every_s or _WATCH_S, looks).run(as_json=as_json)
        raise typer.Exit(1 if act else 0)
    found, now = look(), datetime.now(UTC)
    if html:
        write_page(html, Findings(Question(given, now), warnings=found))
    if as_json:
        print_json(value_to_dict(found))
    else:
        console().print(describe_warnings(found, now))
    raise typer.Exit(1 if must_act(found, now) else 0)


class _Watch:
    """Looks again and again; a look that fails is shown, and the next one is taken all the same."""

    def __init__(self, look: Callable[[], WarningReport], every_s: float, looks: int) -> None:
        self._look = look
        self._every_s = every_s
        self._left = looks or -1
        self._act = True

    def run(self, *, as_json: bool) -> bool:
        """Look until told to stop; return whether somebody must act as of the last look."""
        screen = console()
        try:
            if as_json:
                self._repeat(lambda shown, _: sys.stdout.write(json.dumps(shown) + "\n"))
            elif screen.is_terminal:
                with Live(console=screen, auto_refresh=False, vertical_overflow="visible") as live:
                    self._repeat(lambda _, shown: live.update(shown, refresh=True))
            else:
                self._repeat(lambda _, shown: screen.print(shown))
        except KeyboardInterrupt:
            pass
        return self._act

    def _repeat(self, show: Callable[[Mapping[str, object], RenderableType], object]) -> None:
        while True:
            now = datetime.now(UTC)
            try:
                found = self._look()
            except CommandError as error:
                self._act = True
                told = {"error": {"reason": error.failure.reason, "message": error.failure.message}}
                show(told, Text(f"{now:%H:%M:%S} UTC  {error.failure.message}", style="red"))
            else:
                self._act = must_act(found, now)
                show(value_to_dict(found), describe_warnings(found, now))
            sys.stdout.flush()
            self._left -= 1
            if not self._left:
                return
            time.sleep(self._every_s)


def _check(every_s: float | None, looks: int, html: Path | None, *, watch: bool) -> None:
    if not watch and (every_s is not None or looks):
        raise UsageError("SECONDS and --looks are about looking again: give --watch too")
    if watch and html:
        raise UsageError("--watch and --html: expected one of them; a page is of one moment")
    if every_s is not None and not _SHORTEST_S <= every_s <= _LONGEST_S:
        raise UsageError(f"--watch {every_s:g}: expected {_SHORTEST_S:g} to {_LONGEST_S:g} seconds")
