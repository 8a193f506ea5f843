"""Many connections at once in one process."""

from __future__ import annotations

import asyncio
import gc
import resource
import tracemalloc
from collections.abc import Iterator

import pytest

from tests.io.parties import client_config, server_config
from turtls import aio
from turtls.io.protocol import TLSProtocol
from turtls.io.stream_reader import TLSStreamReader
from turtls.io.stream_writer import TLSStreamWriter

CONNECTIONS = 2000
AT_A_TIME = 50
ROUNDS = 6
FILLING = 3


@pytest.fixture
def _enough_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 2 * CONNECTIONS + 200
    if hard != resource.RLIM_INFINITY and hard < needed:
        pytest.skip(f"this process may only open {hard} files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.slow
@pytest.mark.usefixtures("_enough_files")
def test_two_thousand_connections_live_at_once() -> None:
    """Each of them works, again and again; they cost no more as they are used; and nothing is left of them."""
    asyncio.run(hold_many())
    gc.collect()
    assert not [thing for thing in gc.get_objects() if isinstance(thing, TLSProtocol)]


async def hold_many() -> None:
    server = await aio.start_server(echo, "127.0.0.1", 0, config=server_config())
    port = server.sockets[0].getsockname()[1]
    config = client_config()
    turn = asyncio.Semaphore(AT_A_TIME)

    async def connect() -> tuple[TLSStreamReader, TLSStreamWriter]:
        async with turn:
            return await aio.open_connection("127.0.0.1", port, config=config)

    async def ask(reader: TLSStreamReader, writer: TLSStreamWriter, question: bytes) -> None:
        async with turn:
            writer.write(question)
            assert await reader.readexactly(len(question)) == question

    streams = await asyncio.gather(*[connect() for _ in range(CONNECTIONS)])
    await asyncio.gather(*[ask(*stream, b"warm up") for stream in streams])
    tracemalloc.start()
    try:
        sizes = []
        for number in range(ROUNDS):
            await asyncio.gather(*[ask(*stream, f"{number}: {i}".encode()) for i, stream in enumerate(streams)])
            gc.collect()
            sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    for _, writer in streams:
        writer.close()
    await asyncio.gather(*[writer.wait_closed() for _, writer in streams])
    server.close()
    await server.wait_closed()
    # The first rounds fill what the event loop keeps for itself, and so does one of the later ones now and then. All in
    # all these cost less than a byte a connection each.
    growth = sizes[-1] - sizes[FILLING - 1]
    assert growth < CONNECTIONS * (ROUNDS - FILLING)


async def echo(reader: TLSStreamReader, writer: TLSStreamWriter) -> None:
    while data := await reader.read(1024):
        writer.write(data)
    writer.close()
