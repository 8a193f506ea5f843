"""The reading half of a TLS stream."""

from __future__ import annotations

import asyncio
from typing import cast

from turtls.io.arrival import Arrival
from turtls.io.received import ReceivedData


class TLSStreamReader(asyncio.StreamReader):
    """An `asyncio.StreamReader` that gives out what came before it says what went wrong.

    Each method raises, once the data before it is read, what ended the connection: ProtocolError, PeerAlert, OSError,
    and TruncatedError where the peer's data may have been cut short.
    """

    def __init__(self, limit: int, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(limit, loop)
        self._size_limit = limit
        self._event_loop = loop
        self._received = ReceivedData()
        self._at_end = False
        self._error: Exception | None = None
        self._waiting: Arrival | None = None
        self._source: asyncio.ReadTransport | None = None
        self._source_paused = False

    # Reading.

    async def read(self, n: int = -1) -> bytes:
        """The next bytes, one to `n`; b"" at the end. With -1, all of them up to the end."""
        if n < 0:
            return await self._read_to_end()
        while n and not self._received.size:
            if not await self._more():
                return b""
        data = self._received.read(n)
        self._resume_source()
        return data

    async def readexactly(self, n: int) -> bytes:
        """The next `n` bytes. Raises asyncio.IncompleteReadError if the end comes before."""
        if n < 0:
            raise ValueError("readexactly size can not be less than zero")
        while self._received.size < n:
            if not await self._more():
                raise asyncio.IncompleteReadError(self._take(self._received.size), n)
        return self._take(n)

    async def readuntil(self, separator: bytes = b"\n") -> bytes:  # type: ignore[override]  # no tuples (Python 3.13)
        """The bytes up to `separator`, and it.

        Raises asyncio.IncompleteReadError if the end comes before, and asyncio.LimitOverrunError, leaving everything
        to be read, if there are more bytes before it than the stream's limit.
        """
        if not separator:
            raise ValueError("Separator should be at least one-byte string")
        searched = 0
        while (end := self._received.find(separator, searched)) < 0:
            searched = max(self._received.size - len(separator) + 1, 0)
            if searched > self._size_limit:
                raise asyncio.LimitOverrunError("Separator is not found, and chunk exceed the limit", searched)
            if not await self._more():
                raise asyncio.IncompleteReadError(self._take(self._received.size), None)
        if end > self._size_limit:
            raise asyncio.LimitOverrunError("Separator is found, but chunk is longer than limit", end)
        return self._take(end + len(separator))

    async def readline(self) -> bytes:
        """The next line with its end, or what is left if the end comes before. Raises ValueError if it is too long,
        having dropped what there is of it.
        """
        try:
            return await self.readuntil(b"\n")
        except asyncio.IncompleteReadError as error:
            return error.partial
        except asyncio.LimitOverrunError as error:
            end = self._received.find(b"\n", error.consumed)
            self._take(self._received.size if end < 0 else end + 1)
            raise ValueError(error.args[0]) from None

    @property
    def unread(self) -> int:
        """How many bytes can be read without waiting."""
        return self._received.size

    def at_eof(self) -> bool:
        """Whether the end has come and everything before it is read."""
        return self._at_end and not self._received.size

    def exception(self) -> Exception | None:
        """What ended the connection, if it was not the peer's close_notify."""
        return self._error

    async def _read_to_end(self) -> bytes:
        blocks = []
        while block := await self.read(self._size_limit):
            blocks.append(block)
        return b"".join(blocks)

    async def _more(self) -> bool:
        """Wait for more than there is; False at the end."""
        if self._error is not None:
            raise self._error
        if self._at_end:
            return False
        if self._waiting is not None:
            raise RuntimeError("another coroutine is already waiting for incoming data")
        if self._source_paused:
            self._set_source_paused(False)
        self._waiting = Arrival(self._event_loop)
        try:
            await self._waiting
        finally:
            self._waiting = None
        return True

    def _take(self, size: int) -> bytes:
        data = self._received.read_exactly(size)
        self._resume_source()
        return data

    # What the stream's protocol calls.

    def set_transport(self, transport: asyncio.BaseTransport) -> None:
        """Where the data comes from."""
        self._source = cast(asyncio.ReadTransport, transport)

    def feed_data(self, data: bytes) -> None:  # type: ignore[override]  # the protocol gives no else
        """Data has come."""
        self._received.append(data)
        if not self._source_paused and self._received.size > 2 * self._size_limit:
            self._set_source_paused(True)
        self._wake()

    def feed_eof(self) -> None:
        """The end has come."""
        self._at_end = True
        self._wake()

    def set_exception(self, exc: Exception) -> None:
        """The connection has failed."""
        self._error = exc
        self._wake()

    def _wake(self) -> None:
        if self._waiting is not None:
            self._waiting.happen()

    def _resume_source(self) -> None:
        if self._source_paused and self._received.size <= self._size_limit:
            self._set_source_paused(False)

    def _set_source_paused(self, paused: bool) -> None:
        if self._source is not None:
            self._source_paused = paused
            if paused:
                self._source.pause_reading()
            else:
                self._source.resume_reading()
