"""HTTP/1.1 (RFC 9112) on a stream, by h11."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

import h11

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


class Connection:
    """One connection of a visitor, request after request."""

    def __init__(self, reader: Reader, writer: Writer, handler: Handler, visitor: Visitor, limits: Limits) -> None:
        self._reader = reader
        self._writer = writer
        self._handler = handler
        self._visitor = visitor
        self._limits = limits
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=limits.head)
        self._after_upgrade = b""
        self._patience = Patience(limits)
        """With the body of the request that is being answered."""
        self.idle = asyncio.Event()
        """Set while no request is being answered."""
        self.closing = False
        """Set to have the connection end after the answer that is under way."""

    async def run(self) -> None:
        """Answer requests until either side has had enough. Raises Abandoned."""
        try:
            while not self.closing and await self._serve_one():
                self._http.start_next_cycle()
        except h11.RemoteProtocolError as error:
            await self._refuse(error)
        except Abandoned as gone:
            if not isinstance(gone.__cause__, h11.RemoteProtocolError):
                raise
            await self._refuse(gone.__cause__)

    async def _serve_one(self) -> bool:
        """One request and its answer; whether another may follow."""
        self.idle.set()
        try:
            async with asyncio.timeout(self._limits.head_seconds), visitor_within(None):
                head = await self.next_event()
        except TimeoutError:
            return False
        if not isinstance(head, h11.Request):
            return False
        self.idle.clear()
        self._patience = Patience(self._limits)
        exchange = _Exchange1(self, _request(head), self._visitor)
        await answer(self._handler, exchange)
        if exchange.upgraded:
            return False
        await self._discard_body()
        return self._http.our_state is h11.DONE and self._http.their_state is h11.DONE

    async def next_event(self) -> Any:
        """The next thing h11 makes of what the visitor sends."""
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(await self._reader.read(_CHUNK))
        return event

    async def read_body(self) -> bytes:
        """The next bytes of the request's body; empty at its end."""
        if self._http.their_state is not h11.SEND_BODY:
            return b""
        if self._http.they_are_waiting_for_100_continue:
            await self.send(h11.InformationalResponse(status_code=100, headers=[]))
        try:
            async with self._patience.waiting():
                event = await self.next_event()
        except h11.RemoteProtocolError as error:
            raise Abandoned("The visitor broke HTTP in the middle of a request.") from error
        if not isinstance(event, h11.Data):
            return b""
        self._patience.rewarded(len(event.data))
        return bytes(event.data)

    async def accept_upgrade(self, headers: Headers) -> None:
        """Send 101: HTTP ends here."""
        while await self.read_body():
            pass
        await self.send(h11.InformationalResponse(status_code=101, headers=headers))
        self._after_upgrade, _ = self._http.trailing_data

    async def read_raw(self) -> bytes:
        """What follows an upgrade."""
        data, self._after_upgrade = self._after_upgrade, b""
        async with visitor_within(None):  # a WebSocket may be silent for as long as it likes
            return data or await self._reader.read(_CHUNK)

    async def send(self, event: Any) -> None:
        """Send what h11 makes of `event`."""
        try:
            data = self._http.send(event)
        except h11.LocalProtocolError as error:
            if self._http.their_state is h11.ERROR:
                raise Abandoned("The visitor broke HTTP while it was answered.") from error
            raise
        if data:
            await self.send_raw(data)

    async def send_raw(self, data: bytes) -> None:
        """Send these bytes, and wait while the visitor is slow to take them."""
        async with visitor_within(self._limits.stall_seconds):
            self._writer.write(data)
            await self._writer.drain()

    async def _discard_body(self) -> None:
        """Read what is left of a body nobody wanted, if it is short, so that the connection can be kept."""
        if self._http.they_are_waiting_for_100_continue:
            return
        discarded = 0
        while discarded <= self._limits.unread_body and (data := await self.read_body()):
            discarded += len(data)

    async def _refuse(self, error: h11.RemoteProtocolError) -> None:
        """Answer what is not HTTP, where no other answer is under way."""
        if self._http.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            return
        body = f"This is not a request that HTTP/1.1 allows: {error}\n".encode()
        head = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
        head.append((b"connection", b"close"))
        await self.send(h11.Response(status_code=error.error_status_hint, headers=common_headers(head)))
        await self.send(h11.Data(data=body))
        await self.send(h11.EndOfMessage())


class _Exchange1(Exchange):
    def __init__(self, connection: Connection, request: Request, visitor: Visitor) -> None:
        super().__init__(request, visitor)
        self._connection = connection
        self.upgraded = False

    async def read(self) -> bytes:
        if self.upgraded:
            return await self._connection.read_raw()
        return await self._connection.read_body()

    async def start(self, status: int, headers: Headers) -> None:
        self.started = True
        head = common_headers(headers)
        if self._connection.closing:
            head = [*head, (b"connection", b"close")]
        await self._connection.send(h11.Response(status_code=status, headers=head, reason=_reason(status)))

    async def write(self, data: bytes) -> None:
        if self.upgraded:
            await self._connection.send_raw(data)
        else:
            await self._connection.send(h11.Data(data=data))

    async def finish(self) -> None:
        if not self.upgraded:
            await self._connection.send(h11.EndOfMessage())

    async def accept_upgrade(self, headers: Headers) -> None:
        self.started = self.upgraded = True
        protocol = (self.request.upgrade or "").encode()
        await self._connection.accept_upgrade([(b"connection", b"upgrade"), (b"upgrade", protocol), *headers])


def _reason(status: int) -> bytes:
    try:
        return HTTPStatus(status).phrase.encode()
    except ValueError:  # an application may have a status of its own
        return b""


def _request(head: h11.Request) -> Request:
    headers = list(head.headers)
    fields = dict(headers)
    if b"transfer-encoding" in fields and b"content-length" in fields:
        # RFC 9112, section 6.1: others may take the other one for the body's end, and the rest for a request.
        raise h11.RemoteProtocolError("Content-Length and Transfer-Encoding contradict each other")
    target = head.target.decode("ascii")
    authority = fields.get(b"host", b"").decode("latin-1")
    if target.startswith(("http://", "https://")):  # the absolute form, RFC 9112, section 3.2.2
        _, _, after_scheme = target.partition("://")
        authority, slash, path = after_scheme.partition("/")
        target = slash + path or "/"
    wants_upgrade = b"upgrade" in [option.strip() for option in fields.get(b"connection", b"").lower().split(b",")]
    upgrade = fields.get(b"upgrade") if wants_upgrade else None
    return Request(
        method=head.method.decode("ascii"),
        target=target,
        headers=headers,
        version=head.http_version.decode("ascii"),
        authority=authority,
        has_body=b"transfer-encoding" in fields or fields.get(b"content-length", b"0") != b"0",
        upgrade=upgrade.decode("latin-1") if upgrade else None,
    )
