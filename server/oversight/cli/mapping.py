"""From the columns of a file to requests and outcomes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from oversight.cli.fields import Field, attribute_value, read_json, with_hint
from oversight.cli.outcome_fields import OUTCOME, OUTCOME_FACTS
from oversight.cli.request_fields import REQUEST
from oversight.cli.rows import Row
from oversight.errors import InvalidRequestError, UsageError

__all__ = ["ColumnMap", "Message", "parse_maps", "takes"]

_FIELDS: Mapping[str, Field] = {name: field for name, field in {**OUTCOME, **REQUEST}.items() if name != "decision_id"}
"""What a column may be named like. The server makes the decision's id; a draft's digest is the request's."""

_LABELLED_INTENTS: Mapping[str, Field] = {
    field.name: field
    for field in (
        Field("message_id", "text", "id of the message"),
        Field("model_id", "text", "which model gave the numbers"),
        Field("predicted_intent", "text", "what the model took the message for"),
        Field("confidence", "number", "the model's confidence in that"),
        Field("confidence_margin", "number", "confidence minus that in the second-best intent"),
        Field("sentiment", "number", "the customer's sentiment"),
        Field("correct", "flag", "whether the model was right"),
    )
}
"""The columns of a data set of labelled intents, which need no `--map`; see `_add_labelled_intent`."""

_ATTRIBUTE = "attributes."
_ROUNDING = 1e-6
"""By how much a margin may exceed its confidence: sources round the two apart."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message to decide: its line, the request's fields, and the outcome's facts (empty where there are none)."""

    line: int
    request: dict[str, object]
    outcome: dict[str, object]


def parse_maps(items: Iterable[str]) -> dict[str, str]:
    """Return the columns by field name of `--map field=column` options; raise UsageError with a suggestion."""
    known = [*_FIELDS, *_LABELLED_INTENTS]
    chosen: dict[str, str] = {}
    for item in items:
        name, equals, column = item.partition("=")
        if not equals or not column:
            raise UsageError(f"--map {item}: expected FIELD=COLUMN, for instance response_confidence=score")
        if name not in known and not name.startswith(_ATTRIBUTE):
            raise UsageError(with_hint(f"--map {item}: no field is called {name!r}", name, known))
        if name in chosen:
            raise UsageError(f"--map {item}: {name} is mapped already, to {chosen[name]!r}")
        chosen[name] = column
    return chosen


def takes(chosen: Mapping[str, str]) -> Callable[[str], bool]:
    """Return whether a column is read by a `ColumnMap` of *chosen*; the others need not be read from a file."""
    known = {*_FIELDS, *_LABELLED_INTENTS, *chosen.values()}
    return lambda column: column in known or column.startswith(_ATTRIBUTE)


class ColumnMap:
    """
    Reads rows as messages; safe for several threads.

    For each field the column of *chosen* is read, else the column named like the field; a free attribute may stand in a
    column `attributes.NAME`. What is absent then is taken from a labelled data set's own columns. *tenant* is the
    tenant of rows that name none. *columns* are the file's, where it names them: a chosen one must be among them, and
    unless they are *typed* every value is text.
    """

    def __init__(
        self, chosen: Mapping[str, str], *, tenant: str = "", columns: tuple[str, ...] = (), typed: bool = False
    ) -> None:
        for name, column in chosen.items():
            if columns and column not in columns:
                text = f"--map {name}={column}: the file has no column {column!r}"
                raise UsageError(with_hint(text, column, columns))
        self._chosen = dict(chosen)
        self._tenant = tenant
        self._from_text = bool(columns) and not typed
        self._unseen = set(chosen.values())
        self._mapped_attributes = {name: column for name, column in chosen.items() if name.startswith(_ATTRIBUTE)}
        self._fields_by_column: dict[str, list[tuple[bool, Field]]] = {}
        for fields in (_FIELDS, _LABELLED_INTENTS):
            for name, field in fields.items():
                readers = self._fields_by_column.setdefault(self._chosen.get(name, name), [])
                readers.append((fields is _FIELDS, field))

    @property
    def unseen(self) -> tuple[str, ...]:
        """The chosen columns that no row has had so far."""
        return tuple(sorted(self._unseen))

    def read(self, row: Row) -> Message:
        """Return *row* as a message; raise InvalidRequestError, naming the field, where a value makes no sense."""
        if self._unseen:
            self._unseen = self._unseen - row.values.keys()
        given: dict[str, object] = {}
        own: dict[str, object] = {}
        has_attributes = bool(self._mapped_attributes)
        for column, value in row.values.items():
            readers = self._fields_by_column.get(column)
            if readers is None:
                has_attributes = has_attributes or column.startswith(_ATTRIBUTE)
            elif value is not None:
                for is_field, field in readers:
                    read = read_json(field, value)
                    if read is not None:
                        (given if is_field else own)[field.name] = read
        if has_attributes:
            self._add_attributes(row, given)
        _add_labelled_intent(given, own)
        if self._tenant:
            given.setdefault("tenant_id", self._tenant)
        request = {name: value for name, value in given.items() if name in REQUEST}
        outcome = {name: value for name, value in given.items() if name not in REQUEST}
        return Message(row.line, request, outcome if OUTCOME_FACTS & outcome.keys() else {})

    def _add_attributes(self, row: Row, given: dict[str, object]) -> None:
        columns = {name: name for name in row.values if name.startswith(_ATTRIBUTE)} | self._mapped_attributes
        single = {name.removeprefix(_ATTRIBUTE): row.values.get(column) for name, column in columns.items()}
        present = {name: value for name, value in single.items() if value is not None and value != ""}
        if self._from_text:
            field = _FIELDS["attributes"]
            present = {name: attribute_value(field, name, str(value)) for name, value in present.items()}
        if present:
            whole = given.get("attributes")
            given["attributes"] = (whole if isinstance(whole, dict) else {}) | present


def _add_labelled_intent(given: dict[str, object], own: Mapping[str, object]) -> None:
    """
    Add to *given* what a data set of labelled intents says in its own columns, where *given* has nothing yet.

    Its one confidence is the model's in the intent and, as the reply follows from the intent, in the reply too. The
    margin is confidence minus the second-best intent's. Every row was checked, so a verdict's basis is the census.
    """
    for name, column in (
        ("intent", "predicted_intent"),
        ("intent_confidence", "confidence"),
        ("response_confidence", "confidence"),
        ("sentiment_score", "sentiment"),
        ("model_version", "model_id"),
    ):
        if column in own:
            given.setdefault(name, own[column])
    confidence, margin = given.get("intent_confidence"), own.get("confidence_margin")
    if isinstance(confidence, float) and isinstance(margin, float) and "intent_runner_up_confidence" not in given:
        if round(margin - confidence, 9) > _ROUNDING:
            words = f"{margin} is more than the confidence, {confidence}, from which the second-best is taken"
            raise InvalidRequestError("confidence_margin", words)
        # Rounded as the margin is derived again: 0.9 - 0.1 must not give a margin of 0.09999999999999998.
        given["intent_runner_up_confidence"] = max(0.0, round(confidence - margin, 9))
    if "message_id" in own:
        parts = [str(own[column]) for column in ("model_id", "message_id") if column in own]
        given.setdefault("request_id", "/".join(parts))
    if "correct" in own and "verdict" not in given:
        given |= {"verdict": "approved" if own["correct"] else "rejected", "label_basis": "census"}
