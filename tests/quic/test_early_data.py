"""0-RTT (RFC 9001, section 4.6): TLS says whether, and gives the keys; the data is QUIC's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.handshake.parties import ONLY_P256, adding, client_config, only, replacing, server_config
from tests.handshake.parties import shaken as shaken_over_tcp
from tests.quic.parties import SERVERS, AnyService, exchange, meddling_quic_server, quic_client, quic_server, shaken
from turtls.config import ClientConfig, ServerConfig, Session
from turtls.errors import Fault, ProtocolError
from turtls.events import HandshakeCompleted, SessionReceived
from turtls.handshake.peer import Level
from turtls.quic import KeysAvailable, QuicClientConnection, QuicServerConnection
from turtls.wire.extensions import EarlyDataIndication, EarlyDataNewSessionTicket
from turtls.wire.messages import ClientHello, NewSessionTicket
from turtls.wire.registries import HandshakeType


def met(**options: Any) -> tuple[ClientConfig, ServerConfig]:
    """A client that has a session with a server that accepts 0-RTT."""
    client, server = client_config(), server_config(max_early_data=1, **options)
    shaken(client, server)
    return client, server


def again(
    client: ClientConfig, server: ServerConfig, **options: Any
) -> tuple[QuicClientConnection, QuicServerConnection, bool]:
    """They meet again, and the client wants to send early data; gives whether it was accepted, by both accounts."""
    ours, theirs = quic_client(client, early_data=True), quic_server(server, **options)
    happened = exchange(ours, theirs)
    accepted = [only(HandshakeCompleted, events).negotiated.early_data for events in happened]
    assert accepted[0] == accepted[1]
    return ours, theirs, accepted[0]


def test_both_sides_have_the_same_keys_for_early_data() -> None:
    client, server = met()
    ours, theirs = quic_client(client, early_data=True), quic_server(server)
    keys = ours.early_keys
    assert keys is not None
    assert (keys.direction, keys.level) == ("sent", Level.EARLY)
    [(level, hello)] = ours.crypto_to_send()
    assert level is Level.PLAINTEXT
    assert EarlyDataIndication in ClientHello.from_bytes(hello).extensions
    received = [event for event in theirs.receive_crypto(level, hello) if isinstance(event, KeysAvailable)]
    early = next(event for event in received if event.level is Level.EARLY)
    assert early == KeysAvailable("received", Level.EARLY, keys.cipher_suite, keys.traffic_secret)
    assert [(event.direction, event.level) for event in received] == [
        ("sent", Level.HANDSHAKE),
        ("received", Level.EARLY),
        ("received", Level.HANDSHAKE),  # there is no EndOfEarlyData to wait for (section 8.3)
        ("sent", Level.APPLICATION),
    ]
    sent = b"".join(data for level, data in theirs.crypto_to_send() if ours.receive_crypto(level, data) is not None)
    assert sent
    [(level, finished)] = ours.crypto_to_send()
    assert (level, finished[0]) == (Level.HANDSHAKE, HandshakeType.finished)
    theirs.receive_crypto(level, finished)
    for side in (ours, theirs):
        assert side.negotiated is not None
        assert side.negotiated.early_data


def test_what_the_client_remembers_of_the_server() -> None:
    """RFC 9000, section 7.4.1: early data keeps to the transport parameters of the session."""
    client, _ = met()
    ours = quic_client(client, early_data=True)
    assert ours.remembered_transport_parameters == SERVERS
    assert ours.peer_transport_parameters is None


class Forgetful(AnyService):
    """Takes sessions of TLS over TCP for those of QUIC."""

    def take(self, key: str) -> Session | None:
        session = super().take(key)
        return session._replace(transport_parameters=SERVERS) if session is not None else None


def test_a_ticket_of_tls_over_tcp_allows_none() -> None:
    client, server = client_config(alpn=("h3",), sessions=Forgetful()), server_config(alpn=("h3",), max_early_data=1)
    shaken_over_tcp(client, server)
    ours, _, accepted = again(client, server)
    assert ours.negotiated is not None
    assert ours.negotiated.resumed
    assert not accepted


def test_early_data_that_nobody_wants() -> None:
    client, _ = met()
    ours = quic_client(client)
    assert ours.early_keys is None
    assert ours.remembered_transport_parameters is None
    ours = quic_client(early_data=True)  # there is no session
    assert ours.early_keys is None


def test_a_server_that_does_not_accept_early_data() -> None:
    client, server = client_config(), server_config()
    shaken(client, server)
    ours, _, accepted = again(client, server)
    assert ours.early_keys is None
    assert not accepted


@pytest.mark.parametrize("context", [b"other limits", b"limits"])
def test_a_server_whose_limits_have_changed(context: bytes) -> None:
    """Section 4.6.3."""
    client, server = client_config(), server_config(max_early_data=1)
    exchange(quic_client(client), quic_server(server, early_data_context=b"limits"))
    *_, accepted = again(client, server, early_data_context=context)
    assert accepted is (context == b"limits")


def test_a_retry_ends_early_data() -> None:
    client, server = met()
    ours, _, accepted = again(client, replace(server, policy=ONLY_P256))
    assert ours.early_keys is None
    assert not accepted


def test_a_replay() -> None:
    client, server = met()
    [(level, hello)] = quic_client(client, early_data=True).crypto_to_send()
    for accepted in (True, False, False):
        events = quic_server(server).receive_crypto(level, hello)
        keys = [event for event in events if isinstance(event, KeysAvailable) and event.level is Level.EARLY]
        assert bool(keys) is accepted


def test_nothing_of_the_handshake_comes_early() -> None:
    client, server = met()
    ours, theirs = quic_client(client, early_data=True), quic_server(server)
    [(level, hello)] = ours.crypto_to_send()
    theirs.receive_crypto(level, hello)
    with pytest.raises(ProtocolError) as caught:
        theirs.receive_crypto(Level.EARLY, bytes((HandshakeType.end_of_early_data, 0, 0, 0)))
    assert caught.value.fault is Fault.WRONG_LEVEL


def test_end_of_early_data_is_not_of_quic() -> None:
    client, server = met()
    ours, theirs = quic_client(client, early_data=True), quic_server(server)
    [(level, hello)] = ours.crypto_to_send()
    theirs.receive_crypto(level, hello)
    with pytest.raises(ProtocolError) as caught:
        theirs.receive_crypto(Level.HANDSHAKE, bytes((HandshakeType.end_of_early_data, 0, 0, 0)))
    assert caught.value.fault is Fault.UNEXPECTED_MESSAGE


def test_a_ticket_says_all_or_nothing() -> None:
    """Section 4.6.1."""
    client, server = quic_client(), quic_server(server_config(max_early_data=1))
    session = next(event.session for event in exchange(client, server)[0] if isinstance(event, SessionReceived))
    assert session.max_early_data == 2**32 - 1
    limited = replacing(NewSessionTicket, adding(EarlyDataNewSessionTicket(max_early_data_size=1000)))
    with pytest.raises(ProtocolError) as caught:
        exchange(quic_client(), meddling_quic_server(limited))
    assert caught.value.fault is Fault.ILLEGAL_PARAMETER
