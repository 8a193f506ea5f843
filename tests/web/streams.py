"""HTTP connections over plain loopback streams: what runs in `turtls.web` does not care whether TLS lies beneath."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, Event, ResponseReceived, StreamEnded, StreamReset

from turtls.config import Negotiated
from turtls.explain.story import Story
from turtls.web import http1, http2
from turtls.web.http import Abandoned, Handler, Limits, Visitor
from turtls.wire.registries import CipherSuite, NamedGroup, ProtocolVersion

T = TypeVar("T")
E = TypeVar("E", bound=Event)

VISITOR = Visitor(
    address="192.0.2.7",
    port=50000,
    negotiated=Negotiated(
        version=ProtocolVersion.TLS_1_3,
        cipher_suite=CipherSuite.TLS_AES_128_GCM_SHA256,
        group=NamedGroup.X25519MLKEM768,
    ),
    story=Story("server"),
)


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run to the end, or fail: nothing here may hang."""

    async def limited() -> T:
        async with asyncio.timeout(30):
            return await coroutine

    return asyncio.run(limited())


@asynccontextmanager
async def served(
    handler: Handler,
    *,
    limits: Limits | None = None,
    kind: type[http1.Connection] | type[http2.Connection] = http1.Connection,
) -> AsyncIterator[int]:
    """A server for `handler`; gives its port."""
    tasks: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await kind(reader, writer, handler, VISITOR, limits or Limits()).run()
        except Abandoned:
            writer.transport.abort()
        except asyncio.CancelledError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def talk(port: int, request: bytes, *, eof: bool = False) -> bytes:
    """Send `request`, and read until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    if eof:
        writer.write_eof()
    try:
        return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


class Client2:
    """An HTTP/2 client, one frame at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.http = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self.reader = reader
        self.writer = writer
        self.events: list[Event] = []
        self.opens_windows = True
        self.http.initiate_connection()

    @classmethod
    @asynccontextmanager
    async def connected(cls, port: int) -> AsyncIterator[Client2]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            yield cls(reader, writer)
        finally:
            writer.close()
            await writer.wait_closed()

    def ask(self, path: str, *, method: str = "GET", end: bool = True, **extra: str) -> int:
        """Send the head of a request; gives its stream."""
        stream = self.http.get_next_available_stream_id()
        headers = [(":method", method), (":scheme", "https"), (":authority", "localhost"), (":path", path)]
        self.http.send_headers(stream, headers + list(extra.items()), end_stream=end)
        return stream

    async def flush(self) -> None:
        self.writer.write(self.http.data_to_send())
        await self.writer.drain()

    async def until(self, kind: type[E], stream: int | None = None) -> E:
        """The first event of that kind (on that stream), whether it has come already or not."""
        await self.flush()
        while True:
            for event in self.events:
                if isinstance(event, kind) and (stream is None or getattr(event, "stream_id", None) == stream):
                    return event
            data = await self.reader.read(65536)
            if not data:
                raise ConnectionError("The server closed the connection.")
            for event in self.http.receive_data(data):
                if isinstance(event, DataReceived) and self.opens_windows:
                    self.http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                self.events.append(event)
            await self.flush()

    async def status(self, stream: int) -> int:
        head = await self.until(ResponseReceived, stream)
        return next(int(value) for name, value in head.headers if str(name) == ":status")

    async def answer(self, stream: int) -> tuple[int, dict[str, str], bytes]:
        """The whole answer on that stream: status, headers, body."""
        await self.until(StreamEnded, stream)
        assert not any(isinstance(event, StreamReset) and event.stream_id == stream for event in self.events)
        head = await self.until(ResponseReceived, stream)
        headers = {str(name): str(value) for name, value in head.headers}
        pieces = [event for event in self.events if isinstance(event, DataReceived) and event.stream_id == stream]
        return int(headers[":status"]), headers, b"".join(event.data for event in pieces)
