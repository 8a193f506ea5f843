from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from tests.io.conftest import Run, run
from tests.io.parties import client_config, server_config
from turtls import aio
from turtls.bridge import Bridge, Crossing
from turtls.errors import TruncatedError

__all__ = ["run"]

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


async def over_the_bridge(serve: Serve) -> tuple[bytes, Exception | None]:
    """What a device reads of a service, and what ends it if that is no close_notify."""
    crossings: list[Crossing] = []
    service = await aio.start_server(serve, "127.0.0.1", 0, config=server_config())
    port = service.sockets[0].getsockname()[1]
    bridge = Bridge("127.0.0.1", port, client_config(), server_name="localhost", on_crossing=crossings.append)
    listening = await bridge.start("127.0.0.1", 0, server_config())
    port = listening.sockets[0].getsockname()[1]
    reader, writer = await aio.open_connection("127.0.0.1", port, config=client_config(), server_name="localhost")
    read = b""
    try:
        while data := await reader.read(1000):
            read += data
    except (TruncatedError, OSError) as error:
        return read, error
    else:
        return read, None
    finally:
        writer.close()
        service.close()
        listening.close()
        await asyncio.sleep(0.1)  # the bridge closes the rest
        assert len(crossings) == 1


def test_the_end_of_a_service_is_passed_on(run: Run) -> None:
    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"all of it")
        writer.close()

    assert run(over_the_bridge(serve)) == (b"all of it", None)


def test_a_service_that_is_cut_off_does_not_look_ended(run: Run) -> None:
    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"half")
        await asyncio.sleep(0.1)  # it must have left, and come
        writer.transport.abort()

    read, error = run(over_the_bridge(serve))
    assert read == b"half"
    assert isinstance(error, TruncatedError | ConnectionError)


def test_a_service_that_does_not_read_makes_the_device_wait(run: Run) -> None:
    """What the operating system and the bridge keep is bounded, so this comes to a stand."""
    turns, block = 1000, 1 << 20

    async def test() -> None:
        silent = asyncio.Event()

        async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await silent.wait()
            writer.transport.abort()

        service = await aio.start_server(serve, "127.0.0.1", 0, config=server_config())
        port = service.sockets[0].getsockname()[1]
        bridge = Bridge("127.0.0.1", port, client_config(), server_name="localhost", on_crossing=lambda _: None)
        listening = await bridge.start("127.0.0.1", 0, server_config())
        port = listening.sockets[0].getsockname()[1]
        _, writer = await aio.open_connection("127.0.0.1", port, config=client_config(), server_name="localhost")
        written = 0

        async def write_for_ever() -> None:
            nonlocal written
            while True:
                writer.write(bytes(block))
                await writer.drain()
                written += block

        writing = asyncio.create_task(write_for_ever())
        try:
            for _ in range(turns):
                await asyncio.sleep(0)
            assert writer.transport.get_write_buffer_size() > 0
            assert written < 32 * block
        finally:
            writing.cancel()
            await asyncio.wait([writing])
            silent.set()
            writer.transport.abort()
            listening.close()
            service.close()
            await asyncio.sleep(0.1)  # the bridge closes the rest

    run(test())
