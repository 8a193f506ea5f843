"""HTTP/2 (RFC 9113) on a stream, by h2: one task reads, and each request is answered by a task of its own."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings

from turtls.web.http import (
    Abandoned,
    Exchange,
    Handler,
    Headers,
    Limits,
    Patience,
    Reader,
    Request,
    Visitor,
    Writer,
    answer,
    common_headers,
    visitor_within,
)

_CHUNK = 64 * 1024
_CONNECTION_WINDOW = 1024 * 1024
"""Bytes of bodies that a connection takes before they are read: sixteen times a stream's 64 KiB, so that one request
whose body is not read does not stop the others."""


class Connection:
    """One connection of a visitor, with many requests at a time."""

    def __init__(self, reader: Reader, writer: Writer, handler: Handler, visitor: Visitor, limits: Limits) -> None:
        self._reader = reader
        self._writer = writer
        self._handler = handler
        self._visitor = visitor
        self._limits = limits
        self._streams: dict[int, _Exchange2] = {}
        self._answers: set[asyncio.Task[None]] = set()
        self._resets = 0
        self.useless_frames = 0
        """Frames since the last request or byte of a body, in either direction."""
        self.http = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        self.closing = False
        """Set to refuse further requests."""
        self.idle = asyncio.Event()
        """Set while no request is being answered."""
        self.idle.set()

    async def run(self) -> None:
        """Answer requests until either side has had enough. Raises Abandoned."""
        reason = ErrorCodes.NO_ERROR
        try:
            await self._greet()
            while data := await self._receive():
                self._handle(self.http.receive_data(data))
                await self.flush()
        except ProtocolError:
            return  # h2 has queued the GOAWAY that says what was wrong
        except _Flood:
            reason = ErrorCodes.ENHANCE_YOUR_CALM
        finally:
            for task in self._answers:
                task.cancel()
            await asyncio.gather(*self._answers, return_exceptions=True)
            self._say_goodbye(reason)

    async def _greet(self) -> None:
        limits = {
            SettingCodes.MAX_CONCURRENT_STREAMS: self._limits.streams,
            SettingCodes.MAX_HEADER_LIST_SIZE: self._limits.head,
            SettingCodes.ENABLE_CONNECT_PROTOCOL: 1,
        }
        self.http.local_settings = Settings(client=False, initial_values=limits)
        self.http.decoder.max_header_list_size = self._limits.head  # h2 would wait until the visitor has agreed
        self.http.initiate_connection()
        self.http.increment_flow_control_window(_CONNECTION_WINDOW)
        await self.flush()

    def _say_goodbye(self, reason: ErrorCodes) -> None:
        with suppress(ProtocolError):  # closed already: a GOAWAY of h2's own may still be queued
            self.http.close_connection(reason)
        self._writer.write(self.http.data_to_send())

    async def _receive(self) -> bytes:
        """What the visitor sends next; empty if it hung up, or was idle for too long."""
        while True:
            try:
                async with asyncio.timeout(self._limits.head_seconds), visitor_within(None):
                    return await self._reader.read(_CHUNK)
            except TimeoutError:
                if not self._streams:
                    return b""

    def _handle(self, happened: list[events.Event]) -> None:
        for event in happened:
            self.useless_frames += 1
            match event:
                case events.RequestReceived(stream_id=stream, headers=headers, stream_ended=ended):
                    self.useless_frames = 0
                    self._start(stream, _request(headers, has_body=ended is None))
                case events.DataReceived(stream_id=stream, data=data, flow_controlled_length=length):
                    self.useless_frames = 0 if data else self.useless_frames
                    if exchange := self._streams.get(stream):
                        exchange.body_arrived(data, length)
                case events.StreamEnded(stream_id=stream):
                    if exchange := self._streams.get(stream):
                        exchange.body_ended()
                case events.StreamReset(stream_id=stream):
                    self._resets += 1
                    if exchange := self._streams.get(stream):
                        exchange.task.cancel()
                case events.WindowUpdated() | events.RemoteSettingsChanged():
                    for exchange in self._streams.values():
                        exchange.writable.set()
        if self._resets > self._limits.resets or self.useless_frames > self._limits.useless_frames:
            raise _Flood

    def _start(self, stream: int, request: Request) -> None:
        if self.closing:
            self.http.reset_stream(stream, ErrorCodes.REFUSED_STREAM)  # the client may try it elsewhere
            return
        exchange = _Exchange2(self, stream, request, self._visitor, self._limits)
        exchange.task = asyncio.create_task(self._answer(stream, exchange))
        self._streams[stream] = exchange
        self.idle.clear()
        self._answers.add(exchange.task)
        exchange.task.add_done_callback(self._answers.discard)

    async def _answer(self, stream: int, exchange: _Exchange2) -> None:
        outcome = ErrorCodes.INTERNAL_ERROR
        try:
            await answer(self._handler, exchange)
            outcome = ErrorCodes.NO_ERROR
        except Abandoned:
            pass
        finally:
            del self._streams[stream]
            exchange.forget_body()
            if not exchange.complete:
                self._reset(stream, outcome)
            if not self._streams:
                self.idle.set()
        await self.flush()

    def _reset(self, stream: int, code: ErrorCodes) -> None:
        with suppress(ProtocolError):  # the visitor was faster, or the whole connection is closed
            self.http.reset_stream(stream, code)

    async def flush(self) -> None:
        """Send what h2 has queued, and wait while the visitor is slow to take it. Raises Abandoned."""
        async with visitor_within(self._limits.stall_seconds):
            self._writer.write(self.http.data_to_send())
            await self._writer.drain()


class _Flood(Exception):
    """The visitor keeps the connection busy with frames that ask for nothing."""


class _Exchange2(Exchange):
    task: asyncio.Task[None]

    def __init__(self, connection: Connection, stream: int, request: Request, visitor: Visitor, limits: Limits) -> None:
        super().__init__(request, visitor)
        self._with_request = Patience(limits)
        self._with_answer = Patience(limits)
        self.writable = asyncio.Event()
        """Set when the visitor may have opened a window."""
        self._connection = connection
        self._stream = stream
        self._body: deque[tuple[bytes, int]] = deque()
        self._body_complete = False
        self._readable = asyncio.Event()
        self._finished = False

    @property
    def complete(self) -> bool:
        """Whether both sides have said all."""
        return self._body_complete and self._finished

    def body_arrived(self, data: bytes, length: int) -> None:
        """Bytes of the request's body; `length` is what they cost in the windows, padding included."""
        self._body.append((data, length))
        self._readable.set()

    def body_ended(self) -> None:
        """No more bytes of the body come."""
        self._body_complete = True
        self._readable.set()

    def forget_body(self) -> None:
        """Give back what unread bytes took of the connection's window."""
        while self._body:
            self._take()

    def _take(self) -> bytes:
        data, length = self._body.popleft()
        self._connection.http.acknowledge_received_data(length, self._stream)
        return data

    async def read(self) -> bytes:
        while not self._body and not self._body_complete:
            self._readable.clear()
            # A WebSocket may be silent for as long as it likes.
            async with visitor_within(None) if self.request.upgrade else self._with_request.waiting():
                await self._readable.wait()
        if not self._body:
            return b""
        data = self._take()
        self._with_request.rewarded(len(data))
        await self._connection.flush()
        return data

    async def start(self, status: int, headers: Headers) -> None:
        self.started = True
        with _reset_means_gone():
            self._connection.http.send_headers(self._stream, [(b":status", b"%d" % status), *common_headers(headers)])
        await self._connection.flush()

    async def write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            self.writable.clear()
            length = self._send_what_fits(rest)
            rest = rest[length:]
            self._with_answer.rewarded(length)
            await self._connection.flush()
            if rest and not length:
                async with self._with_answer.waiting():
                    await self.writable.wait()

    def _send_what_fits(self, data: memoryview) -> int:
        http = self._connection.http
        with _reset_means_gone():
            length = min(len(data), http.local_flow_control_window(self._stream), http.max_outbound_frame_size)
            if length > 0:
                http.send_data(self._stream, bytes(data[:length]))
                self._connection.useless_frames = 0
        return max(length, 0)

    async def finish(self) -> None:
        with _reset_means_gone():
            self._connection.http.end_stream(self._stream)
        self._finished = True
        await self._connection.flush()

    async def accept_upgrade(self, headers: Headers) -> None:
        await self.start(200, headers)  # RFC 8441, section 5: there is no 101 in HTTP/2


@contextmanager
def _reset_means_gone() -> Iterator[None]:
    """h2 refuses to send on a stream that the visitor has reset."""
    try:
        yield
    except ProtocolError as error:
        raise Abandoned("The visitor reset the request.") from error


def _request(headers: Headers, *, has_body: bool) -> Request:
    pseudo = {name: value.decode("latin-1") for name, value in headers if name.startswith(b":")}
    fields = [(name, value) for name, value in headers if not name.startswith(b":") and name != b"cookie"]
    if cookies := [value for name, value in headers if name == b"cookie"]:
        fields.append((b"cookie", b"; ".join(cookies)))  # RFC 9113, section 8.2.3
    host = next((value.decode("latin-1") for name, value in fields if name == b"host"), "")
    return Request(
        method=pseudo[b":method"],
        target=pseudo.get(b":path", ""),
        headers=fields,
        version="2",
        authority=pseudo.get(b":authority", host),
        has_body=has_body,
        upgrade=pseudo.get(b":protocol"),
    )
