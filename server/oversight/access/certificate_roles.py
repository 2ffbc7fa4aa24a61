"""The file with the roles of callers by the name in their certificate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from oversight.access.identity import MAX_TENANT_LENGTH, Identity, read_roles

__all__ = ["read_certificate_roles"]

_KEYS = {"identity", "roles", "tenant"}


def read_certificate_roles(content: bytes) -> dict[str, Identity]:
    """
    Return the callers by name that a file of roles lists; raise ValueError that says where it is wrong.

    YAML: `callers`, a list of `identity`, `roles` and, if wanted, `tenant`.
    """
    try:
        document = YAML(typ="safe", pure=True).load(content)
    except (YAMLError, ValueError) as problem:
        raise ValueError(f"it is no YAML: {' '.join(str(problem).split())}") from problem
    if not isinstance(document, dict) or set(document) != {"callers"} or not isinstance(document["callers"], list):
        raise ValueError("expected one key, callers: a list of callers, each with identity and roles")
    found: dict[str, Identity] = {}
    for number, row in enumerate(document["callers"]):
        try:
            identity = _identity(row)
        except ValueError as problem:
            raise ValueError(f"callers[{number}]: {problem}") from problem
        if identity.name in found:
            raise ValueError(f"callers[{number}]: {identity.name} is listed twice")
        found[identity.name] = identity
    return found


def _identity(row: Any) -> Identity:
    if not isinstance(row, dict) or not {"identity", "roles"} <= set(row) <= _KEYS:
        raise ValueError("expected identity, roles and, if wanted, tenant, and nothing else")
    name, tenant_id = row["identity"], row.get("tenant", "")
    if not isinstance(name, str) or ":" not in name:
        raise ValueError(f"identity: expected a URI of a certificate or cn:NAME, got {name!r}")
    if not isinstance(tenant_id, str) or len(tenant_id) > MAX_TENANT_LENGTH or ("tenant" in row and not tenant_id):
        raise ValueError(f"tenant: expected text of 1 to {MAX_TENANT_LENGTH} characters, got {tenant_id!r}")
    return Identity(name, read_roles(_texts(row["roles"])), tenant_id)


def _texts(values: Any) -> Iterator[str]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError(f"roles: expected a list of roles, got {values!r}")
    yield from values
