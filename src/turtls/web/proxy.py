"""Hands requests to an application that speaks plain HTTP/1.1, as a TLS terminator does: streaming both ways."""

from __future__ import annotations

import asyncio
import os
from base64 import b64encode
from typing import Any
from urllib.parse import unquote, urlsplit

import h11

from turtls.errors import ConfigError
from turtls.web.http import Abandoned, Exchange, Headers, Request, Visitor

_CHUNK = 64 * 1024
_LARGEST_HEAD = 256 * 1024
"""Bytes of an answer's head: the upstream is trusted more than a visitor, but not with all of memory."""

_HOP_BY_HOP = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade"}
)
"""RFC 9110, section 7.6.1: these speak about one connection, and there are two here."""
_NOT_PASSED_ON = frozenset({b"host", b"expect", b"forwarded", b"x-real-ip", b"proxy"})
"""What is said or answered here: this is the edge, so a visitor's own claims about what lies before it do not count.
`Proxy` is no header at all, but CGI would make the environment variable HTTP_PROXY of it (CVE-2016-5385)."""


class Upstream:
    """A handler that asks the application at `url` (`http://host:port/prefix`), on a connection for each request."""

    def __init__(self, url: str, *, connect_seconds: float = 10, answer_seconds: float = 60) -> None:
        try:
            parts = urlsplit(url if "://" in url else f"http://{url}")
            self._port = parts.port or 80
        except ValueError as error:
            raise ConfigError(f"{url} cannot be read as an address: {error}.") from None
        if parts.scheme != "http" or not parts.hostname or parts.query or parts.fragment:
            raise ConfigError(f"The upstream must be an http:// address, like http://127.0.0.1:8000, not {url}.")
        self._host = parts.hostname
        self._prefix = parts.path.rstrip("/")
        self._connect_seconds = connect_seconds
        self._answer_seconds = answer_seconds

    async def __call__(self, exchange: Exchange) -> None:
        """Answer one request."""
        if exchange.request.method == "CONNECT" and not _wants_websocket(exchange.request):
            await exchange.refuse(405, "This server is not a proxy to others.")
            return
        try:
            request = self._request(exchange)
        except h11.LocalProtocolError:
            await exchange.refuse(400, "This request cannot be passed on as one of HTTP/1.1.")
            return
        try:
            async with asyncio.timeout(self._connect_seconds):
                reader, writer = await asyncio.open_connection(self._host, self._port)
        except TimeoutError:
            await exchange.refuse(504, "The application behind this server did not take the connection in time.")
            return
        except OSError:
            await exchange.refuse(502, "The application behind this server cannot be reached.")
            return
        try:
            await _Relay(exchange, reader, writer).run(request, self._answer_seconds)
        finally:
            writer.close()

    def _request(self, exchange: Exchange) -> h11.Request:
        """The request as the application gets it. Raises h11.LocalProtocolError: HTTP/2 lets through more than 1.1."""
        request = exchange.request
        is_path = request.target == "*" or request.target.startswith("/")
        if not is_path or (self._prefix and _leads_up(request.path)):
            raise h11.LocalProtocolError("The target could lead out of the prefix.")
        headers = [(b"host", (request.authority or f"{self._host}:{self._port}").encode("latin-1"))]
        headers += [field for field in _end_to_end(request.headers) if _is_passed_on(field[0])]
        headers += _forwarded(request, exchange.visitor)
        if _wants_websocket(request):
            headers += _websocket_handshake(request)
        else:
            headers.append((b"connection", b"close"))
            if request.has_body and not any(name == b"content-length" for name, _ in headers):
                headers.append((b"transfer-encoding", b"chunked"))
        method = "GET" if request.method == "CONNECT" else request.method  # RFC 8441, section 5
        target = request.target if request.target == "*" else self._prefix + request.target
        return h11.Request(method=method.encode("latin-1"), target=target.encode("latin-1"), headers=headers)


def _leads_up(untrusted_path: str) -> bool:
    """To Java's servers what follows a semicolon is a parameter (RFC 3986, section 3.3): to them `..;` is `..`, too."""
    segments = unquote(untrusted_path).replace("\\", "/").split("/")
    return any(segment.partition(";")[0] == ".." for segment in segments)


def _is_passed_on(name: bytes) -> bool:
    """To many applications (CGI, WSGI) a name with an underscore is the same as one with a hyphen."""
    name = name.replace(b"_", b"-")
    return name not in _NOT_PASSED_ON and not name.startswith(b"x-forwarded-")


def _wants_websocket(request: Request) -> bool:
    return request.upgrade is not None and request.upgrade.lower() == "websocket"


def _websocket_handshake(request: Request) -> Headers:
    headers = [(b"connection", b"upgrade"), (b"upgrade", b"websocket")]
    if request.header(b"sec-websocket-key") is None:  # HTTP/2 has none (RFC 8441, section 5.1), HTTP/1.1 needs one
        headers.append((b"sec-websocket-key", b64encode(os.urandom(16))))
    return headers


def _end_to_end(headers: Headers) -> Headers:
    """The headers without those that speak about the connection, or that Connection names."""
    named = {option.strip().lower() for name, value in headers if name == b"connection" for option in value.split(b",")}
    return [(name, value) for name, value in headers if name not in _HOP_BY_HOP and name not in named]


def _forwarded(request: Request, visitor: Visitor) -> Headers:
    """Who asks, and how: Forwarded (RFC 7239), its older siblings, and Via (RFC 9110, section 7.6.3)."""
    address, host = visitor.address, request.authority
    node = f'"[{address}]"' if ":" in address else address
    quoted_host = host.replace("\\", "\\\\").replace('"', '\\"')
    fields = {
        "forwarded": f'for={node};proto=https;host="{quoted_host}"',
        "x-forwarded-for": address,
        "x-forwarded-host": host,
        "x-forwarded-proto": "https",
        "via": f"{request.version} turtls",
    }
    return [(name.encode(), value.encode("latin-1")) for name, value in fields.items()]


class _Relay:
    """One exchange with a visitor, and its twin with the application."""

    def __init__(self, exchange: Exchange, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._exchange = exchange
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LARGEST_HEAD)

    async def run(self, request: h11.Request, answer_seconds: float) -> None:
        """Pass the request on, and the answer back. Raises Abandoned."""
        upload = asyncio.create_task(self._upload(request))
        try:
            await self._answer(upload, answer_seconds)
        except (h11.RemoteProtocolError, OSError) as error:
            if self._exchange.started:
                raise Abandoned("The application broke off its answer.") from error
            await self._exchange.refuse(502, "The application behind this server did not give an answer that is HTTP.")
        finally:
            upload.cancel()
            await asyncio.gather(upload, return_exceptions=True)

    async def _upload(self, request: h11.Request) -> None:
        try:
            await self._send(request)
            if not _wants_websocket(self._exchange.request):  # which has no body: what follows is the WebSocket's
                while data := await self._exchange.read():
                    await self._send(h11.Data(data=data))
            await self._send(h11.EndOfMessage())
        except (Abandoned, h11.LocalProtocolError):  # the latter: a body of another length than was announced
            self._writer.close()  # so the application learns that the request broke off
        except OSError:
            pass  # the application does not want to hear more; it may have answered already

    async def _send(self, event: Any) -> None:
        self._writer.write(self._http.send(event) or b"")
        await self._writer.drain()

    async def _answer(self, upload: asyncio.Task[None], answer_seconds: float) -> None:
        head_task = asyncio.create_task(self._head())
        try:
            # There is no limit while the request is still being sent.
            await asyncio.wait({head_task, upload}, return_when=asyncio.FIRST_COMPLETED)
            async with asyncio.timeout(answer_seconds):
                head = await head_task
        except TimeoutError:
            await self._exchange.refuse(504, "The application behind this server did not answer in time.")
            return
        finally:
            head_task.cancel()
        if head.status_code == 101:
            await self._tunnel(head)
            return
        await self._exchange.start(head.status_code, _end_to_end(list(head.headers)))
        while isinstance(event := await self._next_event(), h11.Data):
            await self._exchange.write(bytes(event.data))
        await self._exchange.finish()

    async def _head(self) -> h11.Response | h11.InformationalResponse:
        """The head of the final answer, or of one that switches protocols."""
        while True:
            event = await self._next_event()
            if isinstance(event, h11.Response) or (
                isinstance(event, h11.InformationalResponse) and event.status_code == 101
            ):
                return event
            if isinstance(event, h11.ConnectionClosed):
                raise h11.RemoteProtocolError("The connection ended before an answer came.")

    async def _next_event(self) -> Any:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(await self._reader.read(_CHUNK))
        return event

    async def _tunnel(self, head: h11.Response | h11.InformationalResponse) -> None:
        """Pass on what is no longer HTTP, until the application has said all."""
        headers = _end_to_end(list(head.headers))
        if self._exchange.request.method == "CONNECT":
            headers = [field for field in headers if field[0] != b"sec-websocket-accept"]
        await self._exchange.accept_upgrade(headers)
        from_visitor = asyncio.create_task(self._tunnel_from_visitor())
        try:
            data, _ = self._http.trailing_data
            while data or (data := await self._reader.read(_CHUNK)):
                await self._exchange.write(data)
                data = b""
            await self._exchange.finish()
        finally:
            from_visitor.cancel()
            await asyncio.gather(from_visitor, return_exceptions=True)

    async def _tunnel_from_visitor(self) -> None:
        try:
            while data := await self._exchange.read():
                self._writer.write(data)
                await self._writer.drain()
            self._writer.write_eof()
        except (Abandoned, OSError):
            self._writer.close()
