"""The errors: one tree that can be read, and words with everything that software and people need."""

from __future__ import annotations

import re

import pytest

from oversight import errors
from oversight.errors import (
    DecisionNotFoundError,
    InvalidPolicyError,
    InvalidRequestError,
    NotReplayableError,
    OversightError,
    Problem,
    RecordPendingError,
    RequestTooLargeError,
)


def _classes() -> dict[str, str]:
    """Return the errors that the module declares, each with its parent."""
    declared = [one for one in vars(errors).values() if isinstance(one, type) and one.__module__ == errors.__name__]
    return {one.__name__: one.__bases__[0].__name__ for one in declared if issubclass(one, Exception)}


def _tree() -> list[tuple[int, str, str]]:
    """Return the lines of the tree in the module's docstring: indentation, name, meaning."""
    lines = re.findall(r"^( *)[*x] (\w+) *(.*)$", errors.__doc__ or "", re.MULTILINE)
    return [(len(indent), name, meaning) for indent, name, meaning in lines]


def test_the_tree_in_the_docstring_is_the_tree_of_classes() -> None:
    """It is what people read to learn what can go wrong; one that is missing would be a surprise."""
    written: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for indent, name, _ in _tree():
        above = [one for one in above if one[0] < indent]
        written[name] = above[-1][1] if above else "Exception"
        above.append((indent, name))

    assert _classes() == written


@pytest.mark.parametrize(("name", "meaning"), [(name, meaning) for indent, name, meaning in _tree() if indent])
def test_every_error_has_its_meaning_in_the_tree(name: str, meaning: str) -> None:
    """A name alone leaves open what it means and what it does not."""
    assert re.fullmatch(r"[a-z].{15,}[^.]", meaning), name


def test_everything_declared_is_exported_in_order() -> None:
    """A list with holes is no list."""
    assert sorted([*_classes(), "Problem"]) == errors.__all__


@pytest.mark.parametrize(
    ("error", "text", "metadata"),
    [
        (InvalidRequestError("intent", "too long"), "intent: too long", {"field": "intent"}),
        (
            RequestTooLargeError(5_000_000, 4_194_304),
            "the message has 5,000,000 bytes, the limit is 4,194,304 (setting max_message_bytes)",
            {"size_bytes": "5000000", "limit_bytes": "4194304"},
        ),
        (
            DecisionNotFoundError("ab"),
            "no decision ab is on record",
            {"decision_id": "ab", "pending_outcomes": "0"},
        ),
        (
            DecisionNotFoundError("ab", 2),
            "no decision ab is on record; outcomes of it that wait: 2",
            {"decision_id": "ab", "pending_outcomes": "2"},
        ),
        (
            RecordPendingError("ab"),
            "decision ab is not in the store, and not every journal could be searched for it in time; try again",
            {"decision_id": "ab"},
        ),
        (NotReplayableError("dd", "it is gone"), "it is gone", {"digest": "dd"}),
        (OversightError("words"), "words", {}),
    ],
)
def test_text_is_for_people_and_metadata_for_software(
    error: OversightError, text: str, metadata: dict[str, str]
) -> None:
    """What a program acts on must not have to be read out of a sentence."""
    assert (text, metadata) == (str(error), error.metadata)


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("a.yaml", 2, 3, "bad"), "a.yaml:2:3: bad"),
        (Problem("a.yaml", 0, 0, "cannot be read"), "a.yaml: cannot be read"),
        (Problem("a.yaml", 2, 3, "bad", suggestion="good"), "a.yaml:2:3: bad (did you mean 'good'?)"),
    ],
)
def test_a_problem_says_where_it_is_in_the_form_that_editors_open(problem: Problem, text: str) -> None:
    """An error without its line is a search through the whole file."""
    assert text == str(problem)


def test_a_refused_policy_names_every_problem() -> None:
    """Whoever mends one at a time would have to start over each time."""
    problems = [Problem("a.yaml", 2, 3, "bad"), Problem("b.yaml", 1, 1, "worse")]
    error = InvalidPolicyError(problems)

    assert ("a.yaml:2:3: bad\nb.yaml:1:1: worse", tuple(problems)) == (str(error), error.problems)
