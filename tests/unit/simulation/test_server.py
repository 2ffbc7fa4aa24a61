"""A server of the simulation's own that does not come up, or does not stay."""

from __future__ import annotations

from pathlib import Path

import pytest

from oversight.errors import SimulationError
from oversight.simulation.server import SimulatedServer


def test_why_it_does_not_come_up_is_said(tmp_path: Path) -> None:
    """Mostly rule files that do not compile."""
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "contact_centre.yaml").write_text("policy: contact_centre\nrulse: []\n", encoding="utf-8")
    server = SimulatedServer(tmp_path, seed=1, policy=rules)

    with pytest.raises(SimulationError, match=r"did not come up:\n(.*\n)*.*contact_centre\.yaml:2"), server:
        pass

    with pytest.raises(SimulationError, match="the simulated server has ended"):
        server.check()


def test_a_seed_makes_the_same_keys_and_another_others(tmp_path: Path) -> None:
    """The audits that the server draws depend on them."""

    def keys(name: str, seed: int) -> list[str]:
        (tmp_path / name).mkdir()
        SimulatedServer(tmp_path / name, seed=seed)
        return [path.read_text() for path in sorted((tmp_path / name / "data" / "keys").iterdir())]

    first, again, other = keys("a", 1), keys("b", 1), keys("c", 2)
    assert 2 == len(set(first))
    assert first == again
    assert not set(first) & set(other)
