"""The JSON Schema that editors complete from."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from oversight.engine.signals import OPERATORS_BY_KIND, SIGNALS
from oversight.rules.schema import main, policy_schema, write_schema
from oversight.rules.source import default_folder, read_folder

SCHEMA = policy_schema()
VALIDATOR = Draft202012Validator(SCHEMA)
RULE = {"id": "a", "when": {"tool_failed": True}, "tier": "human_in_the_loop", "reason": "A", "message": "a"}


def test_the_file_beside_the_rules_is_up_to_date(tmp_path):
    """An editor that completes last month's signals is worse than none; `make gen` writes the file anew."""
    write_schema(tmp_path / "policy.schema.json")
    expected = (tmp_path / "policy.schema.json").read_text(encoding="utf-8")

    assert expected == (default_folder() / "policy.schema.json").read_text(encoding="utf-8")


def test_it_is_a_schema():
    """Editors are silent about a schema that is none."""
    Draft202012Validator.check_schema(SCHEMA)

    assert "https://json-schema.org/draft/2020-12/schema" == SCHEMA["$schema"]


@pytest.mark.parametrize(
    ("name", "text"),
    [(name, text) for name, text in read_folder(default_folder()).files.items() if not name.endswith("_test.yaml")],
)
def test_the_shipped_policies_are_valid(name, text):
    """What the service accepts, an editor must not underline."""
    document = YAML(typ="safe", pure=True).load(text)

    assert [] == [error.message for error in VALIDATOR.iter_errors(document)]


def test_every_signal_and_operator_completes():
    """Whoever types `sen` is offered the sentiment signals, and what they can be compared with."""
    condition = SCHEMA["$defs"]["Condition"]["properties"]

    assert {*SIGNALS, "all", "any", "not"} == condition.keys()
    for name, signal in SIGNALS.items():
        operators = condition[name]["anyOf"][-1]["properties"]
        assert set(OPERATORS_BY_KIND[signal.kind]) == operators.keys()


VALID = [
    {"tool_failed": True},
    {"customer_tier": "vip"},
    {"customer_tier": ["vip", "enterprise"]},
    {"guardrail_flags": ["pii"]},
    {"churn_risk": {"above": 0.5}},
    {"churn_risk": {"above": "$low + 0.05"}},
    {"churn_risk": {"between": [0.1, "$low"]}},
    {"language": {"not_in": "$supported_languages"}},
    {"attributes.region": {"equals": "eu"}},
    {"attributes.x": [1, 2]},
    {"any": [{"tool_failed": True}, {"not": {"all": [{"churn_risk": 1}]}}]},
    {"intent": {"starts_with": "a"}},
    {"intent": {"present": False}},
]


@pytest.mark.parametrize("when", VALID, ids=str)
def test_a_right_condition_is_valid(when):
    """The schema must know every form that the language has."""
    assert VALIDATOR.is_valid({"policy": "a", "rules": [{**RULE, "when": when}]})


INVALID = [
    {},
    "tool_failed",
    {"tool_fialed": True},
    {"customer_tier": "gold"},
    {"churn_risk": {"abov": 0.5}},
    {"churn_risk": 2},
    {"failed_turns": 2.5},
    {"tool_failed": {"below": 1}},
    {"any": []},
    {"any": {"tool_failed": True}},
    {"churn_risk": {}},
    {"intent": {"in": "a"}},
    {"attributes.x": {"abov": 1}},
    {"churn_risk": {"above": "low"}},
    {"not": {"odd": 1}},
]


@pytest.mark.parametrize("when", INVALID, ids=str)
def test_a_wrong_condition_is_underlined(when):
    """The sooner a slip is seen, the less it costs."""
    assert not VALIDATOR.is_valid({"policy": "a", "rules": [{**RULE, "when": when}]})


@pytest.mark.parametrize(
    "document",
    [
        {"policy": "a", "thresholds": {"low": 0.5}},
        {
            "policy": "a",
            "thresholds": {"low": {"value": 0.5, "loosens": "x", "overrides": [{"value": 1, "intent": "a"}]}},
        },
        {"policy": "a", "tiers": {"human_in_the_loop": {"review_sla_s": 60, "on_expiry": "hold"}}},
        {"policy": "a", "attributes": {"x": "int"}, "required_signals": ["intent", "attributes.x"]},
    ],
    ids=str,
)
def test_a_right_document_is_valid(document):
    """Also a child's short forms."""
    assert VALIDATOR.is_valid(document)


@pytest.mark.parametrize(
    "document",
    [
        {}, {"policy": "A"}, {"policy": "a", "rule": []}, {"policy": "a", "rules": [{**RULE, "tier": "VIP"}]},
        {"policy": "a", "rules": [{**RULE, "odd": 1}]}, {"policy": "a", "thresholds": {"low": "high"}},
        {"policy": "a", "thresholds": {"Low": 1}}, {"policy": "a", "required_signals": ["intnt"]},
        {"policy": "a", "required_signals": ["labelled_outcomes"]}, {"policy": "a", "tiers": {"odd": {}}},
        {"policy": "a", "attributes": {"x": "text"}}, {"policy": "a", "intents": None}, {"policy": None},
        {"policy": "a", "rules": [{**RULE, "since": "2026-01-01"}]},
    ],
    ids=str,
)  # fmt: skip
def test_a_wrong_document_is_underlined(document):
    """What the service refuses, an editor should underline wherever it can know."""
    assert not VALIDATOR.is_valid(document)


def test_it_is_written_from_the_command_line(tmp_path, capsys):
    """`make gen` calls it so."""
    assert 0 == main([str(tmp_path / "a.json")])
    assert SCHEMA == json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))

    assert 2 == main([])
    assert "usage: python -m oversight.rules.schema FILE\n" == capsys.readouterr().err
