"""The plain part of YAML, read by a reader of its own."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oversight.rules.plain_yaml import read_plain
from oversight.rules.report import Report
from oversight.rules.source import default_folder
from oversight.rules.tree import Entries, Items
from oversight.rules.yaml_tree import read_any

POLICY = """\
# A policy.
policy: contact_centre
version: "2026.11.1"   # the author's
intents:
  - order_status
  - refund
required_signals: [intent, 'response_confidence',
                   sentiment_score]   # and no others

thresholds:
  autonomy: {description: How sure., default: 0.85, min: .6, max: 0.99, tightens: raise,
             overrides: [{intent: refund, value: 0.9}]}
constraints:
- $low < $high
rules:
- id: low
  when:
    any:
      - response_confidence: {below: $autonomy + 0.05}
      - all:
        - sentiment_trend: {between: [-1, -0.5]}
        - intent: [refund, "a: b"]
  tier: human_in_the_loop
  message: The customer's mood - it is low, isn't it?
- {id: other, when: {tool_failed: true}, since: "2026-12-24T08:00:00Z"}
"""


def form(value: object) -> object:
    """Return a tree with everything that is to be the same."""
    if isinstance(value, Entries):
        return value.place, list(value.places.items()), [(key, form(one)) for key, one in value.items()]
    if isinstance(value, Items):
        return value.place, value.places, [form(one) for one in value]
    return type(value), repr(value)


def read_in_full(text: str) -> tuple[object, list[str]]:
    """Return what the reader of all of YAML makes of *text*, and what it reports."""
    report = Report()
    tree = read_any("a.yaml", text, report)
    return tree, [str(problem) for problem in report.errors]


def assert_read_alike(text: str) -> None:
    """Both readers see the same values, of the same types, in the same places."""
    tree, problems = read_in_full(text)
    plain = read_plain(text)
    assert plain is not None
    assert ([], form(tree)) == (problems, form(plain))


@pytest.mark.parametrize(
    "text",
    [
        POLICY,
        "a: 1",
        "a: 1\n",
        "\n# c\n\na: 1\n\n  # c\nb: 2\n\n",
        "a:\n    b:\n      c: d\n    e: f\ng: h\n",
        "a:\n- b\n- c\nd: e\n",
        "a:\n  - b\n  -   c: d\n      e: f\n  - [g]\n  - {h: i}\n",
        "a: # c\n  b: c # d\n",
        "a: it's, [all] {one} text & more: not\n".replace(": not", ":not"),
        "a: 2026-12-24T08:00:00+01:00\n",
        'a: "b: c # d"\nb: \'"\'\nc: ""\nd: \'\'\n',
        "a: {b: [c, {d: e}], f: 'g, h', i: \"}\"}\n",
        "a: [b, # c\n    d\n\n    ,e\n  ]\nf: g\n",
        "a: null_and_void\nb: truely\nc: -0.5\nd: 0x1F\ne: 1_000\nf: 5.\ng: +7\nh: .5\n",
        "a: Grüße 😀\nb: 1\n",
        "a.b: 1\n_c: 2\n",
        "a: b   \nc: d\n",
    ],
)
def test_what_is_plain_is_read_alike(text: str) -> None:
    """Values, types, lines and columns."""
    assert_read_alike(text)


@pytest.mark.parametrize("name", ["retail_banking", "virtual_assistant"])
def test_rule_files_are_read_alike(name: str) -> None:
    """As people write them."""
    assert_read_alike((default_folder() / "departments" / f"{name}.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "text",
    [
        *("", "\n", "# c\n", "a\n", "- a\n", "[a]\n", "{a: 1}\n", " a: 1\n", "a: 1\n b: 2\n", "a: 1\n  b\n", "a:\n"),
        *("a: b: c\n", "a: b:\n", "a:b\n", "a : b\n", "'a': b\n", "1: b\n", "true: b\n", "null: b\n", "? a\n: b\n"),
        *("a: 1\na: 2\n", "a: {b: 1, b: 2}\n", "a: null\n", "a: ~\n", "a: [null]\n", "a: {b: }\n", "a: [b,]\n"),
        *("a: &b c\n", "a: *b\n", "a: !b c\n", "<<: a\n", "a: |\n  b\n", "a: >-\n  b\n", "---\na: 1\n", "a: 1\n...\n"),
        *("%YAML 1.2\n---\na: 1\n", "a: 'b''c'\n", 'a: "\\n"\n', "a: 'b\n  c'\n", "a: b\n  c\n", "a:\n  - b\n    c\n"),
        *("a: b#c\n", "a: [b#c]\n", "a: 'b'#c\n", "a: 'b' c\n", "a: [b] c\n", "a: [b]c\n", "a: [b\nc]\n"),
        *("a: [b, c\n", "a: {b: c\n", "a: {b\n", "a: [b c, d: e]\n", "a: {b:c}\n", "a: [a?]\n", "a: []\n", "a: {}\n"),
        *("a: - b\n", "- a: b\n", "a:\n  - - b\n", "a:\n  b: c\n d: e\n", "a:\n  - b\n c: d\n"),
        *("a:\n- b\n- c: d\n e: f\n", "a: {b: c]\n", "a:\n  - \n", "a: {b: [c]: d}\n", "a: {b: @}\n"),
        *("a:\n  -\n    b: c\n", "a:\n - b\n  - c\n", "a:\n  [b]\n", "a:\n  b\n", "a: 1\n- b\n", "a:\n  b: 1\n  - c\n"),
        *("a:\tb\n", "\ta: b\n", "a: b\r\n", "a: b\u2028c\n", "a: b\u0085\n", "\ufeffa: 1\n", "a: \0\n", "a: \ud800\n"),
        *(f"a: {2**63}\n", f"a: {'9' * 301}\n", "a: [" * 30 + "b" + "]" * 30 + "\n", "a: {true: b}\n", "a: @b\n"),
        *("".join(f"{' ' * level}a:\n" for level in range(30)) + " " * 30 + "b: c\n",),
        *("a: .inf\n", "a: " + "[" * 30 + "b" + "]" * 30, "a: [b,\nc]\n", "- a: [b,\n  c]\n"),
    ],
)  # fmt: skip
def test_everything_else_is_left_to_the_full_reader(text: str) -> None:
    """It knows all of YAML, and says what is wrong."""
    assert read_plain(text) is None


SIGNS = " \n:#-[]{},'\"&*!|>%@`?=.~$\\+01aA_z\t\u00e9"
PIECES = (
    *(
        "- ",
        ": ",
        ", ",
        " #",
        "\n  ",
        "\n- ",
        "\n    ",
        "null",
        "true",
        "<<: ",
        "---\n",
        "? ",
        "key: ",
        "{a: 1}",
        "[b]",
    ),
    *("'c'", '"d"', "|\n", ">-\n", "0x1f", "1e400", "-.inf", "&x ", "*x", "!!str "),
)
BASES = (
    POLICY,
    "a: 1\nb:\n  - x\n  - {c: 2,\n     d: 3}\n",
    'a:\n- b\n- c: d\n  e: f\n- [g, h, {i: j}]\nk: "l: #m" # n\n',
    "x:\n    y:\n        z: it's\n    w: no:w\n# end\nv: 'q'\n",
)


@st.composite
def edited(draw: st.DrawFn) -> str:
    """A part of a rule file into which somebody has typed."""
    lines = draw(st.sampled_from(BASES)).splitlines(keepends=True)
    first = draw(st.integers(0, len(lines) - 1))
    text = "".join(lines[first : first + draw(st.integers(1, 8))])
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(text)))
        removed = draw(st.sampled_from((0, 0, 1, 2)))
        added = draw(st.one_of(st.just(""), st.sampled_from(SIGNS), st.sampled_from(PIECES)))
        text = text[:at] + added + text[at + removed :]
    return text


@settings(max_examples=1_500, deadline=None, derandomize=True, database=None)
@given(edited())
def test_whatever_is_taken_for_plain_is_read_alike(text: str) -> None:
    """A reader of a part of YAML must know where that part ends."""
    if read_plain(text) is not None:
        assert_read_alike(text)
