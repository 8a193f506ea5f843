"""The writing half of a TLS stream, and the protocol that holds both halves together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, cast

from turtls.config import Negotiated
from turtls.io.stream_reader import TLSStreamReader
from turtls.io.transport import TLSTransport

ClientConnected = Callable[["TLSStreamReader", "TLSStreamWriter"], Coroutine[Any, Any, None] | None]


class StreamProtocol(asyncio.Protocol):
    """Feeds the reader, and makes the writer wait. A server's calls `client_connected_cb` with both."""

    def __init__(self, limit: int, client_connected_cb: ClientConnected | None = None) -> None:
        self.loop = asyncio.get_running_loop()
        self.reader = TLSStreamReader(limit, self.loop)
        self.closed: asyncio.Future[None] = self.loop.create_future()
        self.writing_paused = False
        self._client_connected_cb = client_connected_cb
        self._task: asyncio.Task[None] | None = None
        self._transport: TLSTransport | None = None
        self._waiting_for_room: list[asyncio.Future[None]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The handshake is done."""
        self._transport = cast(TLSTransport, transport)
        self.reader.set_transport(transport)
        if self._client_connected_cb is not None:
            handling = self._client_connected_cb(self.reader, TLSStreamWriter(self._transport, self))
            if handling is not None:
                self._task = self.loop.create_task(handling)
                self._task.add_done_callback(self._handled)

    def data_received(self, data: bytes) -> None:
        """For the reader."""
        self.reader.feed_data(data)

    def eof_received(self) -> bool:
        """The peer sends no more. This side still may."""
        self.reader.feed_eof()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        if exc is None:
            self.reader.feed_eof()
            self.closed.set_result(None)
        else:
            self.reader.set_exception(exc)
            self.closed.set_exception(exc)
            self.closed.exception()  # not every writer waits to hear it
        self._let_write()

    def pause_writing(self) -> None:
        """The writer has to wait."""
        self.writing_paused = True

    def resume_writing(self) -> None:
        """It may go on."""
        self.writing_paused = False
        self._let_write()

    async def room_to_write(self) -> None:
        """Wait until the peer has taken enough of what was written, or the connection is over."""
        if not self.closed.done():
            waiting = self.loop.create_future()
            self._waiting_for_room.append(waiting)
            await waiting

    def _let_write(self) -> None:
        waiting, self._waiting_for_room = self._waiting_for_room, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def _handled(self, task: asyncio.Task[None]) -> None:
        self._task = None
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):  # SystemExit and KeyboardInterrupt have left the loop by themselves
            message = "Unhandled exception in client_connected_cb"
            self.loop.call_exception_handler({"message": message, "exception": error, "task": task})
        if (task.cancelled() or error is not None) and self._transport is not None:
            self._transport.close()


class TLSStreamWriter(asyncio.StreamWriter):
    """An `asyncio.StreamWriter` that knows what was negotiated."""

    def __init__(
        self, transport: TLSTransport, protocol: StreamProtocol, plain_writer: asyncio.StreamWriter | None = None
    ) -> None:
        super().__init__(transport, protocol, protocol.reader, protocol.loop)
        self._tls = transport
        self._stream = protocol
        # The writer from before `start_tls` would close the TCP connection if it were forgotten.
        self._plain_writer = plain_writer

    @property
    def transport(self) -> TLSTransport:
        """The transport below, for what a stream cannot do: `update_keys`, `channel_binding` and the like."""
        return self._tls

    @property
    def negotiated(self) -> Negotiated | None:
        """What the two sides agreed on, and who the peer is."""
        return self._tls.negotiated

    async def drain(self) -> None:
        """Wait until the peer has taken enough of what was written. Raises what ended the connection."""
        stream = self._stream
        if stream.writing_paused:
            await stream.room_to_write()
        elif self._tls.is_closing():
            await asyncio.sleep(0)  # lets connection_lost come
        error = stream.reader.exception()
        if error is not None:
            raise error
        if stream.closed.done():
            raise ConnectionResetError("Connection lost")

    async def wait_closed(self) -> None:
        """Wait until the connection is closed. Raises what ended it, if that was not `close`."""
        await asyncio.shield(self._stream.closed)
