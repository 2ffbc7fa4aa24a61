"""A decision against gRPC alone and against Cerbos: one to a call, and fifty; and one that waits for the disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from bench.bodies import BATCH
from bench.contenders import Contender, started
from bench.figures import Figure, Findings, NotMeasuredError, Table, ratios
from bench.own import floor, service
from bench.peer import VERSION, cerbos
from bench.report import spread
from bench.rounds import Plan, Round, make_round, take_turns

__all__ = ["measure_batch", "measure_synced", "measure_unary"]

_FEWER_RULES, _MORE_RULES = 10, 30
_TRIED = -1
_SYNCED = "service, synced"
_COLUMNS = ("", "lone p50 ms", "lone p99 ms", "decisions/s", "p50 ms", "p99 ms", "p99.9 ms", "CPU µs a decision", "MiB")
_Rounds = Mapping[str, list[Round]]


def measure_unary(plan: Plan) -> Findings:
    """Measure one decision a call."""
    own = [floor(), service()]
    peers, missing = _peers(plan, lambda: [cerbos(rules=_FEWER_RULES), cerbos(rules=_MORE_RULES)])
    found = _measure([*own, *peers], plan)
    alone, ours = found["floor"], found["service"]
    figures: dict[str, Figure | NotMeasuredError] = {
        "unary_floor": ratios(_rates(ours), _rates(alone)),
        "lone_floor": ratios([one.lone.p50_ms for one in ours], [one.lone.p50_ms for one in alone]),
        "memory": Figure(tuple(one.resident_mib for one in ours)),
    }
    if missing:
        figures |= {"unary_cerbos": missing, "p99_cerbos": missing}
    else:
        theirs = found[peers[0].name]
        figures["unary_cerbos"] = ratios(_rates(ours), _rates(theirs))
        figures["p99_cerbos"] = ratios([one.full.p99_ms for one in ours], [one.full.p99_ms for one in theirs])
    title = f"One decision a call, 32 calls under way (Cerbos {VERSION}, decision log in a file)"
    return Findings(figures, (_table(title, found),))


def measure_synced(plan: Plan) -> Findings:
    """Measure one decision a call where each reply waits until its record is on the disk."""
    found = _measure([floor(), service(), service(_SYNCED, record_sync="always")], plan)
    ratio = ratios(_rates(found[_SYNCED]), _rates(found["floor"]))
    return Findings(
        {"synced": ratio}, (_table("Records synced to the disk before each reply, 32 calls under way", found),)
    )


def measure_batch(plan: Plan) -> Findings:
    """Measure fifty decisions a call."""
    peers, missing = _peers(plan, lambda: [cerbos(rules=_FEWER_RULES, batch=BATCH)])
    found = _measure([service(batch=BATCH), *peers], plan)
    figures: dict[str, Figure | NotMeasuredError] = {}
    figures["batch_cerbos"] = missing or ratios(_rates(found["service"]), _rates(found[peers[0].name]))
    return Findings(figures, (_table(f"{BATCH} decisions a call, 32 calls under way", found),))


def _peers(plan: Plan, make: Callable[[], list[Contender]]) -> tuple[list[Contender], NotMeasuredError | None]:
    """Return the peers once each has answered, or why there are none: our own figures do not need them."""
    try:
        peers = make()
        for peer in peers:
            with started(peer, plan.place, _TRIED):
                pass
    except NotMeasuredError as error:
        return [], error
    return peers, None


def _measure(contenders: Sequence[Contender], plan: Plan) -> _Rounds:
    by_name = {contender.name: contender for contender in contenders}
    return take_turns([*by_name], plan.rounds, lambda name, number: make_round(by_name[name], number, plan))


def _rates(rounds: Sequence[Round]) -> list[float]:
    return [one.decisions_per_s for one in rounds]


def _table(title: str, found: _Rounds) -> Table:
    return Table(title, _COLUMNS, tuple((name, *_cells(rounds)) for name, rounds in found.items()))


def _cells(rounds: Sequence[Round]) -> tuple[str, ...]:
    series = (
        [one.lone.p50_ms for one in rounds],
        [one.lone.p99_ms for one in rounds],
        _rates(rounds),
        [one.full.p50_ms for one in rounds],
        [one.full.p99_ms for one in rounds],
        [one.full.p999_ms for one in rounds],
        [one.cpu_us for one in rounds],
        [one.resident_mib for one in rounds],
    )
    return tuple(map(spread, series))
