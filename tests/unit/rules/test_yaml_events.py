"""libyaml reads only what ruamel.yaml reads alike."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import Event, ScalarEvent

from bench.many_rules import rule_files
from oversight.rules.yaml_events import is_plain, read_events

POLICIES = Path(__file__).parents[3] / "policy_rules"
FILES = {path.name: path.read_text("utf-8") for path in sorted(POLICIES.rglob("*.yaml"))}
PARTS = [
    *("a", "b", "no", "0", "1.5", "~", "é", "-a", "x:y", "::", '"a"', "'b'", '"\\n"', '"x": ', "a: b", "{a: b}", "[c]"),
    *("- ", "? ", ": ", ":", ",", "[", "]", "{", "}", "#", " #", "---\n", " ", "  ", "\n", "\n  ", "\n- ", "\n\n"),
]
ODD = ["&x ", "*x", "!t ", "!!str ", "|\n", ">-\n", "...\n", "%YAML 1.2\n", "\t", "\r\n", "\u2028", "\x85", "\ufeff"]


def told(event: Event) -> tuple[object, ...]:
    """Return what the reader of rule files looks at; where an empty value stands is told by its key."""
    implicit = getattr(event, "implicit", None)
    empty = isinstance(event, ScalarEvent) and not event.value
    placed = "End" not in type(event).__name__ and not empty
    return (
        type(event).__name__,
        *(getattr(event, name, None) for name in ("value", "anchor", "tag", "version")),
        implicit[0] if isinstance(implicit, tuple) else None,
        (event.start_mark.line, event.start_mark.column) if placed else None,
    )


def read(text: str, *, pure: bool) -> list[tuple[object, ...]] | None:
    """Return what one of the two parsers tells; None where it refuses."""
    try:
        return [told(event) for event in YAML(typ="safe", pure=pure).parse(text)]
    except YAMLError:
        return None


def check(text: str) -> bool:
    """Return whether libyaml may read *text* and does; then the other must have read the same."""
    found = read(text, pure=False) if is_plain(text) else None
    if found is not None:
        assert read(text, pure=True) == found
    return found is not None


@given(st.lists(st.sampled_from(PARTS + ODD), max_size=12).map("".join))
def test_no_text_is_read_otherwise(text):
    """A rule that means one thing in `oversight check` and another in force would be worse than a slow start."""
    check(f"{text}\n")


def test_damaged_rule_files_are_not_read_otherwise():
    """What people really write, with the slips they make; most of it is still read by both."""
    random_ = random.Random(4711)  # noqa: S311 - nothing here is secret
    both = 0
    for _ in range(600):
        lines = random_.choice([*FILES.values()]).splitlines(keepends=True)
        start = random_.randrange(len(lines))
        text = "".join(lines[start : start + random_.randint(1, 12)])
        for _ in range(random_.randint(0, 2)):
            place = random_.randrange(len(text))
            text = text[:place] + random_.choice(["", *PARTS, *ODD]) + text[place + random_.randint(0, 2) :]
        both += check(text)
    assert both > 150


@pytest.mark.parametrize("name", FILES)
def test_our_own_files_are_read_alike(name):
    """Those that are plain, by libyaml."""
    assert [told(event) for event in read_events(FILES[name])] == read(FILES[name], pure=True)


def test_a_large_policy_is_plain():
    """It is the one whose reading takes seconds."""
    assert {True} == {is_plain(text) for text in rule_files(60).values()}


@pytest.mark.parametrize(
    "text",
    [
        "a: &x 1\n",
        "a: *x\n",
        "a: !t 1\n",
        "a: |\n  b\n",
        "a:\n  >-\n  b\n",
        "a: [*x]\n",
        "%YAML 1.2\n---\na: 1\n",
        "a: 1\n...\n",
        "a:\t1\n",
        "a: 1\r\n",
        "a: \x85\n",
        "a: \u2028\n",
        "\ufeffa: 1\n",
        "[a]: 1\n",
        "a: 1",
    ],
)
def test_what_the_two_may_read_otherwise_is_not_plain(text):
    """It is read by the one that knows YAML 1.2."""
    assert not is_plain(text)


def test_words_with_such_characters_are_plain():
    """Only where they may begin something do they count."""
    assert is_plain("a: R&D and 5*6, 1 < 2; stop! it's 'a|b' — é\n")


def test_a_refusal_is_in_the_words_of_one_parser():
    """Whoever mends the file reads them."""
    with pytest.raises(YAMLError) as slow:
        list(YAML(typ="safe", pure=True).parse("a: [b\n"))
    with pytest.raises(YAMLError) as refused:
        list(read_events("a: [b\n"))
    assert str(slow.value) == str(refused.value)
