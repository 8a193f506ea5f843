"""TLS over asyncio, the side that looks at the network.

How it works. `TLSProtocol` sits on a transport below it (TCP's) and carries bytes between that and a connection of
`turtls.connection`; `TLSTransport` is what the application's protocol is given. On the way out nothing is kept here:
protected bytes go at once into the transport below, and its limits and pauses are handed on to the application. On the
way in, an application that pauses pauses the transport below; what was decrypted by then, at most one READ_SIZE, is
held for it.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, MutableSet, Sequence
from dataclasses import dataclass
from typing import Any, cast

from turtls.connection import ClientConnection, ServerConnection
from turtls.errors import ClosedError, HandshakeTimeout, TruncatedError
from turtls.events import DataReceived, Event, HandshakeCompleted, PeerClosed, Pending
from turtls.io import limits
from turtls.io.half_open import HalfOpenHandshakes
from turtls.io.scratch import FULL_RECORD, read_size, scratch_buffer
from turtls.io.transport import TLSTransport


@dataclass(frozen=True, slots=True)
class HandshakeFailure:
    """A handshake that came to nothing, as a server is told of it."""

    error: Exception
    peername: Any
    untrusted_received: bytes
    """The bytes that it broke over: of a peer that does not speak TLS, the first that it sent."""


OnHandshakeFailure = Callable[[HandshakeFailure], bytes | None]
"""Hears of failed handshakes. What it gives is sent in the clear, in the place of the alert: the answer to a peer that
spoke plain HTTP, for one."""


class _ConnectionLost:
    """The last thing that the application is told. It stands in line behind data that was not wanted yet."""

    __slots__ = ("error",)

    def __init__(self, error: Exception | None) -> None:
        self.error = error


_News = Event | _ConnectionLost


class TLSProtocol(asyncio.BufferedProtocol):
    """Carries bytes between the transport below and a connection, and what comes of them to the application."""

    def __init__(
        self,
        connection: ClientConnection | ServerConnection,
        application: asyncio.BaseProtocol,
        *,
        handshake_timeout: float = limits.HANDSHAKE_TIMEOUT,
        shutdown_timeout: float = limits.SHUTDOWN_TIMEOUT,
        handshaken: asyncio.Future[TLSTransport] | None = None,
        on_handshake_failure: OnHandshakeFailure | None = None,
        half_open: HalfOpenHandshakes | None = None,
        danger_accept_truncation: bool = False,
        clients: MutableSet[TLSProtocol] | None = None,
    ) -> None:
        """`handshaken` is told how the handshake ended; `half_open` are all that the server has under way, `clients`
        all that are connected to it. The others are parameters of `turtls.aio.create_connection` and
        `turtls.aio.create_server`.
        """
        self.connection = connection
        self.closing = False
        self.reading_paused = False
        self._below: asyncio.Transport
        self._transport: TLSTransport | None = None  # from the handshake's end on
        self._loop = asyncio.get_running_loop()
        self._handshake_timeout = handshake_timeout
        self._shutdown_timeout = shutdown_timeout
        self._handshaken = handshaken
        self._on_handshake_failure = on_handshake_failure
        self._half_open = half_open
        self._clients = clients
        self._accept_truncation = danger_accept_truncation
        self._held: list[_News] = []
        self._pending: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._writing_paused = False
        self._peer_closed = False
        self._failed = False
        self._handshake_failure: Exception | None = None
        self._deaf = False  # the application has closed, and wants no more data
        self._application_told = False
        self.set_application(application)

    def set_application(self, application: asyncio.BaseProtocol) -> None:
        """Whom data goes to from now on: an asyncio.Protocol or an asyncio.BufferedProtocol."""
        self.application = cast(asyncio.Protocol, application)
        if isinstance(application, asyncio.BufferedProtocol):
            self._deliver: Callable[[bytes], None] = _Filler(application)
        else:
            self._deliver = self.application.data_received

    @property
    def is_shaking_hands(self) -> bool:
        """Whether the handshake is still under way."""
        return self._transport is None

    # What the transport below calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake."""
        self._below = cast(asyncio.Transport, transport)
        self._timer = self._loop.call_later(self._handshake_timeout, self._handshake_timed_out)
        if self._clients is not None:
            self._clients.add(self)
        if self._half_open:
            self._half_open.begin(self._give_way)
        # The selector loops and uvloop read right after get_buffer, so that all connections of a thread can share one
        # buffer; the proactor of Windows holds on to it for as long as the peer takes.
        self._buffer = scratch_buffer() if sys.platform != "win32" else memoryview(bytearray(limits.READ_SIZE))
        self._room = self._buffer
        self.flush()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where to put the peer's bytes."""
        return self._room

    def buffer_updated(self, nbytes: int) -> None:
        """`nbytes` of the peer's bytes have come."""
        if self._failed:
            return
        try:
            received = self._buffer[:nbytes]  # as bytes where it is short: a connection takes those fastest
            events = self.connection.receive_data(bytes(received) if nbytes <= FULL_RECORD else received)
        except ClosedError:
            pass  # both sides have said goodbye: what comes behind that is ignored (RFC 8446, section 6.1)
        except Exception as error:
            self._fail(error, bytes(self._buffer[:nbytes]))
        else:
            self._take(events)
        if nbytes == len(self._room):  # there is more to come at once
            self._room = self._buffer[: read_size(self.connection.unfinished)]

    def eof_received(self) -> bool:
        """The peer's TCP stream has ended. True keeps this side's open, for what the application still wants to say."""
        if self._failed:
            return False
        if self._accept_truncation and self._transport:
            self._take([PeerClosed()])
            return not self.closing
        try:
            events = self.connection.receive_eof()
        except TruncatedError as error:
            self._fail(error)
        except ClosedError:  # nothing is left to be said on either side
            return False
        else:
            self._take(events)
        return not self.closing

    def pause_writing(self) -> None:
        """The buffer of the transport below is full."""
        self._writing_paused = True
        if self._transport:
            self.application.pause_writing()

    def resume_writing(self) -> None:
        """There is room in it again."""
        if self._writing_paused and self._transport:
            self.application.resume_writing()
        self._writing_paused = False

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self.closing = True
        if self._clients is not None:
            self._clients.discard(self)
        self._end_handshake()
        if self._pending:
            self._pending.cancel()
        if not (self._transport or self._failed):
            exc = exc or ConnectionAbortedError("The connection was closed during the handshake.")
            self._report_handshake_failure(exc, b"")
        if self._handshaken and self._handshake_failure and not self._handshaken.done():
            self._handshaken.set_exception(self._handshake_failure)
        self._tell_application(exc)

    # What the connection reports.

    def flush(self) -> None:
        """Hand on what the connection has to send."""
        output = self.connection.data_to_send()
        if output:
            self._below.write(output)

    def _take(self, events: Sequence[_News]) -> None:
        failure = self.connection.failure
        if failure is not None:
            self.closing = True  # what came before the fault is told first, but there is nobody to answer any more
        else:
            self.flush()
        self._tell(events)
        if failure is not None:
            self._fail(failure)

    def _tell(self, events: Sequence[_News]) -> None:
        for event in events:
            if self.reading_paused or self._held:
                self._held.append(event)
            else:
                self._act_on(event)

    def _act_on(self, event: _News) -> None:
        if isinstance(event, DataReceived):
            if not self._deaf:
                self._deliver(event.data)
        elif isinstance(event, HandshakeCompleted):
            self._begin()
        elif isinstance(event, PeerClosed):
            self._end_of_data()
        elif isinstance(event, Pending):
            self._pending = self._loop.create_task(self._settle(event))
            self._control_reading()
        elif isinstance(event, _ConnectionLost):
            self.application.connection_lost(event.error)

    def _end_of_data(self) -> None:
        if not (self._deaf or self._peer_closed):
            self._peer_closed = True
            if not self.application.eof_received():
                self.close()

    def _begin(self) -> None:
        self._end_handshake()
        self._transport = TLSTransport(self, self._below)
        self.application.connection_made(self._transport)
        if self._writing_paused:
            self.application.pause_writing()
        if self._handshaken and not self._handshaken.done():
            self._handshaken.set_result(self._transport)

    async def _settle(self, pending: Pending) -> None:
        try:
            try:
                result = await pending.awaitable
            except asyncio.CancelledError:
                if self.closing:
                    raise
                error = ConnectionAbortedError(f"What the connection waited for was cancelled: {pending.purpose}.")
                events = self.connection.resume_error(pending, error)
            except Exception as error:
                events = self.connection.resume_error(pending, error)
            else:
                events = self.connection.resume(pending, result)
        except Exception as error:
            self._fail(error)
            return
        finally:
            self._pending = None
        self._call_application(self._take, events)
        self._control_reading()

    # Flow control on the way in.

    def pause_reading(self) -> None:
        """Bring the application nothing for a while."""
        self.reading_paused = True
        self._control_reading()

    def resume_reading(self) -> None:
        """Bring it what comes, and first what is held."""
        self.reading_paused = False
        if self._held:
            self._loop.call_soon(self._release_held)
        else:
            self._control_reading()

    def _release_held(self) -> None:
        if not self.reading_paused:
            held, self._held = self._held, []
            self._call_application(self._tell, held)
            self._control_reading()

    def _control_reading(self) -> None:
        if self._below.is_closing():
            return
        if self.reading_paused or self._pending or self._held:
            self._below.pause_reading()
        else:
            self._below.resume_reading()

    def _call_application(self, function: Callable[[Sequence[_News]], None], events: Sequence[_News]) -> None:
        """For calls that do not come from the transport below, which would care for an exception itself."""
        try:
            function(events)
        except Exception as error:
            self._report_application_failure("A protocol over TLS failed", error)
            self.abort()

    def _report_application_failure(self, message: str, error: Exception) -> None:
        context = {"message": message, "exception": error, "protocol": self.application}
        self._loop.call_exception_handler(context)

    # The end.

    def close(self) -> None:
        """Send close_notify behind all that was written, and close when that has left, or after the shutdown timeout.
        The peer's close_notify is not waited for.
        """
        self._hear_no_more()
        if not self.closing:
            self.closing = True
            self.connection.close()
            self.flush()
            self._below.close()
            self._timer = self._loop.call_later(self._shutdown_timeout, self._below.abort)

    def abort(self) -> None:
        """Close now, whatever is lost by it."""
        self._hear_no_more()
        self.closing = True
        self._below.abort()

    def _hear_no_more(self) -> None:
        self._deaf = True
        held, self._held = self._held, []
        for event in held:
            if isinstance(event, _ConnectionLost):
                self._loop.call_soon(self._act_on, event)

    def _handshake_timed_out(self) -> None:
        limit = f"{self._handshake_timeout:.3g} seconds"
        self._fail(HandshakeTimeout(f"The peer did not finish the handshake within {limit}."))

    def _give_way(self) -> None:
        self._fail(HandshakeTimeout("Too many other handshakes began before the peer finished this one."))

    def _fail(self, error: Exception, untrusted_received: bytes = b"") -> None:
        """The connection is over. The peer is to hear why: the alert for it lies in the connection."""
        self._failed = self.closing = True
        self._end_handshake()
        if self._pending:
            self._pending.cancel()
        last_words = self.connection.data_to_send()
        if not self._transport:
            last_words = self._report_handshake_failure(error, untrusted_received) or last_words
        self._tell_application(error)
        if last_words:
            self._part(last_words)
        else:
            self._below.abort()

    def _part(self, last_words: bytes) -> None:
        """Say the last words and drop what still comes, until the peer ends too: a socket that is closed with unread
        bytes in it sends a TCP reset, which may overtake them.
        """
        self._below.write(last_words)
        self._timer = self._loop.call_later(limits.LINGER_TIMEOUT, self._below.abort)
        if self._below.can_write_eof():
            self._below.write_eof()
            self._below.resume_reading()
        else:
            self._below.close()

    def _report_handshake_failure(self, error: Exception, untrusted_received: bytes) -> bytes | None:
        self._handshake_failure = error
        if self._on_handshake_failure is None:
            return None
        peername = self._below.get_extra_info("peername")
        try:
            return self._on_handshake_failure(HandshakeFailure(error, peername, untrusted_received))
        except Exception as failed:  # the connection, whose timer is stopped, must be closed all the same
            self._report_application_failure("on_handshake_failure failed", failed)
            return None

    def _tell_application(self, error: Exception | None) -> None:
        """Call the application's connection_lost: once, and only if it ever had a connection."""
        if self._transport and not self._application_told:
            self._application_told = True
            if self._held:
                self._held.append(_ConnectionLost(error))
            else:
                self._loop.call_soon(self._act_on, _ConnectionLost(error))

    def _end_handshake(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._half_open:
            self._half_open.end(self._give_way)


class _Filler:
    """Hands data to an asyncio.BufferedProtocol."""

    def __init__(self, application: asyncio.BufferedProtocol) -> None:
        self._application = application

    def __call__(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            buffer = memoryview(self._application.get_buffer(len(rest)))
            if not buffer:
                raise RuntimeError("get_buffer() returned an empty buffer")
            size = min(len(buffer), len(rest))
            buffer[:size] = rest[:size]
            self._application.buffer_updated(size)
            rest = rest[size:]
