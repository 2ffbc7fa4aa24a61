"""
How long a revoked token is still taken by some worker while the CPUs are busy.

`python tests/bench/revocation.py [--tokens 30] [--callers 4]`. One replica as shipped with two workers and an embedded
store. Callers ask all the time with a token of their own, so that every CPU is saturated. Again and again another
token is made with `oversight token create`, shown on connections of its own until every one of them is let in, and
revoked with `oversight token revoke`. It counts from the time that this command puts on record, before it commits,
until every connection has been refused as UNAUTHENTICATED; to start the command takes seconds on such a machine.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import grpc

from bench.propagation import WORKERS, busy, describe
from oversight.storage.open import open_database
from oversight.storage.sqlite import file_url
from oversight.storage.tokens import SqlTokens
from oversight.v1 import decision_service_pb2_grpc
from pairs import Caller, write_pair_policy
from servers import ServerProcess, a_request, started, wait_until

PROBES = 6
"""Connections that show each token; the kernel deals them out to the workers by chance."""
_PAUSE_S = 0.02


class Probe:
    """A thread that shows one token on a connection of its own until it is refused after it was taken."""

    def __init__(self, target: str, token: str) -> None:
        self.taken = threading.Event()
        self.refused_at_s = 0.0
        self._target = target
        self._metadata = (("authorization", f"Bearer {token}"),)
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()

    def join(self) -> None:
        """Wait for the end."""
        self._thread.join()

    def _ask(self) -> None:
        with grpc.insecure_channel(self._target, [("grpc.use_local_subchannel_pool", 1)]) as channel:
            stub = decision_service_pb2_grpc.DecisionServiceStub(channel)
            end_s = time.monotonic() + 60
            while time.monotonic() < end_s:
                try:
                    stub.Decide(a_request(), timeout=10, metadata=self._metadata)
                    self.taken.set()
                except grpc.RpcError as error:
                    refused = error.code() == grpc.StatusCode.UNAUTHENTICATED
                    if refused and self.taken.is_set():
                        self.refused_at_s = time.time()
                        return
                time.sleep(_PAUSE_S)


def token(server: ServerProcess, *words: str) -> str:
    """Run `oversight token` with *words* and return what it prints."""
    command = [str(Path(sys.executable).with_name("oversight")), "token", *words, "--data-dir", str(server.data_dir)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def revoked_at_s(server: ServerProcess, name: str) -> float:
    """Return when the token of that *name* was revoked, as it stands on record."""
    database = open_database(file_url(server.data_dir / "control.db"), read_only=True)
    [found] = [one for one in SqlTokens(database).list() if one.name == name]
    database.engine.dispose()
    assert found.revoked_at_us is not None
    return found.revoked_at_us / 1e6


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0].strip())
    parser.add_argument("--tokens", type=int, default=30)
    parser.add_argument("--callers", type=int, default=4)
    options = parser.parse_args()
    took_s = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="oversight-revocation-")))
        write_pair_policy(folder / "policy")
        server = stack.enter_context(started(folder, workers=WORKERS, policy_poll_s=1.0))
        own = token(server, "create", "load", "--role", "decide")
        stop = threading.Event()
        began_s = time.monotonic()
        callers = [Caller(server.target, stop, token=own) for _ in range(options.callers)]
        try:
            for number in range(options.tokens):
                made = token(server, "create", f"t-{number}", "--role", "decide")
                probes = [Probe(server.target, made) for _ in range(PROBES)]
                wait_until(lambda: all(one.taken.is_set() for one in probes), "the token to be taken")  # noqa: B023
                token(server, "revoke", f"t-{number}")
                for probe in probes:
                    probe.join()
                took_s.append(max(probe.refused_at_s for probe in probes) - revoked_at_s(server, f"t-{number}"))
            wait_until(lambda: min(busy(server)) > 0, "every worker to have decided")
        finally:
            stop.set()
            for caller in callers:
                caller.join()
        ran_s = time.monotonic() - began_s
    replies = sum(caller.replies for caller in callers)
    print("| callers | replies/s | tokens | p50 s | p99 s | max s | within 1 s |")
    print("|---|---|---|---|---|---|---|")
    print(f"| {len(callers)} | {replies / ran_s:,.0f} | {len(took_s)} | {describe(took_s)} |")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
