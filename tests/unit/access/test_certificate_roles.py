"""The file that gives certificates roles."""

from __future__ import annotations

import pytest

from oversight.access.certificate_roles import read_certificate_roles
from oversight.access.identity import Identity, Role

ROW = "{identity: 'cn:a', roles: [decide]}"


def test_callers_are_read_with_their_roles() -> None:
    """The example of the administrators' page."""
    content = b"""
callers:
  - identity: spiffe://bank.example/gateway
    roles: [decide, record]
    tenant: north
  - identity: cn:dashboard
    roles: [read]
"""
    assert {
        "spiffe://bank.example/gateway": Identity(
            "spiffe://bank.example/gateway", frozenset({Role.DECIDE, Role.RECORD}), "north"
        ),
        "cn:dashboard": Identity("cn:dashboard", frozenset({Role.READ})),
    } == read_certificate_roles(content)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected one key, callers"),
        ("callers: {}", "expected one key, callers"),
        ("callers: []\nmore: 1", "expected one key, callers"),
        ("callers: [", "it is no YAML"),
        ("callers: [1]", r"callers\[0\]: expected identity, roles"),
        ("callers: [{identity: 'cn:a', roles: [decide], role: x}]", r"callers\[0\]: expected identity, roles"),
        ("callers: [{identity: 'cn:a'}]", r"callers\[0\]: expected identity, roles"),
        ("callers: [{identity: a, roles: [decide]}]", "identity: expected a URI of a certificate or cn:NAME, got 'a'"),
        ("callers: [{identity: 'cn:a', roles: decide}]", "roles: expected a list"),
        ("callers: [{identity: 'cn:a', roles: []}]", "at least one role"),
        ("callers: [{identity: 'cn:a', roles: [decides]}]", "got 'decides'"),
        ("callers: [{identity: 'cn:a', roles: [decide], tenant: ''}]", "tenant: expected text"),
        ("callers: [{identity: 'cn:a', roles: [decide], tenant: 7}]", "tenant: expected text"),
        (f"callers: [{ROW}, {ROW}]", r"callers\[1\]: cn:a is listed twice"),
    ],
)
def test_what_is_wrong_is_named(text: str, words: str) -> None:
    """A misspelt role must not lock anybody out unnoticed, nor let anybody in."""
    with pytest.raises(ValueError, match=words):
        read_certificate_roles(text.encode())
