"""A task that waits for an arrival, over asyncio's own loop and over uvloop."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar

import pytest

from tests.io.conftest import Run
from turtls.io.arrival import Arrival

_colour: ContextVar[str] = ContextVar("colour")


class Waiter:
    """A task that has begun to wait, and what it did since."""

    def __init__(self) -> None:
        self.arrival = Arrival(asyncio.get_running_loop())
        self.seen: list[str] = []
        self.task = asyncio.create_task(self._wait())

    @classmethod
    async def begun(cls) -> Waiter:
        waiter = cls()
        await asyncio.sleep(0)
        return waiter

    async def _wait(self) -> None:
        _colour.set("blue")
        try:
            await self.arrival
        except asyncio.CancelledError as error:
            self.seen.append(f"cancelled {error.args}")
            raise
        task = asyncio.current_task()
        self.seen.append(f"{_colour.get()}, {task is self.task}")


def from_outside(waiter: Waiter) -> asyncio.Future[list[str]]:
    """What the waiter has seen right behind the call, which comes from no task."""
    loop = asyncio.get_running_loop()
    seen = loop.create_future()

    def happen() -> None:
        waiter.arrival.happen()
        seen.set_result(waiter.seen.copy())

    loop.call_soon(happen)
    return seen


def test_the_task_goes_on_at_once_as_itself(run: Run) -> None:
    async def test() -> None:
        waiter = await Waiter.begun()
        is_future = asyncio.isfuture(waiter.arrival)
        assert is_future
        assert await from_outside(waiter) == ["blue, True"]
        await waiter.task

    run(test())


def test_it_waits_for_a_task_that_runs(run: Run) -> None:
    async def test() -> None:
        waiter = await Waiter.begun()
        waiter.arrival.happen()
        assert waiter.seen == []
        await waiter.task
        assert waiter.seen == ["blue, True"]

    run(test())


def test_it_happens_once(run: Run) -> None:
    async def test() -> None:
        waiter = await Waiter.begun()
        waiter.arrival.happen()
        assert await from_outside(waiter) == ["blue, True"]
        assert await from_outside(waiter) == ["blue, True"]
        assert not waiter.arrival.cancel()

    run(test())


@pytest.mark.parametrize(("message", "seen"), [(None, "cancelled ()"), ("enough", "cancelled ('enough',)")])
def test_the_task_may_be_cancelled(run: Run, message: str | None, seen: str) -> None:
    async def test() -> None:
        waiter = await Waiter.begun()
        assert waiter.task.cancel(message)
        assert await from_outside(waiter) == [seen]
        with pytest.raises(asyncio.CancelledError):
            await waiter.task
        assert waiter.seen == [seen]

    run(test())


def test_the_task_may_be_cancelled_when_it_is_about_to_go_on(run: Run) -> None:
    async def test() -> None:
        waiter = await Waiter.begun()
        waiter.arrival.happen()
        waiter.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter.task
        assert waiter.seen == ["cancelled ()"]

    run(test())


def test_waiting_may_have_a_timeout(run: Run) -> None:
    async def test() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await Arrival(asyncio.get_running_loop())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(Waiter().task, 0.01)

    run(test())
