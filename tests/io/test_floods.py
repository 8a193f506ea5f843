"""Peers that ask for much and give nothing: what they cost is bounded, and named."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest

from tests.io.conftest import Run
from tests.io.parties import PATIENCE, beside, server_config, shake, tcp_pair
from turtls import aio
from turtls.connection import ClientConnection, ServerConnection
from turtls.errors import AlertDescription, Fault, PeerAlert, ProtocolError
from turtls.io import limits
from turtls.io.stream_reader import TLSStreamReader
from turtls.io.stream_writer import TLSStreamWriter
from turtls.io.tlssocket import TLSSocket
from turtls.record.limits import MAX_KEY_UPDATES


def key_updates(connection: ClientConnection) -> bytes:
    for _ in range(MAX_KEY_UPDATES + 1):
        connection.update_keys()
    return connection.data_to_send()


def alert_in(sock: socket.socket, connection: ClientConnection) -> AlertDescription | int:
    with contextlib.suppress(PeerAlert):
        while connection.failure is None and (data := sock.recv(65536)):
            connection.receive_data(data)
    assert isinstance(connection.failure, PeerAlert)
    return connection.failure.alert


def test_key_updates_without_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LINGER_TIMEOUT", 0.05)
    near, far = tcp_pair()
    with near, TLSSocket(far, ServerConnection(server_config())) as server:
        with beside(server.handshake):
            connection = shake(near)
        near.sendall(key_updates(connection))
        with beside(lambda: alert_in(near, connection)) as alert:
            with pytest.raises(ProtocolError) as failure:
                server.recv(1)
            assert failure.value.fault is Fault.TOO_MANY_KEY_UPDATES
            assert alert.result(PATIENCE) == AlertDescription.UNEXPECTED_MESSAGE


def test_questions_of_one_who_does_not_read_the_answers(run: Run) -> None:
    """All buffers are full, and each KeyUpdate asks for another: one answer waits to be sent, not a thousand."""

    async def test() -> None:
        accepted: asyncio.Queue[tuple[TLSStreamReader, TLSStreamWriter]] = asyncio.Queue()
        server = await aio.start_server(
            lambda *streams: accepted.put_nowait(streams), "127.0.0.1", 0, config=server_config()
        )
        with socket.create_connection(server.sockets[0].getsockname(), PATIENCE) as sock:
            connection = await asyncio.to_thread(shake, sock)
            reader, writer = await accepted.get()
            writer.write(bytes(64 << 20))
            kept = writer.transport.get_write_buffer_size()
            for _ in range(1000):
                connection.send_data(b"?")
                connection.update_keys(request_peer=True)
            sock.sendall(connection.data_to_send())
            assert await reader.readexactly(1000) == b"?" * 1000
            assert writer.transport.get_write_buffer_size() < kept + 100
            writer.transport.abort()
            await writer.wait_closed()
        server.close()

    run(test())
