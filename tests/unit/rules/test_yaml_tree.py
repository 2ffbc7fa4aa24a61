"""YAML text as values that know where they stand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oversight.rules.report import Place, Report
from oversight.rules.yaml_tree import MAX_FILE_BYTES, Entries, Items, read_tree


def read(text):
    report = Report()
    return read_tree("a.yaml", text, report), [str(problem) for problem in report.errors]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("no", "no"), ("yes", "yes"), ("on", "on"), ("true", True), ("FALSE", False), ("'true'", "true"), ("7", 7),
        ("-7", -7), ("+7", 7), ("007", 7), ("0o17", 15), ("0xff", 255), ("1_000", "1_000"), ("0.5", 0.5), (".5", 0.5),
        ("5.", 5.0), ("1e3", 1000.0), ("-.inf", float("-inf")), (".INF", float("inf")), ("1:30", "1:30"),
        ("2026-01-01", "2026-01-01"), ('"7"', "7"), ("a b", "a b"), ("$low + 0.05", "$low + 0.05"), ("'it''s'", "it's"),
        ("''", ""), (str(2**63 - 1), 2**63 - 1), (str(-(2**63)), -(2**63)),
    ],
)  # fmt: skip
def test_a_value_is_what_yaml_1_2_says(written, value):
    """In YAML 1.1 Norway is false, half past one is 90, and a date is no text."""
    tree, problems = read(f"key: {written}\n")

    assert ([], {"key": value}, type(value)) == (problems, tree, type(tree["key"]))


def test_every_key_and_item_knows_where_it_stands():
    """An error without its line is a search through the whole file."""
    tree, _ = read("a: 1\nb:\n  - x\n  - {c: 2,\n     d: 3}\n")
    items = tree["b"]

    assert isinstance(tree, Entries)
    assert isinstance(items, Items)
    assert {"a": Place(1, 1), "b": Place(2, 1)} == tree.places
    assert [Place(3, 5), Place(4, 5)] == items.places
    assert isinstance(items[1], Entries)
    assert {"c": Place(4, 6), "d": Place(5, 6)} == items[1].places


def test_an_alias_stands_for_its_anchor():
    """A list that two rules share may be written once."""
    tree, problems = read("a: &list [x, y]\nb: *list\n")

    assert ([], ["x", "y"]) == (problems, tree["b"])


def test_a_byte_order_mark_is_no_character_of_the_file():
    """Some editors write one unasked."""
    assert ({"a": 1}, []) == read("\ufeffa: 1\n")


def bomb(levels):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines)


NOT_YAML = "a.yaml:{}: this is not valid YAML: {}; look for a missing quote, bracket, colon or indent just above"

BEYOND = (
    "this whole number is beyond 64 bits: it must be from -9223372036854775808 to 9223372036854775807; "
    "put text in quotes"
)
NO_TEXT = "this text holds {}; write whole characters, or remove it"

BROKEN = {
    "": "a.yaml: the file is empty; a rule file starts with 'policy: NAME'",
    "# only a comment\n": "a.yaml: the file is empty; a rule file starts with 'policy: NAME'",
    "- a\n": "a.yaml:1:1: a rule file holds keys and values and starts with 'policy: NAME'",
    "a: 1\nb: 2\na: 3\n": "a.yaml:3:1: 'a' stands here a second time; the first is in line 1",
    "a: {b: 1, b: 2}\n": "a.yaml:1:11: 'b' stands here a second time; the first is in line 1",
    "a:\n": "a.yaml:1:1: 'a' has no value; give it one or remove the line",
    "a: [x, ]\nb: [null]\n": "a.yaml:2:5: this list item is empty; give it a value or remove it",
    "a: 1\n---\nb: 2\n": "a.yaml:2:1: a second document starts here; put each policy into a file of its own",
    "%YAML 1.1\n---\na: 1\n": "a.yaml:2:1: rule files are YAML 1.2; remove the %YAML line",
    "a: &x [*x]\n": "a.yaml:1:8: the alias *x stands for something that contains it",
    "a: *x\n": "a.yaml:1:4: the alias *x has no anchor above it",
    bomb(9): "a.yaml:4:45: the aliases of this file stand for more than 10,000 values; write them out",
    "a: !x y\n": "a.yaml:1:4: the tag '!x' is not supported; write a plain value (text in quotes)",
    "<<: {a: 1}\n": "a.yaml:1:1: merging with '<<' is not part of YAML 1.2; write the keys out",
    "1: a\n": "a.yaml:1:1: the key 1 is not text; put it in quotes",
    "? [a]\n: b\n": "a.yaml:1:3: the key ['a'] is not text; put it in quotes",
    "a: \x07\n": "a.yaml:1:4: the character U+0007 cannot stand in a YAML file; remove it",
    "a: b\nc: \ud800\n": "a.yaml:2:4: the character U+D800 cannot stand in a YAML file; remove it",
    "a:\n\t- b\n": "a.yaml:2:1: a tab indents this line; indent with spaces",
    "a: " + "[" * 41 + "]" * 41: "a.yaml:1:44: this is nested deeper than 40 levels; simplify it",
    "a: " + "[" * 100_000: "a.yaml:1:44: this is nested deeper than 40 levels; simplify it",
    "a: " + "9" * 301: "a.yaml:1:4: 'a': this number has more than 300 digits",
    "a: {b: 0x" + "F" * 296 + "}": f"a.yaml:1:8: 'b': {BEYOND}",
    f"a: [1, {2**63}]": f"a.yaml:1:8: 'a': {BEYOND}",
    f"a: {-(2**63) - 1}": f"a.yaml:1:4: 'a': {BEYOND}",
    f"{2**63}: a": f"a.yaml:1:1: {BEYOND}",
    'a: {b: "x\\uD800"}': f"a.yaml:1:8: 'b': {NO_TEXT.format('U+D800, half a character')}",
    'a:\n  - "x\\0"\n': f"a.yaml:2:5: 'a': {NO_TEXT.format('U+0000 (NUL)')}",
    '"\\uDFFF": a': f"a.yaml:1:1: {NO_TEXT.format('U+DFFF, half a character')}",
    "a: [1\nb: 2\n": NOT_YAML.format("2:2", "while parsing a flow sequence, expected ',' or ']', but got ':'"),
    "a: 'x\n": NOT_YAML.format("2:1", "while scanning a quoted scalar, found unexpected end of stream"),
    "#" * (MAX_FILE_BYTES + 1): (
        "a.yaml: the file has 1,048,577 bytes, the limit is 1,048,576 (1 MiB); split it into several"
    ),
}


@pytest.mark.parametrize(("text", "problem"), list(BROKEN.items()), ids=[repr(text[:25]) for text in BROKEN])
def test_what_cannot_be_read_is_told_with_its_place(text, problem):
    """A file that a person or an attacker got wrong must end in a sentence, not in a crash or a full memory."""
    assert [problem] == read(text)[1]


def test_a_file_of_the_largest_size_is_read():
    """The limit is the limit, not one below it."""
    text = "a: 1\n#"
    assert ({"a": 1}, []) == read(text + "x" * (MAX_FILE_BYTES - len(text)))


def test_a_value_may_be_empty_only_right_under_the_keys_that_allow_it():
    """In a case, null takes a default away; anywhere else it is a value that was forgotten."""
    report = Report()
    tree = read_tree("a.yaml", "request: {a: null, b: {c: null}}\nd: null\n", report, empty_in=frozenset({"request"}))

    forgotten = "has no value; give it one or remove the line"

    assert {"request": {"a": None, "b": {}}} == tree
    assert [f"a.yaml:1:24: 'c' {forgotten}", f"a.yaml:2:1: 'd' {forgotten}"] == [str(one) for one in report.errors]


def test_a_key_without_a_value_still_knows_its_place():
    """So that nothing else complains that the key is missing."""
    assert {"a": Place(1, 1)} == read("a:\n")[0].places


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200))
def test_any_text_is_read_or_told(text):
    """No file, however odd, may raise anything here."""
    tree, problems = read(text)

    assert (tree is None) <= bool(problems)


@given(st.text(alphabet="ab:-[]{}&*!|>'\"%#?, \n\t<.0", max_size=60))
def test_any_yaml_like_text_is_read_or_told(text):
    """The same with what a parser stumbles over."""
    tree, problems = read(text)

    assert (tree is None) <= bool(problems)
