"""The threads that run calls."""

from __future__ import annotations

import logging
import threading

import pytest

from oversight.grpc_api.pools import DecidingPool, InlinePool


def test_calls_wait_in_order_and_are_counted_until_taken_up() -> None:
    """Load is shed by this count."""
    pool = DecidingPool(1)
    entered, leave = threading.Event(), threading.Event()
    ran: list[int] = []

    def hold() -> None:
        entered.set()
        assert leave.wait(10)

    pool.submit(hold)
    assert entered.wait(10)
    done = threading.Event()
    pool.submit(ran.append, 1)
    pool.submit(ran.append, 2)
    pool.submit(done.set)
    assert 3 == pool.waiting
    leave.set()
    assert done.wait(10)
    assert ([1, 2], 0) == (ran, pool.waiting)
    pool.shutdown()


def test_a_call_that_fails_outside_its_handler_costs_no_thread(caplog: pytest.LogCaptureFixture) -> None:
    """A pool that loses a thread with every fault stops answering after eight of them."""
    pool = DecidingPool(1)
    done = threading.Event()

    def exit_thread() -> None:
        raise SystemExit

    with caplog.at_level(logging.ERROR):
        pool.submit(exit_thread)
        pool.submit(done.set)
        assert done.wait(10)
    assert "a call failed outside its handler" in caplog.text
    pool.shutdown()


def test_a_refusal_runs_where_it_is_submitted() -> None:
    """It must not wait behind the very queue that is too long."""
    pool = InlinePool()

    assert threading.get_ident() == pool.submit(threading.get_ident).result(timeout=0)


def test_a_refusal_that_fails_says_so_in_its_future() -> None:
    """The thread that delivers all calls must survive it."""

    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        InlinePool().submit(fail).result(timeout=0)
