"""The one table of who may do what."""

from __future__ import annotations

import importlib
import pkgutil

import pytest
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from oversight import v1
from oversight.access.identity import Role
from oversight.grpc_api.roles import ROLES


def served() -> list[str]:
    """Return every method of every service of ours, of health and of reflection."""
    modules = [importlib.import_module(f"oversight.v1.{found.name}") for found in pkgutil.iter_modules(v1.__path__)]
    files = [module.DESCRIPTOR for module in modules if hasattr(module, "DESCRIPTOR")]
    files += [health_pb2.DESCRIPTOR, reflection_pb2.DESCRIPTOR]
    services = [service for file in files for service in file.services_by_name.values()]
    return sorted({f"/{service.full_name}/{method.name}" for service in services for method in service.methods})


def test_every_method_names_its_role() -> None:
    """One that is forgotten would be open to all, or to nobody."""
    assert [] == [path for path in served() if path not in ROLES]
    assert len(served()) >= 10


def test_only_health_is_open_to_all() -> None:
    """Whatever else there is needs credentials where there are any."""
    assert {"grpc.health.v1.Health"} == {path.split("/")[1] for path, needs in ROLES.items() if needs.open_to_all}


@pytest.mark.parametrize("path", [path for path in ROLES if path.startswith("/oversight.v1.")])
def test_each_of_ours_needs_a_role(path: str) -> None:
    """None of them is for just anybody."""
    assert ROLES[path].role in list(Role)


def test_only_what_heeds_tenants_is_open_to_callers_bound_to_one() -> None:
    """Thresholds and policies are everybody's: one tenant's caller must not change them."""
    services = {path.split("/")[1].rpartition(".")[2] for path, needs in ROLES.items() if needs.by_tenant}
    assert {"DecisionService", "OutcomeService", "InsightService", "ServerReflection"} == services
