"""Deciding the messages of a file, many at a time, and recording what became of them."""

from __future__ import annotations

import re
import time
import uuid
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from oversight.cli.mapping import ColumnMap, Message
from oversight.cli.rows import BrokenRow, Row
from oversight.errors import InvalidRequestError
from oversight_client import Client, convert
from oversight_client.errors import (
    CallCancelledError,
    CallError,
    DeadlineExceededError,
    OverloadedError,
    UnavailableError,
)
from oversight_client.failures import error_of_status
from oversight_client.values import Decision, ItemError

__all__ = ["Played", "Player"]

_Reply = TypeVar("_Reply")
_Fields = dict[str, Any]

_WORTH_TRYING_AGAIN = (UnavailableError, CallCancelledError, DeadlineExceededError, OverloadedError)
_PAUSES_S = (0.2, 1.0)
"""Waits before the second and the third attempt; each attempt already retries within its own timeout."""

_PLACE_IN_CALL = re.compile(r"^outcomes\[\d+\]")


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

    A call has up to *batch* rows (1 to 500). At most *concurrency* calls are at the server and the rows of as many
    again wait, whatever the size of the file. A call that the server could not answer is tried three times. *sleep* is
    for tests.
    """

    def __init__(
        self,
        client: Client,
        columns: ColumnMap,
        *,
        concurrency: int,
        batch: int,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._columns = columns
        self._concurrency = concurrency
        self._batch = batch
        self._sleep = sleep

    def play(self, rows: Iterable[Row | BrokenRow]) -> Generator[Played]:
        """
        Yield what came of each of *rows*, in their order.

        The first row that can be read is played alone, once, and raises the CallError of a server that does not answer:
        whoever forgot to start one need not wait for every thread to find out.
        """
        remaining = iter(rows)
        for row in remaining:
            [played] = self._play([row], pauses_s=())
            if played.unanswered:
                raise played.unanswered
            yield played
            if not isinstance(row, BrokenRow):
                break
        under_way: deque[Future[list[Played]]] = deque()
        with ThreadPoolExecutor(self._concurrency) as pool:
            try:
                while part := list(islice(remaining, self._batch)):
                    under_way.append(pool.submit(self._play, part))
                    if len(under_way) >= 2 * self._concurrency:
                        yield from under_way.popleft().result()
                while under_way:
                    yield from under_way.popleft().result()
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _play(self, rows: Sequence[Row | BrokenRow], pauses_s: tuple[float, ...] = _PAUSES_S) -> list[Played]:
        played = [self._read(row) for row in rows]
        # The ids are made here and not by the client, so that every attempt is the same requests.
        requests = [{"request_id": uuid.uuid4().hex} | one.message.request for one in played if one.message]
        answers = iter(self._ask(self._client.decide_many, convert.decide_request, requests, pauses_s))
        played = [_decided(one.message, next(answers)) if one.message else one for one in played]

        outcomes = [_outcome(one) for one in played]
        known = [outcome for outcome in outcomes if outcome]
        recorded = iter(self._ask(self._client.record_outcomes, convert.outcome_from_fields, known, pauses_s))
        return [
            _recorded(one, next(recorded)) if outcome else one for one, outcome in zip(played, outcomes, strict=True)
        ]

    def _read(self, row: Row | BrokenRow) -> Played:
        if isinstance(row, BrokenRow):
            return Played(row.line, problem=row.problem)
        try:
            return Played(row.line, self._columns.read(row))
        except InvalidRequestError as error:
            return Played(row.line, problem=str(error))

    def _ask(
        self,
        send: Callable[[Any], Sequence[_Reply | ItemError]],
        check: Callable[[_Fields], object],
        items: list[_Fields],
        pauses_s: tuple[float, ...],
    ) -> list[_Reply | Exception]:
        """Return the server's answer to each of *items*, or why there is none; *check* raises for one not sendable."""
        try:
            answers = self._call(lambda: send(items), pauses_s)
        except CallError as error:
            if len(items) > 1 and not isinstance(error, _WORTH_TRYING_AGAIN):
                # What is wrong may be one item, which must not cost the others theirs.
                return [answer for item in items for answer in self._ask(send, check, [item], pauses_s)]
            return [error] * len(items)
        except (TypeError, ValueError):
            faults = [_fault(check, item) for item in items]
            sendable = [item for item, fault in zip(items, faults, strict=True) if fault is None]
            if len(sendable) == len(items):
                raise
            rest = iter(self._ask(send, check, sendable, pauses_s))
            return [fault or next(rest) for fault in faults]
        return [_error_of(answer) if isinstance(answer, ItemError) else answer for answer in answers]

    def _call(self, call: Callable[[], _Reply], pauses_s: tuple[float, ...]) -> _Reply:
        for pause_s in pauses_s:
            try:
                return call()
            except _WORTH_TRYING_AGAIN:
                self._sleep(pause_s)
        return call()


def _fault(check: Callable[[_Fields], object], item: _Fields) -> Exception | None:
    try:
        check(item)
    except (TypeError, ValueError) as error:
        return error
    return None


def _error_of(item: ItemError) -> CallError:
    # The place in the call says nothing to whoever looks for a line of the file.
    text = _PLACE_IN_CALL.sub("outcome", item.message)
    return error_of_status(item.code, text, reason=item.reason, metadata=item.metadata)


def _decided(message: Message, answer: Decision | Exception) -> Played:
    if isinstance(answer, Decision):
        return Played(message.line, message, answer)
    if not isinstance(answer, CallError):
        return Played(message.line, problem=str(answer))
    unanswered = answer if isinstance(answer, _WORTH_TRYING_AGAIN) else None
    return Played(message.line, problem=f"not decided: {answer}", unanswered=unanswered)


def _outcome(played: Played) -> _Fields:
    """Return the outcome to record; empty where there is none."""
    decision = played.decision
    # A decision that is not on record has nothing that an outcome could be about.
    if not (played.message and played.message.outcome and decision and decision.recorded):
        return {}
    # Made from the decision's id: a second replay reports the same again, which is nothing new.
    derived = {"outcome_id": f"replay/{decision.decision_id}"}
    return derived | played.message.outcome | {"decision_id": decision.decision_id}


def _recorded(played: Played, answer: str | Exception) -> Played:
    if isinstance(answer, str):
        return played
    problem = f"decided, but its outcome is not recorded: {answer}"
    return Played(played.line, played.message, played.decision, problem)
