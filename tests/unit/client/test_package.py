"""What `import oversight_client` brings, and what it does not."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import oversight_client

HEAVY = (
    "sqlalchemy",
    "pydantic",
    "opentelemetry",
    "ruamel",
    "typer",
    "rich",
    "scipy",
    "oversight.engine",
    "oversight.errors",
)


def test_importing_the_client_loads_nothing_of_the_server():
    """Contact-centre software installs it beside its own libraries, without the server's."""
    code = f"import sys, oversight_client; print([m for m in sys.modules if m.startswith({HEAVY!r})])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert "[]" == done.stdout.strip()


def test_the_client_is_complete_with_its_three_dependencies():
    """Whatever else is installed here may be missing there."""
    code = """
import sys

# grpcio itself needs typing_extensions; coverage measures this very process, where it is asked to.
ALLOWED = {"grpc", "google", "oversight", "oversight_client", "typing_extensions", "coverage"}

class OnlyAllowed:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in ALLOWED | sys.stdlib_module_names:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, OnlyAllowed())
import oversight_client

print(oversight_client.Client(coalesce=oversight_client.Coalescing(), timeout_s=1).unavailable_count)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert (0, "0", "") == (done.returncode, done.stdout.strip(), done.stderr)


def test_all_is_what_is_exported():
    """A name is public or it is not."""
    tree = ast.parse(Path(oversight_client.__file__).read_text(encoding="utf-8"))
    imported = [alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert sorted(imported) == sorted(oversight_client.__all__)
    assert all(hasattr(oversight_client, name) for name in oversight_client.__all__)


def test_every_error_and_enum_is_exported():
    """Callers catch and compare by these."""
    public = {*oversight_client.errors.__all__, *oversight_client.enums.__all__, *oversight_client.values.__all__}
    assert public <= set(oversight_client.__all__)


def test_both_clients_have_the_same_methods():
    """What is learnt with one is known of the other."""

    def methods(kind: type) -> set[str]:
        return {name for name in vars(kind) if not name.startswith("_")}

    assert methods(oversight_client.Client) == methods(oversight_client.AsyncClient)
