"""TLS over asyncio: connections and servers for any asyncio.Protocol."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

from turtls.config import ClientConfig, ServerConfig
from turtls.config.names import is_ip_address
from turtls.connection import ClientConnection, ServerConnection
from turtls.errors import ConfigError
from turtls.events import Observer
from turtls.io import limits
from turtls.io.defaults import client_config, identity
from turtls.io.half_open import HalfOpenHandshakes
from turtls.io.protocol import OnHandshakeFailure, TLSProtocol
from turtls.io.server import TLSServer
from turtls.io.transport import TLSTransport

P = TypeVar("P", bound=asyncio.BaseProtocol)

HAPPY_EYEBALLS_DELAY = 0.25
"""Seconds before the next address of a host is tried beside the one before it (RFC 8305, section 5)."""


async def create_connection(
    protocol_factory: Callable[[], P],
    host: str | None = None,
    port: int | None = None,
    *,
    config: ClientConfig | None = None,
    server_name: str | None = None,
    handshake_timeout: float = limits.HANDSHAKE_TIMEOUT,
    shutdown_timeout: float = limits.SHUTDOWN_TIMEOUT,
    early_data: bytes = b"",
    observer: Observer | None = None,
    danger_accept_truncation: bool = False,
    sock: socket.socket | None = None,
    local_addr: tuple[str, int] | None = None,
) -> tuple[TLSTransport, P]:
    """Connect to `host` (or take `sock`, which is connected), shake hands, and give transport and protocol.

    `config`: None is a default configuration with the system's trust, shared by the process.
    `server_name`: whom the certificate must name, if not `host`.
    `handshake_timeout`: seconds for the whole handshake.
    `shutdown_timeout`: seconds that closing waits for what was written to leave.
    `early_data`: goes along with the first message, if there is a session whose server accepts it (0-RTT; see
    ClientConnection: it can be replayed). Unless `negotiated.early_data` says that it was accepted, send it again.
    `observer`: is called with each `turtls.events.Trace` of the handshake.
    `danger_accept_truncation`: take the end of the TCP connection for the end of the data, as some old peers need.
    Someone on the path can then cut the data short without being noticed.

    Raises OSError if there is no connection, HandshakeTimeout, turtls.pki.CertificateError if the server's certificate
    is not to be trusted, PeerAlert if the server refuses, another ProtocolError if it breaks the protocol.
    """
    loop = asyncio.get_running_loop()
    name = identity(server_name, host)
    connection = ClientConnection(
        client_config(config),
        server_name=name,
        session_key=f"{name}:{port}" if port else None,
        early_data=early_data,
        observer=observer,
    )
    handshaken: asyncio.Future[TLSTransport] = loop.create_future()
    application = protocol_factory()
    protocol = TLSProtocol(
        connection,
        application,
        handshake_timeout=handshake_timeout,
        shutdown_timeout=shutdown_timeout,
        handshaken=handshaken,
        danger_accept_truncation=danger_accept_truncation,
    )
    if sock is not None:
        await loop.create_connection(lambda: protocol, sock=sock)
    elif host is not None and port is not None:
        await loop.create_connection(lambda: protocol, host, port, local_addr=local_addr, **_racing(loop, host))
    else:
        raise ConfigError("A client needs a host and a port, or a socket that is connected.")
    return await _handshake(protocol, handshaken), application


async def wrap(
    transport: asyncio.WriteTransport,
    protocol: asyncio.BaseProtocol,
    config: ClientConfig | ServerConfig | None = None,
    *,
    server_name: str | None = None,
    handshake_timeout: float = limits.HANDSHAKE_TIMEOUT,
    shutdown_timeout: float = limits.SHUTDOWN_TIMEOUT,
    observer: Observer | None = None,
    danger_accept_truncation: bool = False,
) -> TLSTransport:
    """Shake hands over `transport`, which is connected, and give the transport that `protocol` speaks through from then
    on (its `connection_made` is called with it).

    The kind of `config` says which side this is; a client must say who the server is by `server_name`. The other
    parameters, and what is raised, are those of `create_connection`. `transport` is closed if the handshake fails.
    """
    connection: ClientConnection | ServerConnection
    if isinstance(config, ServerConfig):
        if server_name is not None:
            raise ConfigError("A server has no server_name to give: the client says whom it wants.")
        connection = ServerConnection(config, accepts_early_data=False, observer=observer)
    else:
        connection = ClientConnection(client_config(config), server_name=identity(server_name, None), observer=observer)
    handshaken: asyncio.Future[TLSTransport] = asyncio.get_running_loop().create_future()
    tls = TLSProtocol(
        connection,
        protocol,
        handshake_timeout=handshake_timeout,
        shutdown_timeout=shutdown_timeout,
        handshaken=handshaken,
        danger_accept_truncation=danger_accept_truncation,
    )
    below = cast(asyncio.Transport, transport)
    below.set_protocol(tls)
    tls.connection_made(below)
    below.resume_reading()
    return await _handshake(tls, handshaken)


async def _handshake(protocol: TLSProtocol, handshaken: asyncio.Future[TLSTransport]) -> TLSTransport:
    try:
        return await handshaken
    except asyncio.CancelledError:
        protocol.abort()
        raise


def _racing(loop: asyncio.AbstractEventLoop, host: str) -> dict[str, Any]:
    """What makes asyncio's own loops try the addresses of a name side by side; uvloop does not know it."""
    if is_ip_address(host) or not isinstance(loop, asyncio.BaseEventLoop):
        return {}
    return {"happy_eyeballs_delay": HAPPY_EYEBALLS_DELAY}


async def create_server(
    protocol_factory: Callable[[], asyncio.BaseProtocol],
    host: str | Sequence[str] | None,
    port: int,
    *,
    config: ServerConfig,
    backlog: int = limits.BACKLOG,
    handshake_timeout: float = limits.HANDSHAKE_TIMEOUT,
    shutdown_timeout: float = limits.SHUTDOWN_TIMEOUT,
    max_half_open: int = limits.HALF_OPEN_HANDSHAKES,
    new_observer: Callable[[], Observer] | None = None,
    on_handshake_failure: OnHandshakeFailure | None = None,
    danger_accept_truncation: bool = False,
    sock: socket.socket | None = None,
    reuse_port: bool | None = None,
) -> TLSServer:
    """Serve at `host` (None: every address) and `port` (0: any that is free), or with `sock`, which is bound.

    `protocol_factory` is called for each connection; its protocol's `connection_made` when the handshake is done.
    `new_observer`: gives for each connection what is called with each `turtls.events.Trace` of it.
    `on_handshake_failure`: hears of the handshakes that come to nothing, and may answer in the clear.
    `max_half_open`: handshakes under way at once. Where there is one more, the oldest ends with HandshakeTimeout.
    The other parameters are those of `create_connection`. Raises OSError if the address cannot be had.
    """
    server = TLSServer(config)
    half_open = HalfOpenHandshakes(max_half_open)

    def serve() -> TLSProtocol:
        observer = new_observer() if new_observer else None
        return TLSProtocol(
            ServerConnection(server.config, accepts_early_data=False, observer=observer),
            protocol_factory(),
            handshake_timeout=handshake_timeout,
            shutdown_timeout=shutdown_timeout,
            on_handshake_failure=on_handshake_failure,
            half_open=half_open,
            danger_accept_truncation=danger_accept_truncation,
            clients=server.clients,
        )

    loop = asyncio.get_running_loop()
    if sock is None:
        server.tcp = await loop.create_server(serve, host, port, backlog=backlog, reuse_port=reuse_port)
    else:
        server.tcp = await loop.create_server(serve, sock=sock, backlog=backlog)
    return server
