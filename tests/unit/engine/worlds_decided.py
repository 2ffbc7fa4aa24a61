"""What the engine makes of a drawn world, as a controller and a worker would between them."""

from __future__ import annotations

import marshal
from collections.abc import Mapping

from oversight.engine.compile import compile_policies
from oversight.engine.decide import decide
from oversight.engine.decision import Decision
from oversight.engine.identity import Keys
from oversight.engine.index import LEAST_INDEXED
from oversight.engine.policy import Policy
from oversight.engine.request import Request, ServerFacts
from oversight.engine.snapshot import LiveValue, Snapshot, Stop, assemble
from unit.engine.strategies import DEFAULT_POLICY, World

__all__ = ["FACTS", "KEYS", "decide_in", "snapshot_of"]

KEYS = Keys(b"id-key", b"audit-key", "audit-1")
FACTS = ServerFacts()


def snapshot_of(
    policies: Mapping[str, Policy],
    live: tuple[LiveValue, ...] = (),
    stops: tuple[Stop, ...] = (),
    *,
    least_indexed: int = LEAST_INDEXED,
) -> Snapshot:
    """Compile, write, read and assemble."""
    plain = compile_policies(policies, least_indexed=least_indexed)
    blueprint = marshal.loads(marshal.dumps(plain))  # noqa: S302 - written just now
    return assemble(blueprint, default_policy=DEFAULT_POLICY, live=live, stops=stops)


def decide_in(world: World, request: Request, facts: ServerFacts = FACTS) -> Decision:
    """Decide *request* from nothing but *world*."""
    return decide(snapshot_of(world.policies, world.live, world.stops), request, facts, KEYS)
