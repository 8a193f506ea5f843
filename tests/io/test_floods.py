"""Peers that ask for much and give nothing: what they cost is bounded, and named."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest

from tests.io.conftest import Run
from tests.io.parties import PATIENCE, beside, client_config, in_thread, server_config, tcp_pair
from turtls import aio
from turtls.connection import ClientConnection, ServerConnection
from turtls.errors import AlertDescription, Fault, PeerAlert, ProtocolError, TLSError
from turtls.io import limits
from turtls.io.stream_reader import TLSStreamReader
from turtls.io.stream_writer import TLSStreamWriter
from turtls.io.tlssocket import TLSSocket
from turtls.record.limits import MAX_KEY_UPDATES


def shake(sock: socket.socket) -> ClientConnection:
    """A client without a transport of its own, so that it can send what it should not."""
    connection = ClientConnection(client_config(), server_name="localhost")
    sock.sendall(connection.data_to_send())
    while not connection.handshake_done:
        connection.receive_data(sock.recv(65536))
        sock.sendall(connection.data_to_send())
    return connection


def tight_listener() -> socket.socket:
    """Its connections buffer little in the operating system, so that it takes little to fill them."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    return listener


def tight_connection(listener: socket.socket) -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.settimeout(PATIENCE)
    sock.connect(listener.getsockname())
    return sock


def questions(connection: ClientConnection) -> bytes:
    """Data and requests to change keys in turn, such as no limit on either alone forbids: each has to be answered."""
    for _ in range(1000):
        connection.send_data(b"?")
        connection.update_keys(request_peer=True)
    return connection.data_to_send()


def key_updates(connection: ClientConnection) -> bytes:
    for _ in range(MAX_KEY_UPDATES + 1):
        connection.update_keys()
    return connection.data_to_send()


def alert_in(sock: socket.socket, connection: ClientConnection) -> AlertDescription | int:
    with pytest.raises(PeerAlert) as refusal:
        receive_for_ever(sock, connection)
    return refusal.value.alert


def receive_for_ever(sock: socket.socket, connection: ClientConnection) -> None:
    while data := sock.recv(65536):
        connection.receive_data(data)


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


def test_questions_of_one_who_does_not_read_the_answers() -> None:
    """The server reads on only when its answers go out: TCP then makes the peer wait, and it runs into its timeout."""
    with tight_listener() as listener:
        near = tight_connection(listener)
        far, _ = listener.accept()
    with near, TLSSocket(far, ServerConnection(server_config())) as server:
        with beside(server.handshake):
            connection = shake(near)
        near.settimeout(0.2)

        def serve() -> None:
            with contextlib.suppress(Exception):
                while server.recv(65536):
                    pass

        with in_thread(serve):
            with pytest.raises(TimeoutError):
                ask_for_ever(near, connection)
            assert len(server._outgoing) <= limits.ANSWERS_WAITING + 2
            near.close()


def ask_for_ever(sock: socket.socket, connection: ClientConnection) -> None:
    for _ in range(400):
        sock.sendall(questions(connection))
    raise AssertionError("the server listens for ever")


def test_questions_of_one_who_does_not_read_the_answers_over_asyncio(run: Run) -> None:
    async def test() -> None:
        accepted: asyncio.Queue[TLSStreamWriter] = asyncio.Queue()

        async def read_on(reader: TLSStreamReader, writer: TLSStreamWriter) -> None:
            accepted.put_nowait(writer)
            with contextlib.suppress(OSError, TLSError):
                while await reader.read(65536):
                    pass

        with tight_listener() as listener:
            server = await aio.start_server(read_on, config=server_config(), sock=listener)
            with await asyncio.to_thread(tight_connection, listener) as sock:
                connection = await asyncio.to_thread(shake, sock)
                writer = await accepted.get()
                writer.transport.set_write_buffer_limits(high=100)
                sock.settimeout(0.2)
                with pytest.raises(TimeoutError):
                    await asyncio.to_thread(ask_for_ever, sock, connection)
                assert 100 < writer.transport.get_write_buffer_size() < 1000
                writer.transport.abort()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
            server.close()

    run(test())
