"""Whole sets of files: names, families, circles, the default policy."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oversight.errors import InvalidPolicyError, Problem
from oversight.rules.documents import PolicyDocument
from oversight.rules.load import load
from oversight.rules.source import RuleFiles, default_folder, read_folder

RULES = "rules: [{id: %s, when: {tool_failed: true}, tier: human_in_the_loop, reason: A, message: a}]\n"
PARENT = "policy: contact_centre\nintents: [order_status]\n" + RULES % "a"


def child(name, parent):
    return f"policy: {name}\nextends: {parent}\n"


def test_a_policy_is_found_by_its_name_and_not_by_its_file(policies_of):
    """Files may be moved and renamed without changing a decision."""
    policies = policies_of({"x/y.yaml": PARENT, "z.yaml": child("night", "contact_centre")})

    assert {"contact_centre", "night"} == policies.keys()


def test_the_order_of_files_changes_nothing(policies_of):
    """A child may be read before its parent."""
    files = {"a.yaml": child("c", "b"), "b.yaml": child("b", "contact_centre"), "z.yaml": PARENT}

    assert policies_of(files) == policies_of(dict(reversed(files.items())))
    assert ("c", "b", "contact_centre") == policies_of(files)["c"].lineage


def test_case_files_are_not_policies(policies_of):
    """A broken case must not take a policy out of service."""
    policies = policies_of({"contact_centre.yaml": PARENT, "contact_centre_test.yaml": "policy: [broken"})

    assert {"contact_centre"} == policies.keys()


@pytest.mark.parametrize(
    ("circle", "way"),
    [
        ({"a": "a"}, "a.yaml:2:1: 'extends' goes in a circle: a -> a; remove one of them"),
        ({"c": "b", "b": "c"}, "b.yaml:2:1: 'extends' goes in a circle: b -> c -> b; remove one of them"),
        (
            {"c": "b", "b": "d", "d": "c"},
            "b.yaml:2:1: 'extends' goes in a circle: b -> d -> c -> b; remove one of them",
        ),
        (
            {"c": "b", "b": "c", "a": "b", "d": "a"},
            "b.yaml:2:1: 'extends' goes in a circle: b -> c -> b; remove one of them",
        ),
    ],
)
def test_a_circle_is_told_once_with_the_way_round_it(problems_of, circle, way):
    """A circle has no first policy: it must end in a sentence, not in an endless loop."""
    files = {f"{name}.yaml": child(name, parent) for name, parent in circle.items()}

    assert [way] == problems_of({"contact_centre.yaml": PARENT, **files})


def test_an_unknown_parent_is_told_with_what_was_probably_meant(problems_of):
    """Its rules would all be missing."""
    files = {"contact_centre.yaml": PARENT, "n.yaml": child("night", "contact_center")}

    problem = "n.yaml:2:1: 'night' extends 'contact_center', and no file here declares that policy"

    assert [f"{problem} (did you mean 'contact_centre'?)"] == problems_of(files)


def test_a_broken_parent_is_told_once_and_not_at_each_child(problems_of):
    """The children are all right."""
    files = {"contact_centre.yaml": PARENT + "x: [", "n.yaml": child("night", "contact_centre")}

    assert ["contact_centre.yaml"] == [problem.split(":")[0] for problem in problems_of(files)]


def test_a_name_is_declared_once(problems_of):
    """Which of the two would decide must not depend on the order of files."""
    files = {"a.yaml": PARENT, "b.yaml": PARENT}

    assert [
        "b.yaml:1:1: the policy 'contact_centre' is declared already, in a.yaml; give this one another name"
    ] == problems_of(files)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (PARENT.replace("contact_centre", "contact_center"), " (did you mean 'contact_center'?)"),
        (PARENT.replace("contact_centre", "sales"), ""),
    ],
)
def test_the_default_policy_must_be_there(problems_of, text, problem):
    """It decides for every department without a policy of its own."""
    assert [
        f"rule files: no file declares the default policy 'contact_centre' (setting default_policy){problem}"
    ] == problems_of({"a.yaml": text})


def test_the_default_policy_is_a_setting():
    """Not every contact centre calls it so."""
    files = RuleFiles({"a.yaml": PARENT.replace("contact_centre", "sales")})

    assert {"sales"} == load(files, default_policy="sales").policies.keys()


@pytest.mark.parametrize("name", ["Sales", "", "sales desk", "7"])
def test_a_policy_name_is_plain(name):
    """It is a department's name, a file's and a key's."""
    with pytest.raises(InvalidPolicyError) as caught:
        load(RuleFiles({"a.yaml": f"policy: '{name}'\n"}), default_policy="sales")

    expected = "a.yaml:1:1: 'policy' must be small letters, digits and _, and start with a letter; "
    assert str(caught.value.problems[0]).startswith(expected)


def test_a_file_without_a_name_is_told(problems_of):
    """Nothing would ever pick it."""
    assert ["a.yaml:2:1: 'policy' is missing"] == problems_of({"a.yaml": "\nversion: '1'\n", "b.yaml": PARENT})


def test_every_problem_of_every_file_is_told_by_file_and_line(problems_of):
    """A reviewer goes through them from top to bottom, once."""
    bad = PARENT.replace("tool_failed: true", "tool_fialed: true") + "odd: 1\n"
    found = problems_of({"b.yaml": bad.replace("contact_centre", "b"), "a.yaml": bad})

    assert ["a.yaml:3:24", "a.yaml:4:1", "b.yaml:3:24", "b.yaml:4:1"] == [one.split(": ")[0] for one in found]


def test_a_policy_without_rules_is_told(warnings_of):
    """It lets through whatever it knows."""
    text = "policy: contact_centre\nintents: [order_status]\n"

    assert ["contact_centre.yaml:1:1: the policy 'contact_centre' has no rules"] == warnings_of(text)


def test_warnings_of_reading_are_kept():
    """What was passed over while reading is told with what was found while checking."""
    passed_over = Problem("a.yml", 0, 0, "not read", severity="warning")
    files = RuleFiles({"a.yaml": PARENT}, warnings=(passed_over,))

    assert (passed_over,) == load(files, default_policy="contact_centre").warnings


def told(files):
    """Return what is said about *files*, [] where they load; anything else raised fails the test."""
    try:
        load(RuleFiles(files), default_policy="contact_centre")
    except InvalidPolicyError as error:
        return [problem.message for problem in error.problems]
    return []


SHIPPED = read_folder(default_folder()).files["contact_centre.yaml"]
WORDS = sorted({*SHIPPED.replace(",", " ").replace("{", " ").replace("}", " ").split(), "null", "-1", "[]", "{}", "*x"})


@given(
    st.lists(
        st.tuples(st.integers(0, 5000), st.sampled_from(["drop", "double", "word"]), st.sampled_from(WORDS)), max_size=3
    )
)
@settings(max_examples=40, deadline=None)
def test_a_policy_with_slips_in_it_loads_or_is_told(slips):
    """Whatever an editor does to a file, reading it ends in a policy or in sentences."""
    lines = SHIPPED.splitlines()
    for number, slip, word in slips:
        position = number % len(lines)
        if slip == "drop":
            del lines[position]
        elif slip == "double":
            lines.insert(position, lines[position])
        else:
            words = lines[position].split(" ")
            words[number % len(words)] = word
            lines[position] = " ".join(words)

    problems = told({"contact_centre.yaml": "\n".join(lines)})

    assert all(problems)
    assert slips or not problems


KEYS = [
    "intent",
    "churn_risk",
    "guardrail_flags",
    "customer_tier",
    "attributes.x",
    "any",
    "all",
    "not",
    "between",
    "below",
    "in",
    "present",
    "value",
    "min",
    "when",
    "id",
    "tier",
    "x",
]
VALUES = ["x", "$x", "a < b", "vip", ""]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.sampled_from(VALUES)
ODD = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(sorted(PolicyDocument.model_fields)), ODD, max_size=6))
@settings(max_examples=150, deadline=None)
def test_a_policy_of_odd_values_loads_or_is_told(document):
    """The same for values of any shape under any key."""
    text = json.dumps({"intents": ["x"], **document, "policy": "contact_centre"})

    assert all(told({"contact_centre.yaml": text}))


@given(ODD)
@settings(max_examples=150, deadline=None)
def test_an_odd_condition_loads_or_is_told(when):
    """And for any condition of an otherwise sound rule."""
    rule = {"id": "a", "when": when, "tier": "human_in_the_loop", "reason": "A", "message": "a"}
    text = json.dumps({"policy": "contact_centre", "intents": ["x"], "attributes": {"x": "int"}, "rules": [rule]})

    assert all(told({"contact_centre.yaml": text}))
