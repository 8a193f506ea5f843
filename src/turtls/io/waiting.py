"""Waiting with a deadline: for a socket, and for an awaitable where there is no event loop.

A deadline is a point of `time.monotonic()`. It bounds all the waits of one operation together, so that a peer
cannot stretch it by sending a byte now and then.
"""

from __future__ import annotations

import errno
import math
import os
import select
import socket
import time
from collections.abc import Awaitable
from typing import Final, TypeVar

T = TypeVar("T")

NEVER: Final = math.inf
AT_ONCE: Final = -math.inf
"""Do not wait at all: BlockingIOError instead, as from a socket with a timeout of 0."""


def deadline_after(timeout: float | None) -> float:
    """The deadline that a socket's `timeout` (seconds, None for ever, 0 not at all) means from now on."""
    if timeout is None:
        return NEVER
    return time.monotonic() + timeout if timeout > 0 else AT_ONCE


def wait_for_socket(sock: socket.socket, deadline: float, *, read: bool = False, write: bool = False) -> None:
    """Return when `sock` is ready for one of what is asked. Raises TimeoutError or, at AT_ONCE, BlockingIOError."""
    if deadline == AT_ONCE:
        raise _os_error(errno.EWOULDBLOCK)
    fileno = sock.fileno()
    if fileno < 0:  # another thread closed it
        raise _os_error(errno.EBADF)
    remaining = deadline - time.monotonic()
    if remaining <= 0 or not _ready(fileno, None if deadline == NEVER else remaining, read, write):
        raise _os_error(errno.ETIMEDOUT)


def _os_error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


if hasattr(select, "poll"):

    def _ready(fileno: int, timeout: float | None, read: bool, write: bool) -> bool:
        poll = select.poll()
        poll.register(fileno, (select.POLLIN if read else 0) | (select.POLLOUT if write else 0))
        return bool(poll.poll(None if timeout is None else math.ceil(timeout * 1000)))

else:

    def _ready(fileno: int, timeout: float | None, read: bool, write: bool) -> bool:
        wanted = [fileno]
        return any(select.select(wanted if read else (), wanted if write else (), wanted, timeout))


def run_to_end(awaitable: Awaitable[T], deadline: float) -> T:
    """What `awaitable` gives, in an event loop made for it. Raises what it raises, and TimeoutError at the deadline."""
    import asyncio  # large, and most programs that block have nothing to await

    async def wait() -> T:
        async with asyncio.timeout(None if deadline == NEVER else deadline - time.monotonic()):
            return await awaitable

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(wait())
    # This thread is busy running a loop, and cannot run a second one inside it.
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as elsewhere:
        return elsewhere.submit(asyncio.run, wait()).result()
