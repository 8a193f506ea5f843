from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar

import pytest
import uvloop

from tests.io.parties import PATIENCE

T = TypeVar("T")


class Run(Protocol):
    """Runs a coroutine to its end, or fails: nothing may hang, and nothing may give the loop cause to complain."""

    def __call__(self, coroutine: Coroutine[Any, Any, T], *, complaints: int = 0) -> T: ...


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    factory: Callable[[], asyncio.AbstractEventLoop] = (
        uvloop.new_event_loop if request.param == "uvloop" else asyncio.new_event_loop
    )

    def run(coroutine: Coroutine[Any, Any, T], *, complaints: int = 0) -> T:
        heard: list[dict[str, Any]] = []

        async def limited() -> T:
            asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(context))
            async with asyncio.timeout(PATIENCE):
                return await coroutine

        with asyncio.Runner(loop_factory=factory) as runner:
            result = runner.run(limited())
        assert len(heard) == complaints, heard
        return result

    return run
