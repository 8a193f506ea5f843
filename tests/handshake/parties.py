"""Who talks in these tests: two honest parties in memory, and parties that send something else than they should.

A `Meddler` sits where a connection's messages leave it. What it makes of a message goes out under the right keys and
into the party's own transcript, so the other side finds nothing wrong but the message itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache
from typing import Any, TypeVar
from unittest.mock import patch

from cryptography.hazmat.primitives.asymmetric import ec

import turtls.connection
from tests.pki.chains import certificate
from turtls.config import (
    ClientConfig,
    Credential,
    DangerAcceptAnyCertificate,
    Environment,
    Policy,
    ServerConfig,
)
from turtls.connection import ClientConnection, Connection, ServerConnection
from turtls.crypto.signatures import KeySigner
from turtls.errors import AlertDescription, Fault, PeerAlert, ProtocolError
from turtls.events import Event
from turtls.handshake.peer import Peer
from turtls.wire.messages import HandshakeMessage
from turtls.wire.registries import ContentType, NamedGroup

NAME = "a.example"

POLICY = replace(Policy.MODERN, key_share_groups=(NamedGroup.x25519,))
"""Small and quick ClientHellos."""

RETRIED = replace(POLICY, groups=(NamedGroup.secp256r1, NamedGroup.x25519), key_share_groups=(NamedGroup.x25519,))
ONLY_P256 = replace(POLICY, groups=(NamedGroup.secp256r1,), key_share_groups=(NamedGroup.secp256r1,))
"""A server of this one sends a client of the one above a HelloRetryRequest."""

E = TypeVar("E", bound=Event)


@cache
def credential(name: str = NAME) -> Credential:
    """Self-signed: these tests trust anybody."""
    key = ec.generate_private_key(ec.SECP256R1())
    return Credential((certificate(name, names=(name,), key=key).der,), KeySigner(key))


def client_config(**options: Any) -> ClientConfig:
    return ClientConfig(**({"policy": POLICY, "verifier": DangerAcceptAnyCertificate()} | options))


def server_config(**options: Any) -> ServerConfig:
    return ServerConfig(**({"policy": POLICY, "credentials": (credential(),)} | options))


# ------------------------------------------------------------------------------------------- honest parties


def connect(
    client: ClientConfig | None = None, server: ServerConfig | None = None, **options: Any
) -> tuple[ClientConnection, ServerConnection]:
    """A client and a server that have not talked yet."""
    return (
        ClientConnection(client or client_config(), **({"server_name": NAME} | options)),
        ServerConnection(server or server_config()),
    )


def exchange(client: Connection, server: Connection) -> tuple[list[Event], list[Event]]:
    """Carry bytes to and fro until there are none; gives what happened to each."""
    happened: tuple[list[Event], list[Event]] = ([], [])
    while (to_server := client.data_to_send()) or (to_client := server.data_to_send()):
        if to_server:
            happened[1].extend(server.receive_data(to_server))
            to_client = server.data_to_send()
        if to_client:
            happened[0].extend(client.receive_data(to_client))
    return happened


def shaken(
    client: ClientConfig | None = None, server: ServerConfig | None = None, **options: Any
) -> tuple[ClientConnection, ServerConnection]:
    """A client and a server that have shaken hands."""
    parties = connect(client, server, **options)
    exchange(*parties)
    assert parties[0].handshake_done
    assert parties[1].handshake_done
    return parties


def only(kind: type[E], events: Iterable[Event]) -> E:
    """The one event of that kind."""
    [event] = [event for event in events if isinstance(event, kind)]
    return event


# ------------------------------------------------------------------------------------------- others

Sent = HandshakeMessage | bytes
Meddle = Callable[[int, HandshakeMessage], Sent | Iterable[Sent]]
"""What to send in the place of a message; it is told how many this party has sent before."""


class Meddler(Peer):
    """Sends what `meddle` makes of each message."""

    __slots__ = ("_count", "_meddle")

    def __init__(self, meddle: Meddle, *args: Any) -> None:
        super().__init__(*args)
        self._meddle = meddle
        self._count = 0

    def send_raw(self, raw: bytes, message: HandshakeMessage) -> bytes:
        instead = self._meddle(self._count, message)
        self._count += 1
        sent = [instead] if isinstance(instead, HandshakeMessage | bytes) else instead
        raws = [one if isinstance(one, bytes) else one.to_bytes() for one in sent]
        for raw in raws:
            self.carrier.write_handshake(raw)
        return b"".join(raws)


def meddling_client(meddle: Meddle, config: ClientConfig | None = None, **options: Any) -> ClientConnection:
    """A client that sends what `meddle` makes of its messages."""
    with patch.object(turtls.connection, "Peer", lambda *args: Meddler(meddle, *args)):
        return ClientConnection(config or client_config(), **({"server_name": NAME} | options))


def meddling_server(meddle: Meddle, config: ServerConfig | None = None) -> ServerConnection:
    """A server that sends what `meddle` makes of its messages."""
    with patch.object(turtls.connection, "Peer", lambda *args: Meddler(meddle, *args)):
        return ServerConnection(config or server_config())
