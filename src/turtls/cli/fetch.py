"""One GET over turtls: httpcore speaks HTTP on a TLSSocket, and each part is timed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, quote, urljoin, urlsplit

import httpcore

import turtls
from turtls.cli.dial import dial
from turtls.config import ClientConfig, Negotiated
from turtls.config.names import ascii_name, is_ip_address
from turtls.errors import ConfigError
from turtls.io.tlssocket import TLSSocket

_REDIRECTS = {301, 302, 303, 307, 308}


class FetchError(OSError):
    """The peer's answer is not one, or it broke off."""


@dataclass(slots=True)
class Timing:
    """Seconds that each part took."""

    dns: float
    tcp: float
    tls: float
    first_byte: float = 0.0
    """From the request to the first byte of its answer."""
    body: float = 0.0

    @property
    def total(self) -> float:
        """All of it."""
        return self.dns + self.tcp + self.tls + self.first_byte + self.body


class Fetched:
    """An answer whose body is still to be read."""

    def __init__(self, url: str, connection: _Connection, response: httpcore.Response) -> None:
        self.url = url
        self.status = response.status
        self.headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers]
        self.negotiated = connection.negotiated
        self.timing = connection.timing
        self._response = response
        self._connection = connection

    def header(self, name: str) -> str | None:
        """The first value of that header; `name` in lower case."""
        return next((value for key, value in self.headers if key.lower() == name), None)

    @property
    def length(self) -> int | None:
        """Bytes of the body, where the server says it."""
        length = self.header("content-length")
        return int(length) if length is not None and length.isascii() and length.isdigit() else None

    @property
    def redirect(self) -> str | None:
        """The URL that the answer points to; None if it is no redirect."""
        location = self.header("location")
        if self.status not in _REDIRECTS or location is None:
            return None
        try:
            return urljoin(self.url, location)
        except ValueError:
            return location  # who tries to fetch it is told what is wrong with it

    def body(self) -> Iterator[bytes]:
        """The body as it comes. Raises FetchError, TLSError."""
        started = time.perf_counter()
        with _http_errors():
            yield from self._response.iter_stream()
        self.timing.body = time.perf_counter() - started

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def fetch(url: str, config: ClientConfig, timeout: float) -> Fetched:
    """Ask for `url`; each step may take `timeout` seconds. Raises ConfigError, Unreachable, TLSError, FetchError."""
    host, port, target = _parts(url)
    connection = _Connection(host, port, config, timeout)
    try:
        return Fetched(url, connection, connection.get(target))
    except BaseException:
        connection.close()
        raise


def _parts(url: str) -> tuple[str, int, str]:
    try:
        parts = urlsplit(url)
        port = parts.port or 443
    except ValueError as error:
        raise ConfigError(f"{url} cannot be read as an address: {error}.") from None
    if parts.scheme != "https":
        raise ConfigError(f"turtls get fetches https:// addresses, and {url} is none.")
    if not parts.hostname:
        raise ConfigError(f"{url} names no host.")
    host = parts.hostname
    return host if is_ip_address(host) else ascii_name(host), port, _target(parts)


def _target(parts: SplitResult) -> str:
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    return path + ("?" + quote(parts.query, safe="/%:@!$&'()*+,;=~-._?") if parts.query else "")


class _Connection:
    """A connection to one server, for one request."""

    def __init__(self, host: str, port: int, config: ClientConfig, timeout: float) -> None:
        self._host = f"[{host}]" if ":" in host else host
        self._port = port
        self._timeout = timeout
        dialled = dial(host, port, timeout)
        connected = time.perf_counter()
        self._tls = turtls.wrap(dialled.socket, config, server_name=host, handshake_timeout=timeout)
        self.timing = Timing(dialled.dns_seconds, dialled.tcp_seconds, time.perf_counter() - connected)

    @property
    def negotiated(self) -> Negotiated | None:
        """What the two sides agreed on."""
        return self._tls.negotiated

    def get(self, target: str) -> httpcore.Response:
        """The answer to a GET, its body not read yet."""
        origin = httpcore.Origin(b"https", self._host.encode(), self._port)
        speaks_http2 = self.negotiated is not None and self.negotiated.alpn == "h2"
        kind = httpcore.HTTP2Connection if speaks_http2 else httpcore.HTTP11Connection
        authority = self._host if self._port == 443 else f"{self._host}:{self._port}"
        request = httpcore.Request(
            "GET",
            httpcore.URL(scheme=b"https", host=origin.host, port=origin.port, target=target.encode()),
            headers=[("Host", authority), ("Accept", "*/*"), ("User-Agent", f"turtls/{turtls.__version__}")],
            extensions={"timeout": {"read": self._timeout, "write": self._timeout}},
        )
        asked = time.perf_counter()
        with _http_errors():
            response = kind(origin=origin, stream=_Stream(self._tls)).handle_request(request)
        self.timing.first_byte = time.perf_counter() - asked
        return response

    def close(self) -> None:
        self._tls.close()


class _Stream(httpcore.NetworkStream):
    """A TLSSocket as httpcore wants it."""

    def __init__(self, tls: TLSSocket) -> None:
        self._tls = tls

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._tls.settimeout(timeout)
        return self._tls.recv(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._tls.settimeout(timeout)
        self._tls.sendall(buffer)

    def close(self) -> None:
        self._tls.close()

    def get_extra_info(self, info: str) -> Any:
        return None


@contextmanager
def _http_errors() -> Iterator[None]:
    try:
        yield
    except (httpcore.ProtocolError, httpcore.NetworkError, httpcore.TimeoutException) as error:
        raise FetchError(f"The server's answer is not HTTP, or it broke off: {error}.") from error
