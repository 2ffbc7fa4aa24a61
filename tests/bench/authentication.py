"""
What it costs the worker to know who calls: `PYTHONPATH=tests python -m bench.authentication [ROUNDS]`.

CPU time of the worker for each Decide, from the kernel's counts: plaintext and open to all, the same with a token that
nobody asks for, with TLS, with a client certificate, with a bearer token, with a JSON Web Token. Every server runs all
the time; each round asks all of them, one after the other, so that what disturbs the machine disturbs all.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

from authority import Authority, Issuer, jwt_settings
from oversight.cli.load_generator.transport import OK, GrpcTransport
from oversight_client import TlsOptions, payloads
from oversight_client.bearer import Bearer
from servers import ServerProcess, a_request, started

_CALLERS = 16
_CONNECTIONS = 4
_SECONDS = 1.5
_ROUNDS = 7
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_COMMAND = str(Path(sys.executable).with_name("oversight"))


class _Way(NamedTuple):
    """One way to call: a server, and what is shown to it."""

    name: str
    server: ServerProcess
    tls: TlsOptions | None = None
    bearer: Bearer | None = None


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


async def _ask(way: _Way, seconds: float) -> int:
    """Have callers ask one after the other for *seconds*; return how many decisions there were."""
    requests = [a_request(f"r-{os.urandom(8).hex()}").SerializeToString() for _ in range(500)]
    turns = cycle(requests)
    end = time.monotonic() + seconds
    transport = GrpcTransport(
        way.server.target,
        method=payloads.DECIDE,
        connections=_CONNECTIONS,
        timeout_s=10,
        tls=way.tls,
        bearer=way.bearer,
    )

    async def call() -> int:
        done = 0
        while time.monotonic() < end:
            answer = await transport.call(next(turns))
            assert answer.status == OK, answer
            done += 1
        return done

    async with transport:
        return sum(await asyncio.gather(*[call() for _ in range(_CALLERS)]))


def _measure(way: _Way) -> float:
    """Return the worker's CPU time for one Decide in µs."""
    [worker] = way.server.status().workers
    asyncio.run(_ask(way, 0.3))
    began_s = _cpu_s(worker.pid)
    done = asyncio.run(_ask(way, _SECONDS))
    return (_cpu_s(worker.pid) - began_s) / done * 1e6


@contextlib.contextmanager
def _ways(folder: Path) -> Iterator[list[_Way]]:
    authority, issuer = Authority(), Issuer()
    tls: dict[str, Any] = authority.write_server(folder)
    certificate, key = authority.issue("gateway")
    for name, content in (("own.pem", certificate), ("own.key", key), ("keys.json", issuer.jwks)):
        (folder / name).write_bytes(content)
    (folder / "roles.yaml").write_text("callers: [{identity: 'cn:gateway', roles: [decide]}]")
    mutual = {**tls, "tls_client_ca_file": folder / "ca.pem", "certificate_roles_file": folder / "roles.yaml"}
    trusting = TlsOptions(ca_file=folder / "ca.pem")
    own = TlsOptions(ca_file=folder / "ca.pem", cert_file=folder / "own.pem", key_file=folder / "own.key")
    with contextlib.ExitStack() as stack:

        def server(name: str, **settings: Any) -> ServerProcess:
            (folder / name).mkdir()
            given = {"authentication": "required"} | settings
            return stack.enter_context(started(folder / name, None, worker_pinning="on", **given))

        with_token = server("token")
        making = [_COMMAND, "token", "create", "gateway", "--role", "decide", "--data-dir", str(with_token.data_dir)]
        made = subprocess.run(making, capture_output=True, text=True, check=True)
        time.sleep(2)  # until it is taken
        web_token = issuer.token(exp=int(time.time()) + 3600)
        is_open = server("open", authentication="auto")
        yield [
            _Way("open, plaintext", is_open),
            # What gRPC takes for one more header, which nobody reads.
            _Way("open, a token sent", is_open, bearer=Bearer(made.stdout.strip())),
            _Way("bearer token", with_token, bearer=Bearer(made.stdout.strip())),
            _Way("JSON Web Token", server("jwt", **jwt_settings(folder / "keys.json")), bearer=Bearer(web_token)),
            _Way("open, TLS", server("tls", authentication="auto", **tls), tls=trusting),
            _Way("TLS, client certificate", server("mutual", **mutual), tls=own),
        ]


def main() -> None:
    """Print µs of CPU for each way, and what it is more than the first, by the rounds' pairs."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else _ROUNDS
    with tempfile.TemporaryDirectory() as folder, _ways(Path(folder)) as ways:
        # The first CPU is the workers'; the load is made on the others.
        os.sched_setaffinity(0, set(range(1, os.cpu_count() or 1)) or {0})
        found = [[_measure(way) for way in (ways if number % 2 else ways[::-1])] for number in range(rounds)]
        by_round = [row if number % 2 else row[::-1] for number, row in enumerate(found)]
    print(f"{'CPU of the worker for a Decide':28} {'µs':>7} {'of the first':>14}   lowest..highest µs")
    for column, way in enumerate(ways):
        values = [row[column] for row in by_round]
        ratio = statistics.median(row[column] / row[0] for row in by_round)
        print(f"{way.name:28} {statistics.median(values):7.1f} {ratio:14.3f}   {min(values):.1f}..{max(values):.1f}")


if __name__ == "__main__":
    main()
