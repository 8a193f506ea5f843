"""Two QUIC connections that talk in memory, and a client or server that meddles with its messages."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest.mock import patch

import turtls.handshake.endpoint
from tests.handshake.parties import NAME, Meddle, Meddler, client_config, server_config
from turtls.config import ClientConfig, ServerConfig, Session, SessionCache
from turtls.errors import Fault, ProtocolError, TLSError
from turtls.events import Event
from turtls.quic import QuicClientConnection, QuicConnection, QuicServerConnection

CLIENTS, SERVERS = b"\1\2the client's", b"\3\4the server's"


class AnyService(SessionCache):
    """A client's sessions, mixed as they should not be."""

    def put(self, key: str, session: Session) -> None:
        super().put("any", session)

    def take(self, key: str) -> Session | None:
        return super().take("any")


def quic_client(config: ClientConfig | None = None, **options: Any) -> QuicClientConnection:
    config = config or client_config()
    config = config if config.alpn else replace(config, alpn=("h3",))
    return QuicClientConnection(config, **({"server_name": NAME, "transport_parameters": CLIENTS} | options))


def quic_server(config: ServerConfig | None = None, **options: Any) -> QuicServerConnection:
    config = config or server_config()
    config = config if config.alpn else replace(config, alpn=("h3",))
    return QuicServerConnection(config, **({"transport_parameters": SERVERS} | options))


def meddling_quic_client(meddle: Meddle, config: ClientConfig | None = None, **options: Any) -> QuicClientConnection:
    """A client that sends what `meddle` makes of its messages."""
    with patch.object(turtls.handshake.endpoint, "Peer", lambda *args: Meddler(meddle, *args)):
        return quic_client(config, **options)


def meddling_quic_server(meddle: Meddle, config: ServerConfig | None = None) -> QuicServerConnection:
    """A server that sends what `meddle` makes of its messages."""
    with patch.object(turtls.handshake.endpoint, "Peer", lambda *args: Meddler(meddle, *args)):
        return quic_server(config)


def carry(sender: QuicConnection, receiver: QuicConnection) -> list[Event]:
    """Everything that the sender has to send; gives what happened to the receiver."""
    return [event for level, data in sender.crypto_to_send() for event in receiver.receive_crypto(level, data)]


def exchange(client: QuicConnection, server: QuicConnection) -> tuple[list[Event], list[Event]]:
    """Carry bytes to and fro until there are none; gives what happened to each."""
    happened: tuple[list[Event], list[Event]] = ([], [])
    for _ in range(4):  # hello, retry, hello again, the rest
        happened[1].extend(carry(client, server))
        happened[0].extend(carry(server, client))
    assert not client.crypto_to_send()
    return happened


def shaken(
    client: ClientConfig | None = None, server: ServerConfig | None = None
) -> tuple[QuicClientConnection, QuicServerConnection]:
    """A client and a server that have shaken hands."""
    parties = quic_client(client), quic_server(server)
    exchange(*parties)
    assert parties[0].handshake_done
    assert parties[1].handshake_done
    return parties


def refused(client: QuicConnection, server: QuicConnection) -> Fault:
    """Carry bytes to and fro until one side refuses what came; gives the fault. It must have a code for the peer."""
    for sender, receiver in [(client, server), (server, client)] * 4:
        refusal: TLSError | None = None
        try:
            carry(sender, receiver)
        except ProtocolError as error:
            refusal = error
        if isinstance(receiver.failure, ProtocolError):
            assert refusal in (None, receiver.failure)
            assert receiver.crypto_error == 0x100 + receiver.failure.alert
            return receiver.failure.fault
    raise AssertionError("nobody refused anything")
