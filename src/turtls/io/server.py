"""A listening asyncio server whose connections speak TLS."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING
from weakref import WeakSet

from turtls.config import ServerConfig

if TYPE_CHECKING:
    from turtls.io.protocol import TLSProtocol


class TLSServer(asyncio.AbstractServer):
    """What `asyncio.Server` is, with a configuration that can be exchanged."""

    config: ServerConfig
    """What new connections are served with. May be replaced at any time: connections that are there keep theirs."""

    tcp: asyncio.Server
    """The server below."""

    clients: WeakSet[TLSProtocol]
    """Those that are connected, or shake hands."""

    def __init__(self, config: ServerConfig) -> None:
        self.config = config
        self.clients = WeakSet()

    @property
    def sockets(self) -> Sequence[socket.socket]:
        """The listening sockets."""
        return self.tcp.sockets

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """The loop it runs in."""
        return self.tcp.get_loop()

    def is_serving(self) -> bool:
        """Whether it accepts connections."""
        return self.tcp.is_serving()

    async def start_serving(self) -> None:
        """Accept connections. It does so from the start."""
        await self.tcp.start_serving()

    async def serve_forever(self) -> None:
        """Accept connections until cancelled, then close."""
        await self.tcp.serve_forever()

    def close(self) -> None:
        """Accept no more connections. Those that are there go on."""
        self.tcp.close()

    def close_clients(self) -> None:
        """Close the connections that are there, as their transports' `close` does: what was written is sent, and
        close_notify. Handshakes are given up. asyncio's servers have this from Python 3.13 on.
        """
        for client in list(self.clients):
            if client.is_shaking_hands:
                client.abort()
            else:
                client.close()

    def abort_clients(self) -> None:
        """Close the connections that are there now, whatever is lost by it."""
        for client in list(self.clients):
            client.abort()

    async def wait_closed(self) -> None:
        """Return when it is closed and, from Python 3.12 on, all its connections have ended."""
        await self.tcp.wait_closed()
