"""Rule files of any size, for measuring what size costs: ten rules for each intent, of which one matches."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

__all__ = ["RULES_OF_AN_INTENT", "intents_of", "rule_files", "write_rules"]

RULES_OF_AN_INTENT = 10
_POLICY = "contact_centre"
_INTENTS_OF_A_FILE = 500
_HEAD = """\
policy: {name}
version: "{version}"
description: Many rules, for measuring what their number costs.
{parent}intents: [{intents}]
rules:
"""
_FIRST = "required_signals: [intent, response_confidence, sentiment_score]\n"
_RULE = """\
  - id: {intent}_{number}
    when: {{intent: {intent}, response_confidence: {{below: {limit:.2f}}}}}
    tier: human_in_the_loop
    reason: LOW_CONFIDENCE
    message: The AI is not sure enough of its reply.
"""


def intents_of(rules: int) -> list[str]:
    """Return the intents of a policy of *rules* rules; the first is that of the requests that are measured."""
    return ["refund_request", *(f"intent_{number:05d}" for number in range(1, rules // RULES_OF_AN_INTENT))]


def rule_files(rules: int, version: int = 1, *, intents_of_a_file: int = _INTENTS_OF_A_FILE) -> dict[str, str]:
    """
    Return the files of a policy of *rules* rules, by name; *version* makes it another.

    A file may have 1 MiB: a policy that needs more extends another, which has the rest.
    """
    intents = intents_of(rules)
    parts = [intents[start : start + intents_of_a_file] for start in range(0, len(intents), intents_of_a_file)]
    names = [*(f"part_{number}" for number in range(1, len(parts))), _POLICY]
    parents = [_FIRST, *(f"extends: {name}\n" for name in names)]
    heads = (
        _HEAD.format(name=name, version=version, parent=parent, intents=", ".join(intents))
        for name, parent in zip(names, parents, strict=False)
    )
    return {f"{name}.yaml": head + _rules(part) for name, head, part in zip(names, heads, parts, strict=True)}


def write_rules(folder: Path, rules: int, version: int = 1) -> None:
    """Put a policy of *rules* rules into *folder*, each file whole, in place of the one before."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in rule_files(rules, version).items():
        partial = folder / f".{name}.new"
        partial.write_text(text, encoding="utf-8")
        partial.rename(folder / name)


def _rules(intents: Sequence[str]) -> str:
    return "".join(
        _RULE.format(intent=intent, number=number, limit=0.09 * number)
        for intent in intents
        for number in range(1, RULES_OF_AN_INTENT + 1)
    )
