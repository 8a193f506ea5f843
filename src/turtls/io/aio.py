"""TLS over asyncio: `open_connection`, `start_server` and `start_tls` for streams, the rest for protocols."""

from __future__ import annotations

from turtls.io.endpoints import create_connection, create_server, wrap
from turtls.io.protocol import HandshakeFailure, OnHandshakeFailure
from turtls.io.server import TLSServer
from turtls.io.streams import open_connection, start_server, start_tls
from turtls.io.transport import TLSTransport

__all__ = [
    "HandshakeFailure",
    "OnHandshakeFailure",
    "TLSServer",
    "TLSTransport",
    "create_connection",
    "create_server",
    "open_connection",
    "start_server",
    "start_tls",
    "wrap",
]
