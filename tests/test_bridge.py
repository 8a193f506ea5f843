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
