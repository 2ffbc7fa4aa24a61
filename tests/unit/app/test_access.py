"""Whose credentials a process takes: files that are followed, and when credentials are needed at all."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from authority import Issuer, jwt_settings
from oversight.access.identity import Identity, RefusedError, Role
from oversight.access.tokens import KnownToken, digest_of, write_book
from oversight.app.access import (
    KEYS_NAME,
    ROLES_NAME,
    TOKENS_NAME,
    WANTED_NAME,
    CurrentAccess,
    always_required,
    published_tokens,
)
from oversight.app.handover import clear_run, write_file
from oversight.settings import Settings

GATEWAY = Identity("gateway", frozenset({Role.DECIDE}))
ONE = [KnownToken(digest_of(b"one"), GATEWAY, None)]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Return the folder of the hand-over files."""
    clear_run(tmp_path)
    return tmp_path / "run"


def settings_with_roles(folder: Path) -> Settings:
    """Return settings of a server whose callers show certificates."""
    return Settings(
        data_dir=folder,
        certificate_roles_file=folder / "roles.yaml",
        **{f"tls_{name}_file": folder / name for name in ("cert", "key", "client_ca")},  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("expected", "settings"),
    [
        (False, {}),
        (True, {"authentication": "required"}),
        (True, {"tls_cert_file": "a", "tls_key_file": "b", "tls_client_ca_file": "c"}),
        (True, jwt_settings("keys.json")),
        (False, {"tls_cert_file": "a", "tls_key_file": "b"}),
        (True, {"listen": "0.0.0.0:0", "tls_cert_file": "a", "tls_key_file": "b"}),
        (True, {"admin_listen": "0.0.0.0:0", "tls_cert_file": "a", "tls_key_file": "b"}),
        (False, {"listen": "0.0.0.0:0", "insecure": True}),
    ],
)
def test_credentials_are_needed_beyond_loopback_and_where_any_are_set(expected: bool, settings: dict[str, Any]) -> None:
    """Nothing that others can reach is open unless somebody says so."""
    assert expected is always_required(Settings(**settings))


def test_a_server_is_open_only_while_it_is_known_that_there_never_was_a_token(tmp_path: Path, run: Path) -> None:
    """A store that does not answer may have some; and whoever has one caller revoked does not mean to let all in."""
    access = CurrentAccess(Settings(data_dir=tmp_path))
    seen = [(access.required, len(access.tokens), access.generation)]
    for content in (write_book([], any_made=False), write_book(ONE, any_made=True), write_book([], any_made=True)):
        write_file(run / TOKENS_NAME, content)
        access.refresh()
        seen.append((access.required, len(access.tokens), access.generation))
    assert [(True, 0, 0), (False, 0, 1), (True, 1, 2), (True, 0, 3)] == seen


def test_what_was_published_can_be_asked_for_by_others(tmp_path: Path, run: Path) -> None:
    """The first words of a server rest on it; a file that cannot be read must not keep them back."""
    path, seen = run / TOKENS_NAME, []
    for content in (None, b"torn", write_book(ONE, any_made=True)):
        if content is not None:
            write_file(path, content)
        found = published_tokens(tmp_path)
        seen.append(None if found is None else (found.any_made, len(found)))
    assert [None, None, (True, 1)] == seen


def test_tokens_outlive_a_restart(tmp_path: Path, run: Path) -> None:
    """A database that is down at the start must not lock every caller out."""
    write_file(run / TOKENS_NAME, write_book(ONE, any_made=True))
    clear_run(tmp_path)
    assert ONE == [CurrentAccess(Settings(data_dir=tmp_path)).tokens.find(digest_of(b"one"), 0)]


def test_a_damaged_file_leaves_what_was_there(tmp_path: Path, run: Path) -> None:
    """And says so, until a good one comes."""
    write_file(run / TOKENS_NAME, write_book(ONE, any_made=True))
    access = CurrentAccess(Settings(data_dir=tmp_path))
    write_file(run / TOKENS_NAME, b"{")
    access.refresh()
    assert (1, True) == (len(access.tokens), "cannot be used" in access.problem)
    write_file(run / TOKENS_NAME, write_book([], any_made=True))
    access.refresh()
    assert (0, "") == (len(access.tokens), access.problem)


def test_one_good_file_does_not_hide_another_damaged_one(tmp_path: Path, run: Path) -> None:
    """A revocation in the damaged one is not in force, whatever token is made meanwhile."""
    write_file(run / ROLES_NAME, b"callers: [{identity: 'cn:gateway', roles: [decide]}]")
    access = CurrentAccess(settings_with_roles(tmp_path))
    assert (["cn:gateway"], "") == (list(access.certificates), access.problem)
    write_file(run / ROLES_NAME, b"caller: []")
    access.refresh()
    write_file(run / TOKENS_NAME, write_book(ONE, any_made=True))
    access.refresh()
    assert (["cn:gateway"], 1) == (list(access.certificates), len(access.tokens))
    assert f"{ROLES_NAME} cannot be used" in access.problem
    write_file(run / ROLES_NAME, b"callers: []")
    access.refresh()
    assert ([], "") == (list(access.certificates), access.problem)


def test_keys_of_another_source_vouch_for_nobody(tmp_path: Path, run: Path) -> None:
    """They are left from before the setting was changed."""
    keys = json.loads(Issuer().jwks)["keys"]
    access = CurrentAccess(Settings(data_dir=tmp_path, **(jwt_settings("") | {"jwt_jwks": "new.json"})))
    for source, taken in (("old.json", False), ("new.json", True)):
        write_file(run / KEYS_NAME, json.dumps({"source": source, "keys": keys}).encode())
        access.refresh()
        assert taken is (access.web_tokens is not None)


@pytest.mark.parametrize(
    ("expected", "settings"),
    [
        (("jwt:alice", ["decide"], "north"), {}),
        (None, {"jwt_issuer": "https://another.example"}),
        (None, {"jwt_audience": "another"}),
        (None, {"jwt_algorithms": "ES256, PS256"}),
        (("jwt:alice", ["read"], "north"), {"jwt_roles_claim": "groups"}),
        (("jwt:alice", ["decide"], ""), {"jwt_tenant_claim": ""}),
        (None, {"jwt_tenant_claim": "organisation"}),
    ],
)
def test_tokens_are_checked_by_what_is_set(tmp_path: Path, run: Path, expected: Any, settings: dict[str, Any]) -> None:
    """Each of these settings lets somebody in or keeps somebody out."""
    issuer = Issuer()
    given = {"jwt_tenant_claim": "tenant"} | settings
    access = CurrentAccess(Settings(data_dir=tmp_path, **(jwt_settings("keys.json") | given)))
    write_file(run / KEYS_NAME, json.dumps({"source": "keys.json", **json.loads(issuer.jwks)}).encode())
    access.refresh()
    assert access.web_tokens is not None
    token = issuer.token(tenant="north", groups=["read"])
    try:
        identity, _ = access.web_tokens.check(token, time.time())
    except RefusedError:
        assert expected is None
    else:
        assert expected == (identity.name, sorted(identity.roles), identity.tenant_id)


def test_newer_keys_are_asked_for_by_a_file_and_not_in_the_call(tmp_path: Path, run: Path) -> None:
    """A call must not wait for a file system."""
    access = CurrentAccess(Settings(data_dir=tmp_path, **jwt_settings("keys.json")))
    access.want_keys()
    assert not (run / WANTED_NAME).exists()
    access.refresh()
    assert (run / WANTED_NAME).exists()
