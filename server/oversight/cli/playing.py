"""Deciding the messages of a file, several at a time, and recording what became of them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from oversight.cli.mapping import ColumnMap, Message
from oversight.cli.rows import BrokenRow, Row
from oversight.errors import InvalidRequestError
from oversight_client import Client
from oversight_client.errors import (
    CallCancelledError,
    CallError,
    DeadlineExceededError,
    OverloadedError,
    UnavailableError,
)
from oversight_client.values import Decision

__all__ = ["Played", "Player"]

_Reply = TypeVar("_Reply")

_WORTH_TRYING_AGAIN = (UnavailableError, CallCancelledError, DeadlineExceededError, OverloadedError)
_PAUSES_S = (0.2, 1.0)
"""Waits before the second and the third attempt; each attempt already retries within its own timeout."""


@dataclass(frozen=True, slots=True)
class Played:
    """
    What came of one row.

    `decision` is None where the row was not decided; `problem` says what went wrong, empty where nothing did. Both are
    there where only the outcome failed. `unanswered` is the error of a server that could not be asked.
    """

    line: int
    message: Message | None = None
    decision: Decision | None = None
    problem: str = ""
    unanswered: CallError | None = None


class Player:
    """
    Plays rows against *client*: decides each, then records its outcome where the row has one.

    At most *concurrency* rows are at the server and as many again wait, whatever the size of the file. A call that the
    server could not answer is tried three times. *sleep* is for tests.
    """

    def __init__(
        self, client: Client, columns: ColumnMap, *, concurrency: int, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._client = client
        self._columns = columns
        self._concurrency = concurrency
        self._sleep = sleep

    def play(self, rows: Iterable[Row | BrokenRow]) -> Generator[Played]:
        """
        Yield what came of each of *rows*, in the order they are done.

        The first row that can be read is played alone, once, and raises the CallError of a server that does not answer:
        whoever forgot to start one need not wait for every thread to find out.
        """
        remaining = iter(rows)
        for row in remaining:
            played = self._play(row, pauses_s=())
            if played.unanswered:
                raise played.unanswered
            yield played
            if not isinstance(row, BrokenRow):
                break
        with ThreadPoolExecutor(self._concurrency) as pool:
            under_way = {pool.submit(self._play, row) for row in islice(remaining, 2 * self._concurrency)}
            try:
                while under_way:
                    done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                    yield from map(Future.result, done)
                    under_way |= {pool.submit(self._play, row) for row in islice(remaining, len(done))}
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _play(self, row: Row | BrokenRow, pauses_s: tuple[float, ...] = _PAUSES_S) -> Played:
        if isinstance(row, BrokenRow):
            return Played(row.line, problem=row.problem)
        try:
            message = self._columns.read(row)
            # The id is made here and not by the client, so that every attempt is the same request.
            request = {"request_id": uuid.uuid4().hex} | message.request
            decision = self._call(lambda: self._client.decide(**request), pauses_s)  # type: ignore[arg-type]  # checked by name
        except (InvalidRequestError, TypeError, ValueError) as error:
            return Played(row.line, problem=str(error))
        except CallError as error:
            unanswered = error if isinstance(error, _WORTH_TRYING_AGAIN) else None
            return Played(row.line, problem=f"not decided: {error}", unanswered=unanswered)
        return Played(row.line, message, decision, self._record(message, decision, pauses_s))

    def _record(self, message: Message, decision: Decision, pauses_s: tuple[float, ...]) -> str:
        """Record the outcome of *message*, if it has one, and return what went wrong."""
        # A decision that is not on record has nothing that an outcome could be about.
        if not message.outcome or not decision.recorded:
            return ""
        # Made from the decision's id: a second replay reports the same again, which is nothing new.
        derived = {"outcome_id": f"replay/{decision.decision_id}"}
        outcome = derived | message.outcome | {"decision_id": decision.decision_id}
        try:
            self._call(lambda: self._client.record_outcome(**outcome), pauses_s)  # type: ignore[arg-type]  # checked by name
        except (CallError, TypeError, ValueError) as error:
            return f"decided, but its outcome is not recorded: {error}"
        return ""

    def _call(self, call: Callable[[], _Reply], pauses_s: tuple[float, ...]) -> _Reply:
        for pause_s in pauses_s:
            try:
                return call()
            except _WORTH_TRYING_AGAIN:
                self._sleep(pause_s)
        return call()
