"""Who talks in these tests: a client and a server with certificates, of turtls and of the standard library's ssl."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.pki.chains import DAY, Entity, authority, certificate
from turtls.config import ClientConfig, Credential, Policy, ServerConfig
from turtls.connection import ClientConnection, ServerConnection
from turtls.io.blocking import wrap
from turtls.io.tlssocket import TLSSocket
from turtls.pki import PrivateVerifier, TrustStore
from turtls.wire.registries import NamedGroup, SignatureScheme

T = TypeVar("T")

PATIENCE = 30.0
"""Seconds after which something hangs that should not."""

POLICY = replace(Policy.MODERN, groups=(NamedGroup.x25519,), key_share_groups=(NamedGroup.x25519,))


@cache
def root() -> Entity:
    return authority(not_before=datetime.now(UTC) - DAY)


@cache
def leaf(name: str = "localhost") -> Entity:
    names = (name, "127.0.0.1", "::1") if name == "localhost" else (name,)
    return certificate(name, root(), names=names, not_before=datetime.now(UTC) - DAY)


def key_pem(entity: Entity) -> bytes:
    pem: bytes = entity.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem


@cache
def credential(name: str = "localhost") -> Credential:
    return Credential.load(leaf(name).pem, key_pem(leaf(name)))


@cache
def verifier() -> PrivateVerifier:
    return PrivateVerifier(TrustStore.from_pem(root().pem))


def client_config(**options: Any) -> ClientConfig:
    return replace(ClientConfig(policy=POLICY, verifier=verifier()), **options)


def server_config(name: str = "localhost", **options: Any) -> ServerConfig:
    return replace(ServerConfig(policy=POLICY, credentials=(credential(name),)), **options)


class Signing:
    """Signs with the test's key after a wait."""

    def __init__(self, before: Callable[[], Awaitable[object]]) -> None:
        self._before = before

    async def sign(self, scheme: SignatureScheme, data: bytes) -> bytes:
        await self._before()
        signature = credential().signer.sign(scheme, data)
        assert isinstance(signature, bytes)
        return signature


def slowly_signing(before: Callable[[], Awaitable[object]]) -> ServerConfig:
    return server_config(credentials=(Credential(credential().chain, Signing(before)),))


def ssl_client() -> ssl.SSLContext:
    return ssl.create_default_context(cadata=root().pem.decode())


def ssl_server(folder: Path) -> ssl.SSLContext:
    (folder / "server.pem").write_bytes(leaf().pem + key_pem(leaf()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    """Two ends of a TCP connection, each of which fails rather than waits for ever."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname(), timeout=PATIENCE)
        far, _ = listener.accept()
    far.settimeout(PATIENCE)
    return near, far


def shake(sock: socket.socket) -> ClientConnection:
    """A client without a transport of its own, so that it can send what it should not."""
    connection = ClientConnection(client_config(), server_name="localhost")
    sock.sendall(connection.data_to_send())
    while not connection.handshake_done:
        connection.receive_data(sock.recv(65536))
        sock.sendall(connection.data_to_send())
    return connection


@contextlib.contextmanager
def beside(work: Callable[[], T]) -> Iterator[Future[T]]:
    """Do `work` in another thread. What it raises, and did not lead to another failure before, is raised here."""
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(work)
        yield future
        future.result(PATIENCE)


@contextlib.contextmanager
def shaken_pair(
    client: ClientConfig | None = None, server: ServerConfig | None = None, **server_options: Any
) -> Iterator[tuple[TLSSocket, TLSSocket]]:
    """A client and a server of turtls that have shaken hands over TCP."""
    near, far = tcp_pair()
    serving = TLSSocket(far, ServerConnection(server or server_config()), **server_options)
    with beside(serving.handshake):
        connecting = wrap(near, client or client_config(), server_name="localhost")
    with connecting, serving:
        yield connecting, serving


def read_all(sock: TLSSocket | socket.socket) -> bytes:
    blocks = []
    while block := sock.recv(65536):
        blocks.append(block)
    return b"".join(blocks)


def echo(tls: TLSSocket) -> None:
    while data := tls.recv(65536):
        tls.sendall(data)


@contextlib.contextmanager
def in_thread(work: Callable[[], object]) -> Iterator[None]:
    """Run `work`, which somebody else brings to its end, in a thread."""
    thread = threading.Thread(target=work)
    thread.start()
    yield
    thread.join(PATIENCE)
    assert not thread.is_alive()
