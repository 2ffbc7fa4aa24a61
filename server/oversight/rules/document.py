"""What every document of a rule file has in common: strict reading, and every problem in words with its place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import UnionType
from typing import Any, Self, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, PrivateAttr, ValidationError, model_validator

from oversight.rules.report import NOWHERE, Place, Report
from oversight.rules.suggest import suggest
from oversight.rules.wording import show_number, show_value
from oversight.rules.yaml_tree import Entries, Items

__all__ = ["ID_PATTERN", "REASON_PATTERN", "Document", "read_document"]

ID_PATTERN = r"^[a-z][a-z0-9_]*$"
"""Names of policies, rules, thresholds and attributes."""

REASON_PATTERN = r"^[A-Z][A-Z0-9_]*$"
"""Reason codes."""

_PATTERNS = {
    ID_PATTERN: "small letters, digits and _, and start with a letter",
    REASON_PATTERN: "capital letters, digits and _, and start with a letter",
    r"^[A-Z]{3}$": "three capital letters (ISO 4217), such as EUR",
    r"^[A-Za-z]{2,8}$": "the language alone, such as 'en' for every kind of English",
}

_TYPES = {
    "bool_type": "must be true or false",
    "dict_type": "must hold keys and values",
    "finite_number": "must be a finite number",
    "float_type": "must be a number",
    "int_from_float": "must be a whole number",
    "int_type": "must be a whole number",
    "list_type": "must be a list",
    "model_attributes_type": "must hold keys and values",
    "model_type": "must hold keys and values",
    "missing": "is missing",
}


class Document(BaseModel):
    """One mapping of a rule file: strict types, no unknown keys, and the place of every key."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False, protected_namespaces=())

    _place: Place = PrivateAttr(default=NOWHERE)
    _places: dict[str, Place] = PrivateAttr(default_factory=dict)

    @model_validator(mode="wrap")
    @classmethod
    def _keep_places(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        document = handler(value)
        if isinstance(value, Entries):
            document._place = value.place  # noqa: SLF001 - this class's own
            document._places = value.places  # noqa: SLF001 - this class's own
        return document

    def place(self, key: str = "") -> Place:
        """Return where *key* stands, or the document itself where it has no such key."""
        return self._places.get(key, self._place)


D = TypeVar("D", bound=Document)


def read_document(model: type[D], tree: Entries, file: str, report: Report) -> D | None:
    """
    Return *tree* as a *model*; what is wrong in it goes to *report*.

    Parts that are wrong are left out, so that the rest can be checked in the same run; None if nothing useful remains.
    """
    try:
        return model.model_validate(tree)
    except ValidationError as error:
        details = error.errors(include_url=False)
        for detail in details:
            if not _told_already(tree, detail):
                report.error(file, *_explain(model, tree, detail))
        wrong = [_part(tree, detail) for detail in details]
    try:
        return model.model_validate(_prune(tree, wrong))
    except ValidationError:
        return None


def _told_already(tree: object, detail: Mapping[str, Any]) -> bool:
    """Return whether a key is missing only because it stands there without a value."""
    if detail["type"] != "missing":
        return False
    *path, key = detail["loc"]
    node: Any = tree
    for step in path:
        node = node[step]
    return isinstance(node, Entries) and key in node.places


def _explain(model: type[Document], tree: Entries, detail: Mapping[str, Any]) -> tuple[Place, str, str]:
    """Return place, message and suggestion of one error that pydantic found."""
    path: tuple[str | int, ...] = detail["loc"]
    kind: str = detail["type"]
    context: Mapping[str, Any] = detail.get("ctx", {})
    place = _find(tree, path)
    key = next((part for part in reversed(path) if isinstance(part, str) and part != "[key]"), "")
    subject = f"'{key}'" + (f", item {path[-1] + 1}," if path and isinstance(path[-1], int) else "")
    given = detail.get("input")
    if kind == "extra_forbidden":
        known = _known_keys(model, path[:-1])
        return place, f"unknown key '{key}'; known here are {', '.join(sorted(known))}", suggest(key, known)
    if kind == "literal_error":
        choices = [choice.strip("'") for choice in str(context["expected"]).replace(" or ", ", ").split(", ")]
        nearest = suggest(given, choices) if isinstance(given, str) else ""
        return place, f"{subject} is {', '.join(choices)}, not {show_value(given)}", nearest
    if kind == "string_pattern_mismatch":
        return (
            place,
            f"{subject} must be {_PATTERNS.get(context['pattern'], context['pattern'])}; {show_value(given)} is not",
            "",
        )
    if kind == "missing":
        return place, f"{subject} is missing", ""
    if kind == "value_error":
        return place, f"{subject} {context['error']}", ""
    if kind in ("string_too_short", "too_short"):
        return place, f"{subject} must not be empty", ""
    return place, f"{subject} {_expected(kind, context)}, not {show_value(given)}", ""


def _expected(kind: str, context: Mapping[str, Any]) -> str:
    if kind == "string_type":
        return "must be text (put it in quotes)"
    if kind in _TYPES:
        return _TYPES[kind]
    limits = {
        "greater_than": ("must be more than", "gt"),
        "greater_than_equal": ("must be at least", "ge"),
        "less_than": ("must be less than", "lt"),
        "less_than_equal": ("must be at most", "le"),
    }
    if kind in limits:
        words, name = limits[kind]
        limit = context[name]
        return f"{words} {show_number(limit)}"
    unit = "characters" if kind == "string_too_long" else "entries"
    return f"must have at most {context['max_length']} {unit}" if "max_length" in context else f"must fit ({kind})"


def _find(tree: Entries, path: Iterable[str | int]) -> Place:
    """Return the place of the last step of *path* that is there."""
    node: object = tree
    place = tree.place
    for step in path:
        if isinstance(node, Entries) and isinstance(step, str) and step in node:
            place, node = node.places[step], node[step]
            continue
        if not isinstance(node, Items) or not isinstance(step, int):
            break
        place, node = node.places[step], node[step]
    return place


def _known_keys(annotation: Any, path: Iterable[str | int]) -> set[str]:
    """Return the keys of the document that *path* leads to, from a model's annotations."""
    for step in path:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            field = annotation.model_fields.get(str(step))
            annotation = _inner(field.annotation) if field is not None else None
        else:
            annotation = _inner(get_args(annotation)[-1]) if get_origin(annotation) in (list, dict) else None
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return set(annotation.model_fields)
    return set()


def _inner(annotation: Any) -> Any:
    """Return what stands beside None in an annotation such as `X | None`."""
    if get_origin(annotation) is UnionType:
        return next(one for one in get_args(annotation) if one is not type(None))
    return annotation


def _part(tree: Entries, detail: Mapping[str, Any]) -> tuple[str | int, ...]:
    """Return the path of what must go: an unknown key alone, else the whole entry of the document's list or mapping."""
    path: tuple[str | int, ...] = detail["loc"]
    if detail["type"] == "extra_forbidden":
        return path
    return path[:2] if path and isinstance(tree.get(str(path[0])), Entries | Items) else path[:1]


def _prune(node: object, paths: Iterable[tuple[str | int, ...]]) -> object:
    """Return *node* without the parts that *paths* lead to."""
    below: dict[str | int, list[tuple[str | int, ...]]] = {}
    for path in paths:
        if path:
            below.setdefault(path[0], []).append(path[1:])
    if isinstance(node, Entries):
        entries = Entries(node.place)
        entries.places = node.places
        for key, value in node.items():
            if () not in below.get(key, ()):
                entries[key] = _prune(value, below.get(key, ()))
        return entries
    if isinstance(node, Items):
        items = Items(node.place)
        for number, value in enumerate(node):
            if () not in below.get(number, ()):
                items.append(_prune(value, below.get(number, ())))
                items.places.append(node.places[number])
        return items
    return node
