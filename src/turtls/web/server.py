"""A server of TLS connections: shakes hands, tells who came, and has each visitor served."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Protocol, TypeAlias, cast

from turtls import aio
from turtls.config import ServerConfig
from turtls.errors import Fault, ProtocolError
from turtls.explain.story import Story
from turtls.io.protocol import HandshakeFailure
from turtls.io.server import TLSServer
from turtls.web import http1, http2
from turtls.web.http import Abandoned, Handler, Limits, Visitor, visitor_within
from turtls.web.plain import answer_to_plain_http

_CHUNK = 64 * 1024
_IN_THE_CLEAR = {Fault.PLAIN_HTTP, Fault.HTTPS_PROXY_REQUEST}


class Connection(Protocol):
    """What is spoken with one visitor."""

    idle: asyncio.Event
    """Set while nothing is under way that the visitor waits for."""
    closing: bool
    """Set to have the connection end when it is idle."""

    async def run(self) -> None:
        """Speak to the end. Raises Abandoned."""
        ...


Connect: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter, Visitor], Connection]


def http(handler: Handler, limits: Limits | None = None) -> Connect:
    """Speaks HTTP/2 or HTTP/1.1, as was negotiated, and has `handler` answer."""

    def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, visitor: Visitor) -> Connection:
        kind: Callable[..., Connection] = http2.Connection if visitor.negotiated.alpn == "h2" else http1.Connection
        return kind(reader, writer, handler, visitor, limits or Limits())

    return connect


class Echo:
    """Says everything back, to the byte: for the tests of TLS clients."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, visitor: Visitor) -> None:
        self._reader = reader
        self._writer = writer
        self.closing = False
        self.idle = asyncio.Event()
        self.idle.set()

    async def run(self) -> None:
        """Until the visitor has said all. Raises Abandoned."""
        async with visitor_within(None):
            while data := await self._reader.read(_CHUNK):
                self._writer.write(data)
                await self._writer.drain()


class Server:
    """Has each visitor served by what `connect` makes for it.

    `watch` has the story of each connection written down for its visitor. `on_visit` hears of each connection whose
    handshake is done, `on_failure` of the others.
    """

    def __init__(
        self,
        connect: Connect,
        *,
        watch: bool,
        on_visit: Callable[[Visitor], None],
        on_failure: Callable[[HandshakeFailure], None],
    ) -> None:
        self._connect = connect
        self._watch = watch
        self._on_visit = on_visit
        self._on_failure = on_failure
        self._connections: dict[Connection, asyncio.Task[None]] = {}

    async def start(self, host: str | Sequence[str] | None, port: int, config: ServerConfig) -> TLSServer:
        """Listen. To serve new visitors with another configuration, put it into the `config` of what is returned.

        Raises OSError if the address cannot be had.
        """
        return await aio.start_server(
            self._serve,
            host,
            port,
            config=config,
            new_observer=partial(Story, "server") if self._watch else None,
            on_handshake_failure=self._failed,
        )

    async def finish(self, seconds: float) -> None:
        """End all connections when they are idle, or after that time at the latest."""
        for connection in self._connections:
            connection.closing = True
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await asyncio.gather(*[connection.idle.wait() for connection in self._connections])
        tasks = list(self._connections.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visitor = _visitor(writer)
        self._on_visit(visitor)
        connection = self._connect(reader, writer, visitor)
        self._connections[connection] = cast("asyncio.Task[None]", asyncio.current_task())
        try:
            await connection.run()
        except Abandoned:
            writer.transport.abort()
        finally:
            del self._connections[connection]
            writer.close()

    def _failed(self, failure: HandshakeFailure) -> bytes | None:
        self._on_failure(failure)
        error = failure.error
        if isinstance(error, ProtocolError) and error.fault in _IN_THE_CLEAR:
            return answer_to_plain_http(failure.untrusted_received)
        return None


def _visitor(writer: asyncio.StreamWriter) -> Visitor:
    connection = writer.get_extra_info("tls")
    address, port, *_ = writer.get_extra_info("peername") or ("unknown", 0)  # it may have left already
    return Visitor(address, port, connection.negotiated, connection.observer or Story("server"))
