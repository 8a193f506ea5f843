"""TLS over asyncio with the stream interface."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence

from turtls.config import ClientConfig, ServerConfig
from turtls.errors import ClosedError
from turtls.events import Observer
from turtls.io import endpoints, limits
from turtls.io.protocol import OnHandshakeFailure
from turtls.io.server import TLSServer
from turtls.io.stream_reader import TLSStreamReader
from turtls.io.stream_writer import ClientConnected, StreamProtocol, TLSStreamWriter


async def open_connection(
    host: str | None = None,
    port: int | None = None,
    *,
    config: ClientConfig | None = None,
    server_name: str | None = None,
    limit: int = limits.STREAM_LIMIT,
    handshake_timeout: float = limits.HANDSHAKE_TIMEOUT,
    shutdown_timeout: float = limits.SHUTDOWN_TIMEOUT,
    early_data: bytes = b"",
    observer: Observer | None = None,
    danger_accept_truncation: bool = False,
    sock: socket.socket | None = None,
    local_addr: tuple[str, int] | None = None,
) -> tuple[TLSStreamReader, TLSStreamWriter]:
    """Connect, shake hands, and give a reader and a writer, as `asyncio.open_connection` does.

    `limit`: bytes kept unread before the peer has to wait, and the longest line. `get_extra_info` of the writer
    knows "tls" (the connection) and "negotiated". The other parameters, and what is raised, are those of
    `create_connection`. A connection that fails later raises from the reader: ProtocolError, PeerAlert, OSError, and
    TruncatedError where the peer's data may have been cut short.
    """
    transport, stream = await endpoints.create_connection(
        lambda: StreamProtocol(limit),
        host,
        port,
        config=config,
        server_name=server_name,
        handshake_timeout=handshake_timeout,
        shutdown_timeout=shutdown_timeout,
        early_data=early_data,
        observer=observer,
        danger_accept_truncation=danger_accept_truncation,
        sock=sock,
        local_addr=local_addr,
    )
    return stream.reader, TLSStreamWriter(transport, stream)


async def start_server(
    client_connected_cb: ClientConnected,
    host: str | Sequence[str] | None = None,
    port: int = 0,
    *,
    config: ServerConfig,
    limit: int = limits.STREAM_LIMIT,
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
    """Serve, as `asyncio.start_server` does: `client_connected_cb` gets a reader and a writer for each connection whose
    handshake is done, and may be a coroutine function.

    `limit` is that of `open_connection`; the other parameters, and what is raised, are those of `create_server`.
    """
    return await endpoints.create_server(
        lambda: StreamProtocol(limit, client_connected_cb),
        host,
        port,
        config=config,
        backlog=backlog,
        handshake_timeout=handshake_timeout,
        shutdown_timeout=shutdown_timeout,
        max_half_open=max_half_open,
        new_observer=new_observer,
        on_handshake_failure=on_handshake_failure,
        danger_accept_truncation=danger_accept_truncation,
        sock=sock,
        reuse_port=reuse_port,
    )


async def start_tls(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    config: ClientConfig | ServerConfig | None = None,
    *,
    server_name: str | None = None,
    limit: int = limits.STREAM_LIMIT,
    handshake_timeout: float = limits.HANDSHAKE_TIMEOUT,
    shutdown_timeout: float = limits.SHUTDOWN_TIMEOUT,
    observer: Observer | None = None,
    danger_accept_truncation: bool = False,
) -> tuple[TLSStreamReader, TLSStreamWriter]:
    """Shake hands over the streams of a plain connection (STARTTLS), and give those to go on with.

    Which side this is, the other parameters, and what is raised, are those of `wrap`. Raises ClosedError, too, if the
    old reader holds bytes that nobody has read: they came in the clear from nobody knows whom, and must not be taken
    for a part of what comes through TLS (CVE-2011-0411).
    """
    await writer.drain()
    # asyncio has no public way to ask its own reader.
    if reader.unread if isinstance(reader, TLSStreamReader) else getattr(reader, "_buffer", b""):
        writer.transport.abort()
        raise ClosedError("The peer sent more in the clear than was read before TLS began.")
    stream = StreamProtocol(limit)
    transport = await endpoints.wrap(
        writer.transport,
        stream,
        config,
        server_name=server_name,
        handshake_timeout=handshake_timeout,
        shutdown_timeout=shutdown_timeout,
        observer=observer,
        danger_accept_truncation=danger_accept_truncation,
    )
    return stream.reader, TLSStreamWriter(transport, stream, writer)
