"""What the tests of rule files share."""

from __future__ import annotations

import pytest

from oversight.errors import InvalidPolicyError
from oversight.rules.load import load
from oversight.rules.source import RuleFiles


def _files(files):
    return RuleFiles({"contact_centre.yaml": files} if isinstance(files, str) else files)


@pytest.fixture
def policies_of():
    """Return a function that loads files (or one text) and returns the policies by name."""
    return lambda files: load(_files(files), default_policy="contact_centre").policies


@pytest.fixture
def warnings_of():
    """Return a function that loads files (or one text) and returns the warnings in words."""
    return lambda files: [str(one) for one in load(_files(files), default_policy="contact_centre").warnings]


@pytest.fixture
def problems_of():
    """Return a function that loads files (or one text) that are wrong and returns the problems in words."""

    def find(files):
        with pytest.raises(InvalidPolicyError) as caught:
            load(_files(files), default_policy="contact_centre")
        return [str(problem) for problem in caught.value.problems]

    return find


@pytest.fixture
def with_rule():
    """
    Return a function that writes a policy around one condition, which stands in line 8 from column 11.

    What is `extra` comes after the rule, from line 12 on.
    """

    def write(when: str, extra: str = "", top: str = "version: '1'") -> str:
        return (
            "policy: contact_centre\n"
            "intents: [order_status, complaint]\n"
            f"{top}\n"
            "thresholds:\n"
            "  autonomy: {description: Lowest., default: 0.85, min: 0.6, max: 0.99, tightens: raise}\n"
            "rules:\n"
            "  - id: low\n"
            f"    when: {when}\n"
            "    tier: human_in_the_loop\n"
            "    reason: LOW\n"
            "    message: It is low.\n"
            f"{extra}"
        )

    return write
