"""What a request handler sees, whatever the version of HTTP: an `Exchange`."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Protocol, TypeAlias

from turtls.config import Negotiated
from turtls.errors import TLSError
from turtls.explain.story import Story

_log = logging.getLogger(__name__)

Headers: TypeAlias = list[tuple[bytes, bytes]]
"""Field names in lower case with their values, in the order received or to be sent."""


class Reader(Protocol):
    """The half of a stream that is read: asyncio's or turtls' own."""

    async def read(self, n: int = -1, /) -> bytes:
        """Up to `n` bytes, as soon as there are any; empty at the end of the stream."""
        ...


class Writer(Protocol):
    """The half of a stream that is written: asyncio's or turtls' own."""

    def write(self, data: bytes, /) -> None:
        """Queue `data`."""
        ...

    async def drain(self) -> None:
        """Wait until the peer has taken enough of what is queued."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """What a visitor may cost. Sizes in bytes, times in seconds."""

    head: int = 64 * 1024
    """A request's method, target and headers together."""
    head_seconds: float = 60
    """From the end of one exchange, or the start of the connection, to the end of the next request's head: bounds an
    idle connection as well as one that sends a byte at a time (Slowloris)."""
    stall_seconds: float = 60
    """How long a peer may neither send the body it announced nor take what it asked for."""
    slowest: int = 500
    """Bytes a second of a body that keep it from counting as stalled: a byte now and then does not (slow POST)."""
    unread_body: int = 256 * 1024
    """How much of a body that its handler did not want is thrown away so that the connection can be kept."""
    streams: int = 100
    """Requests at the same time on one HTTP/2 connection."""
    resets: int = 200
    """Requests that an HTTP/2 peer may open and reset on one connection (CVE-2023-44487, Rapid Reset)."""
    useless_frames: int = 1000
    """HTTP/2 frames in a row that bring neither a request nor a byte of a body (CVE-2019-9512, 9515, 9518)."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is at the other end of a connection, and what the connection is like."""

    address: str
    """The visitor's IP address."""
    port: int
    negotiated: Negotiated
    story: Story
    """How the connection came about; empty where nobody watched."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request's head. Everything in it is the peer's word."""

    method: str
    target: str
    """As sent: the path with its query, or `*`."""
    headers: Headers = field(repr=False)
    version: str
    """`1.1`, `1.0` or `2`."""
    authority: str
    """The host, and its port where the client named one."""
    has_body: bool = False
    upgrade: str | None = None
    """The protocol that the client wants to speak instead: Upgrade (RFC 9110, section 7.8), or the extended CONNECT of
    HTTP/2 (RFC 8441)."""

    @property
    def path(self) -> str:
        """The target without its query, still percent-encoded."""
        return self.target.partition("?")[0]

    def header(self, name: bytes) -> bytes | None:
        """The first value of that header; `name` in lower case."""
        return next((value for key, value in self.headers if key == name), None)


class Abandoned(Exception):
    """The exchange cannot be completed: the visitor hung up or stalled, or the answer broke off in the middle."""


@asynccontextmanager
async def visitor_within(seconds: float | None) -> AsyncIterator[None]:
    """For what waits on the visitor: makes it Abandoned if that takes too long, or the connection breaks."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise Abandoned("The visitor stalled.") from None
    except (OSError, TLSError) as error:
        raise Abandoned(f"The visitor's connection broke: {error}") from error


class Patience:
    """How long a visitor is waited for while a body goes in one direction: `stall_seconds`, less what was waited
    already, and more again for what came of it.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._seconds = limits.stall_seconds

    @asynccontextmanager
    async def waiting(self) -> AsyncIterator[None]:
        """For what waits on the visitor: makes it Abandoned as `visitor_within` does."""
        started = asyncio.get_running_loop().time()
        async with visitor_within(self._seconds):
            yield
        self._seconds -= asyncio.get_running_loop().time() - started

    def rewarded(self, size: int) -> None:
        """So many bytes went by."""
        self._seconds = min(self._seconds + size / self._limits.slowest, self._limits.stall_seconds)


class Exchange(ABC):
    """One request and its answer."""

    def __init__(self, request: Request, visitor: Visitor) -> None:
        self.request = request
        self.visitor = visitor
        self.started = False

    @abstractmethod
    async def read(self) -> bytes:
        """The next bytes of the request's body; empty at its end. Raises Abandoned."""

    @abstractmethod
    async def start(self, status: int, headers: Headers) -> None:
        """Send the head of the answer. Raises Abandoned, as do all that send."""

    @abstractmethod
    async def write(self, data: bytes) -> None:
        """Send bytes of the answer's body, at the pace the visitor takes them."""

    @abstractmethod
    async def finish(self) -> None:
        """End the answer."""

    @abstractmethod
    async def accept_upgrade(self, headers: Headers) -> None:
        """Speak the protocol of `request.upgrade` from here on: `read` and `write` carry its bytes."""

    async def respond(
        self, status: int, body: bytes, content_type: str, headers: Iterable[tuple[bytes, bytes]] = ()
    ) -> None:
        """Send a whole answer."""
        head = [(b"content-type", content_type.encode()), (b"content-length", b"%d" % len(body)), *headers]
        await self.start(status, head)
        if self.request.method != "HEAD":
            await self.write(body)
        await self.finish()

    async def refuse(self, status: int, sentence: str) -> None:
        """Send an answer that says what is wrong, as plain text."""
        await self.respond(status, f"{sentence}\n".encode(), "text/plain; charset=utf-8")


Handler: TypeAlias = Callable[[Exchange], Awaitable[None]]


async def answer(handler: Handler, exchange: Exchange) -> None:
    """Have `handler` answer; a fault of its own becomes a 500 and a log entry. Raises Abandoned."""
    try:
        await handler(exchange)
    except Abandoned:
        raise
    except Exception:
        _log.exception("%s %s failed", exchange.request.method, exchange.request.target)
        if exchange.started:
            raise Abandoned("The answer broke off.") from None
        await exchange.refuse(500, "The server failed to answer this request.")


def common_headers(headers: Headers) -> Headers:
    """The headers with Date put in front where it is missing (RFC 9110, section 6.6.1)."""
    if any(name == b"date" for name, _ in headers):
        return headers
    return [(b"date", formatdate(usegmt=True).encode()), *headers]
