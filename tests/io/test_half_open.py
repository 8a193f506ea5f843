"""Handshakes that a server has begun and nobody finishes: how many there may be, and what each costs."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc

import pytest

from benchmarks.half_open import STATES
from tests.io.conftest import Run
from tests.io.parties import client_config, server_config
from turtls import aio
from turtls.errors import ConfigError, HandshakeTimeout
from turtls.io.half_open import HalfOpenHandshakes
from turtls.io.stream_reader import TLSStreamReader
from turtls.io.stream_writer import TLSStreamWriter

KIB = 1024


def test_the_oldest_gives_way() -> None:
    gone: list[int] = []
    handshakes = HalfOpenHandshakes(2)
    first, second, third, fourth = ways = [lambda number=number: gone.append(number) for number in range(4)]
    handshakes.begin(first)
    handshakes.begin(second)
    assert gone == []
    handshakes.begin(third)
    assert gone == [0]
    handshakes.end(second)
    handshakes.begin(fourth)
    assert gone == [0]
    for way in ways:  # whoever gave way says again that it is over
        handshakes.end(way)
    handshakes.begin(first)
    handshakes.begin(second)
    assert gone == [0]


def test_there_is_room_for_one() -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        HalfOpenHandshakes(0)


def test_silent_clients_do_not_keep_others_out(run: Run) -> None:
    """And who has shaken hands is not half-open any more."""

    async def test() -> None:
        failures: asyncio.Queue[aio.HandshakeFailure] = asyncio.Queue()
        server = await aio.start_server(
            echo_once,
            "127.0.0.1",
            0,
            config=server_config(),
            max_half_open=2,
            on_handshake_failure=failures.put_nowait,
        )
        port = server.sockets[0].getsockname()[1]
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        reader, writer = await aio.open_connection("127.0.0.1", port, config=client_config())
        error = (await failures.get()).error
        assert isinstance(error, HandshakeTimeout)
        assert "Too many other handshakes" in str(error)
        silent += [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        assert isinstance((await failures.get()).error, HandshakeTimeout)
        assert isinstance((await failures.get()).error, HandshakeTimeout)
        writer.write(b"still here")
        assert await reader.readexactly(10) == b"still here"
        assert failures.empty()
        for ended in silent[:3]:
            with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
                await ended[0].readexactly(1)
        for _, open_writer in silent:
            open_writer.transport.abort()
        writer.close()
        server.close()

    run(test())


async def echo_once(reader: TLSStreamReader, writer: TLSStreamWriter) -> None:
    writer.write(await reader.read(1024))
    writer.close()


# ------------------------------------------------------------------------------------------- what each costs


COUNT = 200
MOST = {
    "nothing received": 3 * KIB,
    "the whole flight answered": 24 * KIB,
    "an unfinished ClientHello": 100 * KIB,
    "an unfinished Certificate": 160 * KIB,
}
"""Bytes for each, by what Python allocates: docs/limits.md has what the system sees."""


@pytest.mark.parametrize("state", STATES)
def test_what_nobody_finishes_costs_little(state: str) -> None:
    start = STATES[state]
    kept = [start() for _ in range(5)]
    gc.collect()
    tracemalloc.start()
    try:
        kept += [start() for _ in range(COUNT)]
        gc.collect()
        each = tracemalloc.get_traced_memory()[0] / COUNT
    finally:
        tracemalloc.stop()
    assert MOST[state] / 10 < each < MOST[state]
