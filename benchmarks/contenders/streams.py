"""Streams of asyncio over loopback: both ends in one process, on one event loop."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import uvloop

from benchmarks.certificates import NAME
from benchmarks.contenders import ours, stdlib
from benchmarks.contenders.cases import Handshake, Work
from turtls import aio
from turtls.config import ClientConfig, ServerConfig

Streams = tuple[Any, Any]
"""A reader and a writer with asyncio's methods."""
Serve = Callable[[Any, Any], Coroutine[Any, Any, None]]

_CHUNK = 1 << 18
_REQUEST = 64
_HOST = "127.0.0.1"


class Stack(Protocol):
    """How one of them connects and serves."""

    async def connect(self, port: int) -> Streams:
        """A connection to `port`, its handshake done."""
        ...

    async def serve(self, connected: Serve) -> Any:
        """A server on a port of its own; has `sockets` and `close`."""
        ...


class TurtlsStack:
    """turtls.aio. Sessions are not resumed."""

    def __init__(self) -> None:
        self._client: ClientConfig
        self._server: ServerConfig
        self._client, self._server = ours.configs(Handshake())

    async def connect(self, port: int) -> Streams:
        return await aio.open_connection(_HOST, port, config=self._client, server_name=NAME)

    async def serve(self, connected: Serve) -> Any:
        return await aio.start_server(connected, _HOST, 0, config=self._server)


class SslStack:
    """asyncio's own streams, over ssl. Sessions are not resumed."""

    def __init__(self) -> None:
        self._client: ssl.SSLContext
        self._server: ssl.SSLContext
        self._client, self._server = stdlib.contexts(Handshake())

    async def connect(self, port: int) -> Streams:
        return await asyncio.open_connection(_HOST, port, ssl=self._client, server_hostname=NAME)

    async def serve(self, connected: Serve) -> Any:
        return await asyncio.start_server(connected, _HOST, 0, ssl=self._server)


class Loopback:
    """A stack on a kind of event loop, with a server that sends back what is asked for, and one connection to it."""

    def __init__(self, name: str, stack: Stack, new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
        self.name = name
        self.latencies: list[float] = []
        """CPU seconds that each request took; with both ends on one loop nobody waits for anything else."""
        self._stack = stack
        self._runner = asyncio.Runner(loop_factory=new_loop)
        self._server = self._runner.run(stack.serve(_answer))
        self._port: int = self._server.sockets[0].getsockname()[1]
        self._reader, self._writer = self._runner.run(stack.connect(self._port))

    def throughput(self, mebibytes: int) -> float:
        """CPU seconds to send so many MiB, in writes of 256 KiB."""
        return self._timed(self._receive(mebibytes))

    def requests(self, times: int) -> float:
        """CPU seconds for so many requests and answers of 64 bytes, one after the other."""
        return self._timed(self._ask(times))

    def handshakes(self, at_a_time: int) -> Work:
        """CPU seconds for so many connections, opened and closed, so many of them at a time."""

        def work(times: int) -> float:
            return (
                self._timed(self._connect(max(1, times // at_a_time), at_a_time))
                * times
                / (max(1, times // at_a_time) * at_a_time)
            )

        return work

    def close(self) -> None:
        """Close the connection, the server and the loop."""

        async def close() -> None:
            self._writer.close()
            self._server.close()
            await asyncio.sleep(0.05)

        self._runner.run(close())
        self._runner.close()

    def _timed(self, coroutine: Coroutine[Any, Any, None]) -> float:
        start = time.process_time()
        self._runner.run(coroutine)
        return time.process_time() - start

    async def _receive(self, mebibytes: int) -> None:
        left = mebibytes << 20
        self._writer.write(left.to_bytes(8, "big").ljust(_REQUEST))
        while left:
            left -= len(await self._reader.read(_CHUNK))

    async def _ask(self, times: int) -> None:
        request = _REQUEST.to_bytes(8, "big").ljust(_REQUEST)
        for _ in range(times):
            start = time.process_time()
            self._writer.write(request)
            await self._reader.readexactly(_REQUEST)
            self.latencies.append(time.process_time() - start)

    async def _connect(self, times: int, at_a_time: int) -> None:
        for _ in range(times):
            await asyncio.gather(*(self._open_and_close() for _ in range(at_a_time)))

    async def _open_and_close(self) -> None:
        _, writer = await self._stack.connect(self._port)
        writer.close()
        await writer.wait_closed()


async def _answer(reader: Any, writer: Any) -> None:
    """Send as many bytes as each request of 64 bytes asks for."""
    chunk = bytes(_CHUNK)
    try:
        while True:
            left = int.from_bytes((await reader.readexactly(_REQUEST))[:8], "big")
            while left:
                piece = chunk[: min(left, _CHUNK)]
                writer.write(piece)
                await writer.drain()
                left -= len(piece)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


def loopbacks() -> list[Loopback]:
    """Each stack on asyncio's loop and on uvloop's."""
    return [
        Loopback("turtls", TurtlsStack(), asyncio.new_event_loop),
        Loopback("asyncio + ssl", SslStack(), asyncio.new_event_loop),
        Loopback("turtls, uvloop", TurtlsStack(), uvloop.new_event_loop),
        Loopback("uvloop + ssl", SslStack(), uvloop.new_event_loop),
    ]
