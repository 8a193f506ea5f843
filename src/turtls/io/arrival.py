"""How a task that waits for data goes on as soon as they have come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextvars import Context
from typing import Any


class Arrival:
    """What the task awaits: as much of an `asyncio.Future` as a task asks of one.

    The task of a future goes on in the loop's next round. For a small message that round is a tenth of all its costs,
    so here the task goes on within `happen`.
    """

    __slots__ = ("_asyncio_future_blocking", "_cancelled", "_context", "_go_on", "_loop", "_over")

    _go_on: Callable[[Arrival], object]
    _context: Context

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._over = False
        self._cancelled: asyncio.CancelledError | None = None
        self._asyncio_future_blocking = False  # the mark of what a task may await (`asyncio.isfuture`)

    def __await__(self) -> Generator[Arrival, None, None]:
        self._asyncio_future_blocking = True
        yield self

    def happen(self) -> None:
        """It has come. The task goes on now, unless it does so already: after this call it may be anywhere."""
        if self._over:
            return
        self._over = True
        if asyncio.current_task(self._loop) is None:
            self._context.run(self._go_on, self)
        else:  # two tasks cannot run at once
            self._loop.call_soon(self._go_on, self, context=self._context)

    # What the task calls.

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """The loop it belongs to."""
        return self._loop

    def add_done_callback(self, go_on: Callable[[Arrival], object], *, context: Context) -> None:
        """What is to be called, in which context."""
        self._go_on = go_on
        self._context = context

    def cancel(self, msg: Any = None) -> bool:
        """Have the task go on with CancelledError; False if it does so already without."""
        if self._over:
            return False
        self._over = True
        self._cancelled = asyncio.CancelledError() if msg is None else asyncio.CancelledError(msg)
        self._loop.call_soon(self._go_on, self, context=self._context)
        return True

    def result(self) -> None:
        """Raises CancelledError if that is what the task goes on with."""
        if self._cancelled is not None:
            raise self._cancelled
