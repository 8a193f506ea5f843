"""One GET over turtls, each part of it timed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urljoin, urlsplit

import turtls
from turtls.cli.answer import Answer
from turtls.cli.dial import dial
from turtls.config import ClientConfig, Negotiated
from turtls.config.names import ascii_name, is_ip_address
from turtls.errors import ConfigError

_REDIRECTS = {301, 302, 303, 307, 308}


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

    def __init__(self, url: str, connection: _Connection, answer: Answer) -> None:
        self.url = url
        self.status = answer.status
        self.headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers]
        self.negotiated = connection.negotiated
        self.timing = connection.timing
        self._body = answer.body
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
        yield from self._body
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
        dialled = dial(host, port, timeout)
        connected = time.perf_counter()
        self._tls = turtls.wrap(dialled.socket, config, server_name=host, handshake_timeout=timeout)
        self._tls.settimeout(timeout)
        self.timing = Timing(dialled.dns_seconds, dialled.tcp_seconds, time.perf_counter() - connected)

    @property
    def negotiated(self) -> Negotiated | None:
        """What the two sides agreed on."""
        return self._tls.negotiated

    def get(self, target: str) -> Answer:
        """The answer to a GET, its body not read yet."""
        authority = self._host if self._port == 443 else f"{self._host}:{self._port}"
        if self.negotiated is not None and self.negotiated.alpn == "h2":
            from turtls.cli.http2 import get  # each needs a large library, and no more than one is spoken
        else:
            from turtls.cli.http1 import get
        asked = time.perf_counter()
        answer = get(self._tls, authority, target)
        self.timing.first_byte = time.perf_counter() - asked
        return answer

    def close(self) -> None:
        self._tls.close()
