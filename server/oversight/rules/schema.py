"""
The JSON Schema of policy files, from which editors complete and underline.

`python -m oversight.rules.schema policy_rules/policy.schema.json` writes it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from oversight.engine.signals import OPERATORS_BY_KIND, SIGNALS, Signal
from oversight.rules.condition_reader import COMBINATORS
from oversight.rules.document import ID_PATTERN
from oversight.rules.documents import PolicyDocument
from oversight.rules.operands import LANGUAGES

__all__ = ["policy_schema", "write_schema"]

_JSON_TYPES = {
    "number": {"type": "number"},
    "count": {"type": "integer"},
    "text": {"type": "string"},
    "flag": {"type": "boolean"},
    "flags": {"type": "string"},
}
_ORDER = ("below", "at_most", "above", "at_least")
_SEVERAL = ("in", "not_in", "contains_any")
_CONDITION = {"$ref": "#/$defs/Condition"}
_THRESHOLD = {
    "type": "string",
    "pattern": r"^\s*\$[a-z][a-z0-9_]*(\s*[+-]\s*\d+(\.\d+)?)?\s*$",
    "description": "A threshold: $name, $name + 0.05 or $name - 0.05.",
}
_COMBINED = {
    "all": "True if every one of these is.",
    "any": "True if one of these is.",
    "not": "True if this is false; unknown, and so no match, if a signal in it is absent.",
}


def policy_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a policy file, generated from the document models and the signals."""
    schema = PolicyDocument.model_json_schema()
    definitions = schema["$defs"]
    definitions["RuleDocument"]["properties"]["when"] |= _CONDITION
    definitions["Condition"] = _condition()
    # A threshold of the policy that is extended may be given as the bare number.
    named = schema["properties"]["thresholds"]["patternProperties"]
    named[ID_PATTERN] = {"anyOf": [{"type": "number"}, named[ID_PATTERN]]}
    for section in ("thresholds", "attributes"):
        schema["properties"][section]["additionalProperties"] = False
    definitions["BreakerDocument"]["properties"]["steps"]["additionalProperties"] = False
    required = schema["properties"]["required_signals"]
    required["items"] = {"anyOf": [{"enum": _required_signals()}, {"type": "string", "pattern": r"^attributes\."}]}
    tiers = schema["properties"]["tiers"]
    tiers["properties"] = dict.fromkeys(tiers.pop("propertyNames")["enum"], tiers["additionalProperties"])
    tiers["additionalProperties"] = False
    _simplify(schema)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Oversight policy"}


def write_schema(path: Path) -> None:
    """Write the schema to *path*."""
    path.write_text(json.dumps(policy_schema(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _required_signals() -> list[str]:
    return sorted(name for name, signal in SIGNALS.items() if signal.origin != "server")


def _condition() -> dict[str, Any]:
    several = {"type": "array", "items": _CONDITION, "minItems": 1}
    properties: dict[str, Any] = {
        word: {**(_CONDITION if word == "not" else several), "description": _COMBINED[word]} for word in COMBINATORS
    }
    properties |= {name: _matcher(signal) for name, signal in sorted(SIGNALS.items())}
    scalar = {"type": ["string", "number", "boolean"]}
    operators = sorted({operator for operators in OPERATORS_BY_KIND.values() for operator in operators})
    attribute = {
        "description": "A free attribute that is declared under 'attributes'.",
        "anyOf": [
            scalar,
            {"type": "array", "items": scalar},
            {"type": "object", "propertyNames": {"enum": operators}, "minProperties": 1},
        ],
    }
    return {
        "type": "object",
        "description": "Signals with what they must be; several mean all of them.",
        "minProperties": 1,
        "properties": properties,
        "patternProperties": {r"^attributes\.[a-z][a-z0-9_]*$": attribute},
        "additionalProperties": False,
    }


def _matcher(signal: Signal) -> dict[str, Any]:
    value = _value(signal)
    forms: list[dict[str, Any]] = [value]
    if signal.kind != "flag":
        forms.append({"type": "array", "items": value, "minItems": 1})
    operators = {name: _operand(signal, name, value) for name in OPERATORS_BY_KIND[signal.kind]}
    forms.append({"type": "object", "properties": operators, "additionalProperties": False, "minProperties": 1})
    unit = f", in {signal.unit}" if signal.unit else ""
    return {"description": f"{signal.meaning[0].upper()}{signal.meaning[1:]}{unit}.", "anyOf": forms}


def _value(signal: Signal) -> dict[str, Any]:
    if signal.choices is not None:
        return {"enum": list(signal.choices)}
    value: dict[str, Any] = dict(_JSON_TYPES[signal.kind])
    bounds = {"minimum": signal.low, "maximum": signal.high, "maxLength": signal.max_length}
    return value | {name: bound for name, bound in bounds.items() if bound is not None}


def _operand(signal: Signal, operator: str, value: dict[str, Any]) -> dict[str, Any]:
    limit = {"anyOf": [value, _THRESHOLD]}
    if operator == "present":
        return {"type": "boolean"}
    if operator == "between":
        return {"type": "array", "items": limit, "minItems": 2, "maxItems": 2}
    if operator in _ORDER:
        return limit
    if operator in _SEVERAL:
        several = {"type": "array", "items": value, "minItems": 1}
        return {"anyOf": [several, {"const": LANGUAGES}]} if signal.name == "language" else several
    return value


def _simplify(node: Any) -> None:
    """Take out of *node* the titles that only repeat keys, and `null`: what is not given is left out of a rule file."""
    for one in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _simplify(one)
    if not isinstance(node, dict):
        return
    if isinstance(node.get("title"), str):
        del node["title"]
    if node.get("default", ...) is None:
        del node["default"]
    if {"type": "null"} in node.get("anyOf", []):
        # What remains is one option: the models have no union but with None.
        option = next(option for option in node.pop("anyOf") if option != {"type": "null"})
        node.update({**option, **node})


def main(arguments: list[str]) -> int:
    """Write the schema to the one path in *arguments*; return the exit code."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m oversight.rules.schema FILE\n")
        return 2
    write_schema(Path(arguments[0]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
