"""A server killed under callers who share calls: everyone is answered, by the server or by the fail-safe."""

from __future__ import annotations

import threading
import time
from collections import Counter

from oversight_client import Client, Coalescing, Decision
from servers import ServerProcess, wait_until

CALLERS = 32
TIMEOUT_S = 0.5


def test_a_server_killed_in_mid_flight_leaves_nobody_without_an_answer(server: ServerProcess) -> None:
    """Each gets a decision of its own, in time, and none is another's."""
    server.start()
    answers: list[tuple[str, Decision, float]] = []
    stop = threading.Event()

    def ask(caller: int) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            name = f"c{caller}-{number}"
            began = time.monotonic()
            decision = client.decide(request_id=name, intent="order_status", response_confidence=0.97)
            answers.append((name, decision, time.monotonic() - began))

    with Client(server.target, timeout_s=TIMEOUT_S, coalesce=Coalescing()) as client:
        threads = [threading.Thread(target=ask, args=(caller,)) for caller in range(CALLERS)]
        for thread in threads:
            thread.start()
        try:
            wait_until(lambda: len(answers) > 20 * CALLERS, "decisions before the kill")
            server.kill()
            before = len(answers)
            wait_until(lambda: len(answers) > before + 2 * CALLERS, "answers of the fail-safe")
        finally:
            stop.set()
            for thread in threads:
                thread.join(10 * TIMEOUT_S)
        assert not any(thread.is_alive() for thread in threads)
    assert all(name == decision.request_id for name, decision, _ in answers)
    assert {1} == set(Counter(name for name, _, _ in answers).values())
    assert {True, False} == {decision.recorded for _, decision, _ in answers}
    assert {"DECISION_UNAVAILABLE"} == {decision.reason for _, decision, _ in answers if not decision.recorded}
    assert max(took_s for _, _, took_s in answers) < TIMEOUT_S + 2
