from __future__ import annotations

import asyncio
from unittest.mock import patch

import pytest

from tests.web.streams import run
from turtls.web.http import Abandoned, Limits, Patience


def test_patience_grows_with_what_comes_and_never_beyond_what_it_was() -> None:
    async def scenario() -> None:
        now = 0.0

        async def wait(seconds: float) -> None:
            nonlocal now
            async with patience.waiting():
                now += seconds
                for _turn in range(3):  # of the loop, which looks at its timers
                    await asyncio.sleep(0)

        with patch.object(asyncio.get_running_loop(), "time", lambda: now):
            patience = Patience(Limits(stall_seconds=60, slowest=500))
            await wait(50)
            patience.rewarded(20 * 500)
            await wait(29)
            patience.rewarded(10**9)
            await wait(59)
            with pytest.raises(Abandoned):
                await wait(2)

    run(scenario())
