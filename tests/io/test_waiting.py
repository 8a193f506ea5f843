from __future__ import annotations

import asyncio
import socket
import time

import pytest

from turtls.io.waiting import AT_ONCE, NEVER, deadline_after, run_to_end, wait_for_socket


async def answer() -> int:
    await asyncio.sleep(0)
    return 42


async def hang() -> None:
    await asyncio.get_running_loop().create_future()


def test_deadlines_are_what_timeouts_mean() -> None:
    assert deadline_after(None) == NEVER
    assert deadline_after(0) == AT_ONCE
    assert deadline_after(1000) > time.monotonic()


def test_waiting_for_a_socket() -> None:
    near, far = socket.socketpair()
    with near, far:
        wait_for_socket(near, NEVER, write=True)
        with pytest.raises(BlockingIOError):
            wait_for_socket(near, AT_ONCE, read=True)
        with pytest.raises(TimeoutError):
            wait_for_socket(near, deadline_after(0.01), read=True)
        with pytest.raises(TimeoutError):
            wait_for_socket(near, time.monotonic() - 1, write=True)
        far.sendall(b"x")
        wait_for_socket(near, deadline_after(30), read=True)
    with pytest.raises(OSError, match="descriptor"):
        wait_for_socket(near, NEVER, read=True)


def test_an_awaitable_is_run_to_its_end() -> None:
    assert run_to_end(answer(), NEVER) == 42


def test_an_awaitable_is_run_to_its_end_inside_a_loop_too() -> None:
    async def inside() -> int:
        return run_to_end(answer(), deadline_after(30))

    assert asyncio.run(inside()) == 42


def test_an_awaitable_has_a_deadline() -> None:
    with pytest.raises(TimeoutError):
        run_to_end(hang(), deadline_after(0.01))
