"""TLS over asyncio, the side that looks at the application."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from turtls.config import Negotiated
from turtls.connection import ServerConnection
from turtls.errors import ConfigError
from turtls.io import limits

if TYPE_CHECKING:
    from turtls.io.protocol import TLSProtocol

_TLS_BELOW = frozenset({"sslcontext", "ssl_object", "peercert", "cipher", "compression"})
"""What a transport below that speaks TLS too would tell of its own TLS, not of this one."""


class TLSTransport(asyncio.Transport):
    """An asyncio.Transport whose bytes are private and authentic.

    `get_extra_info` knows "tls" (the connection), "negotiated", and what the transport below knows ("peername", ...).
    A connection that fails ends in the protocol's `connection_lost` with the error: ProtocolError, PeerAlert,
    TruncatedError where the peer's data may have been cut short, OSError.
    """

    def __init__(self, protocol: TLSProtocol, below: asyncio.Transport) -> None:
        super().__init__()
        self._protocol = protocol
        self._connection = protocol.connection
        self._below = below

    # What TLS adds.

    @property
    def negotiated(self) -> Negotiated | None:
        """What the two sides agreed on, and who the peer is."""
        return self._connection.negotiated

    def export_keying_material(self, label: str, context: bytes | None, length: int) -> bytes:
        """`length` bytes that both sides know and no one else (RFC 8446, section 7.5)."""
        return self._connection.export_keying_material(label, context, length)

    def channel_binding(self, kind: str = "tls-exporter") -> bytes:
        """What ties an application's login to this channel (RFC 9266, RFC 5929)."""
        return self._connection.channel_binding(kind)

    def update_keys(self, *, request_peer: bool = False) -> None:
        """Go on under new sending keys, and have the peer do so too if `request_peer` (RFC 8446, section 4.6.3)."""
        self._connection.update_keys(request_peer)
        self._protocol.flush()

    def request_client_certificate(self) -> None:
        """Ask the client who it is, after the handshake (RFC 8446, section 4.6.2).

        `negotiated` has the answer when it has come. Raises ConfigError if this is not a server, or if the client
        cannot be asked.
        """
        if not isinstance(self._connection, ServerConnection):
            raise ConfigError("Only a server can ask for a client's certificate.")
        self._connection.request_client_certificate()
        self._protocol.flush()

    # Writing.

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Protect `data` and send it. Raises ClosedError after `write_eof`; after the end it does nothing."""
        if self._protocol.closing:
            return
        connection = self._connection
        if len(data) <= limits.WRITE_SIZE:
            connection.send_data(data)
            self._below.write(connection.data_to_send())
            return
        view = memoryview(data).cast("B")
        for start in range(0, len(view), limits.WRITE_SIZE):
            connection.send_data(view[start : start + limits.WRITE_SIZE])
            self._below.write(connection.data_to_send())

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        """Protect the pieces as one, and send it."""
        self.write(b"".join(list_of_data))

    def write_eof(self) -> None:
        """Send close_notify: this side sends no more, the peer still may (RFC 8446, section 6.1)."""
        if not self._protocol.closing:
            self._connection.close()
            self._protocol.flush()
            if self._below.can_write_eof():
                self._below.write_eof()

    def can_write_eof(self) -> bool:
        """True: TLS 1.3 can be half-closed."""
        return True

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """When to call the protocol's pause_writing and resume_writing, in bytes of what is sent."""
        self._below.set_write_buffer_limits(high, low)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """(low, high), in bytes."""
        return self._below.get_write_buffer_limits()

    def get_write_buffer_size(self) -> int:
        """How many bytes wait to be sent."""
        return self._below.get_write_buffer_size()

    # Reading.

    def is_reading(self) -> bool:
        """Whether the protocol is given what comes."""
        return not (self._protocol.closing or self._protocol.reading_paused)

    def pause_reading(self) -> None:
        """Bring the protocol nothing, until resume_reading."""
        self._protocol.pause_reading()

    def resume_reading(self) -> None:
        """Bring the protocol what comes."""
        self._protocol.resume_reading()

    # The rest.

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Whom the data goes to."""
        return self._protocol.application

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Give the data to `protocol` from now on."""
        self._protocol.set_application(protocol)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """See the class."""
        if name == "tls":
            return self._connection
        if name == "negotiated":
            return self._connection.negotiated
        return default if name in _TLS_BELOW else self._below.get_extra_info(name, default)

    def is_closing(self) -> bool:
        """Whether it is closed or about to be."""
        return self._protocol.closing or self._below.is_closing()

    def close(self) -> None:
        """Send what was written and close_notify, and close. The peer's close_notify is not waited for."""
        self._protocol.close()

    def abort(self) -> None:
        """Close now, whatever is lost by it."""
        self._protocol.abort()
