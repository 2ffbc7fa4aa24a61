"""Requests ready to send, each with an id that was never used before, so that nothing at the server can be reused."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random
from typing import NamedTuple

from oversight.cli.load_generator.mix import draw_messages
from oversight.cli.mapping import ColumnMap
from oversight.cli.rows import BrokenRow, Rows
from oversight.errors import InvalidRequestError, UsageError
from oversight_client.payloads import Template, batch_payload

__all__ = ["MAX_MESSAGES", "Request", "Salt", "make_requests", "read_messages"]

MAX_MESSAGES = 50_000
"""Most messages of a file that are sent, again and again; more would only take memory."""

_DRAWN = 4_096
"""Messages drawn from the built-in mix before a run: drawing takes 25 µs, too long to do for each call."""
_JITTER = 0.02
"""By how much a drawn message's numbers are moved, either way, each time that it is sent."""

Fields = Mapping[str, object]


class Request(NamedTuple):
    """One call's bytes and the ids of its messages."""

    payload: bytes
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Salt:
    """
    What makes one process's requests of one step unlike all others: the run's *seed* and a *part*.

    Ids begin with both, so they repeat only where the same seed is given again.
    """

    seed: int
    part: str

    def random(self, what: str) -> Random:
        """Return random numbers for *what*, the same ones each time."""
        return Random(f"{self.seed}/{self.part}/{what}")  # noqa: S311 - a load is no secret

    def ids(self) -> Iterator[str]:
        """Yield ids."""
        return (f"load-{self.seed:x}-{self.part}-{number}" for number in itertools.count())


def read_messages(rows: Rows, columns: ColumnMap, name: Path) -> tuple[list[Fields], list[str]]:
    """
    Return the first messages of a file and the problems of the rows that are none.

    UsageError where there is no message at all.
    """
    messages: list[Fields] = []
    problems: list[str] = []
    for row in islice(rows, MAX_MESSAGES):
        if isinstance(row, BrokenRow):
            problems.append(f"{name}:{row.line}: {row.problem}")
            continue
        try:
            fields = columns.read(row).request
            Template(fields)
        except (InvalidRequestError, TypeError, ValueError) as error:
            problems.append(f"{name}:{row.line}: {error}")
        else:
            messages.append(fields)
    if not messages:
        first = f": {problems[0]}" if problems else ""
        raise UsageError(f"--file {name}: no message can be read from it{first}")
    return messages, problems


def make_requests(salt: Salt, *, batch: int, messages: Iterable[Fields] | None = None) -> Iterator[Request]:
    """
    Return requests without end: of one message each, or of *batch* in a BatchDecide where that is more than 0.

    The messages are *messages*, in their order and again from the first, as they are but for their ids; or else those
    of the built-in mix, whose confidence and sentiment are new each time, so that no reply and no reason was made
    before.
    """
    random = salt.random("messages")
    # All made here, so that the first request is ready as fast as the others.
    if messages is None:
        drawn = [Template(fields) for fields in islice(draw_messages(random), _DRAWN)]
        templates = _with_new_numbers(itertools.cycle(drawn), random)
    else:
        templates = itertools.cycle([Template(fields) for fields in messages])
    salted = _with_new_ids(templates, salt.ids())
    return _batches(salted, batch) if batch else _singles(salted)


def _with_new_numbers(templates: Iterable[Template], random: Random) -> Iterator[Template]:
    for template in templates:
        template.shift(random.uniform(-_JITTER, _JITTER), random.uniform(-_JITTER, _JITTER))
        yield template


def _with_new_ids(templates: Iterable[Template], ids: Iterator[str]) -> Iterator[Template]:
    for template in templates:
        template.renew(next(ids))
        yield template


def _singles(templates: Iterable[Template]) -> Iterator[Request]:
    for template in templates:
        yield Request(template.payload(), (template.request_id,))


def _batches(templates: Iterator[Template], size: int) -> Iterator[Request]:
    while True:
        ids: list[str] = []
        payload = batch_payload(_noted(islice(templates, size), ids))
        yield Request(payload, tuple(ids))


def _noted(templates: Iterable[Template], ids: list[str]) -> Iterator[Template]:
    for template in templates:
        ids.append(template.request_id)
        yield template
