"""What a handshake costs a server that its client does not finish: `python -m benchmarks.half_open [COUNT]`.

Memory, so nothing here depends on the time. Each state has a process of its own, whose resident set is looked at before
and after COUNT (10,000) handshakes came to be in it: that counts what OpenSSL keeps, too.
"""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from typing import Final

from benchmarks.certificates import NAME, files
from benchmarks.costs import resident
from turtls.config import ClientAuth, ClientConfig, Credential, DangerAcceptAnyCertificate, ServerConfig
from turtls.connection import ClientConnection, ServerConnection
from turtls.io.protocol import TLSProtocol
from turtls.record.limits import (
    MAX_CERTIFICATE_MESSAGE,
    MAX_CIPHERTEXT13,
    MAX_HANDSHAKE_MESSAGE,
    MAX_INNER_PLAINTEXT,
    MAX_PLAINTEXT,
)
from turtls.wire.registries import ContentType, HandshakeType

COUNT: Final = 10_000


@cache
def config(client_auth: ClientAuth = ClientAuth.NONE) -> ServerConfig:
    certificates = files("ecdsa")
    credential = Credential.load(certificates.server_chain, certificates.server_key)
    return ServerConfig(credentials=(credential,), client_auth=client_auth, verifier=DangerAcceptAnyCertificate())


@cache
def client_hello() -> bytes:
    """The same for all: so would a flood have it."""
    client = ClientConnection(ClientConfig(verifier=DangerAcceptAnyCertificate()), server_name=NAME)
    return client.data_to_send()


# ------------------------------------------------------------------------------------------- the states


def silent() -> ServerConnection:
    """Nothing has come."""
    return ServerConnection(config())


def answered(client_auth: ClientAuth = ClientAuth.NONE) -> ServerConnection:
    """A ClientHello has come, and the server's whole flight has gone."""
    server = ServerConnection(config(client_auth))
    server.receive_data(client_hello())
    server.data_to_send()
    return server


def unfinished_hello() -> ServerConnection:
    """The largest ClientHello has come, but for one byte, and a whole record, but for another."""
    server = ServerConnection(config())
    for fragment in _fragments(HandshakeType.client_hello, MAX_HANDSHAKE_MESSAGE):
        server.receive_data(_record(ContentType.handshake, fragment))
    server.receive_data(_record(ContentType.handshake, bytes(MAX_PLAINTEXT))[:-1])
    return server


def unfinished_certificate() -> ServerConnection:
    """The largest Certificate has come in the same way: there is nothing larger."""
    server = answered(ClientAuth.REQUEST)
    keys = server._records._read
    assert keys is not None
    for fragment in _fragments(HandshakeType.certificate, MAX_CERTIFICATE_MESSAGE):
        sequence = keys._sequence
        record = keys.seal(ContentType.handshake, fragment, MAX_INNER_PLAINTEXT, 0)
        keys._sequence = sequence  # as the client has them
        server.receive_data(record)
    server.receive_data(_record(ContentType.application_data, bytes(MAX_CIPHERTEXT13))[:-1])
    return server


def _fragments(kind: HandshakeType, length: int) -> Iterator[bytes]:
    """All of a message but its last byte."""
    message = bytes((kind,)) + length.to_bytes(3, "big") + bytes(length - 1)
    return (message[start : start + MAX_PLAINTEXT] for start in range(0, len(message), MAX_PLAINTEXT))


def _record(content_type: ContentType, body: bytes) -> bytes:
    return bytes((content_type, 3, 3)) + len(body).to_bytes(2, "big") + body


STATES: Final[dict[str, Callable[[], ServerConnection]]] = {
    "nothing received": silent,
    "the whole flight answered": answered,
    "an unfinished ClientHello": unfinished_hello,
    "an unfinished Certificate": unfinished_certificate,
}


# ------------------------------------------------------------------------------------------- the measurement

OVER_ASYNCIO: Final = "nothing received, with asyncio's transport"


async def _over_asyncio(count: int) -> float:
    """Two files for each, so there cannot be as many as one likes."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    count = min(count, (most - 100) // 2)
    loop = asyncio.get_running_loop()
    kept: list[object] = []

    async def accept() -> None:
        near, far = socket.socketpair()
        kept.append(near)
        kept.append(await loop.connect_accepted_socket(lambda: TLSProtocol(silent(), asyncio.Protocol()), far))

    for _ in range(10):
        await accept()
    before = resident()
    for _ in range(count):
        await accept()
    return (resident() - before) / count


def _in_memory(start: Callable[[], ServerConnection], count: int) -> float:
    kept = [start() for _ in range(10)]
    before = resident()
    kept += [start() for _ in range(count)]
    return (resident() - before) / count


def main() -> None:
    """Print the table; or, with the name of a state, its bytes for each handshake alone."""
    if len(sys.argv) > 2:
        name, count = sys.argv[1], int(sys.argv[2])
        each = asyncio.run(_over_asyncio(count)) if name == OVER_ASYNCIO else _in_memory(STATES[name], count)
        os.write(1, str(each).encode())
        os._exit(0)  # so many transports would all be closed one by one
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    print(f"{count} handshakes that nobody finishes")
    for name in (*STATES, OVER_ASYNCIO):
        command = [sys.executable, "-m", "benchmarks.half_open", name, str(count)]
        each = float(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        print(f"{name:44} {each / 1024:7.1f} KiB each {each * count / 2**20:8.0f} MiB", flush=True)


if __name__ == "__main__":
    main()
