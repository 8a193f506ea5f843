"""Our TLS under the transport of aioquic: its packets are protected with our keys, and nothing notices the difference.

`Underneath` is all that it takes to put `turtls.quic` where a QUIC stack has a TLS of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast
from unittest.mock import patch

import pytest
from aioquic import tls as aioquic
from aioquic.buffer import Buffer  # type: ignore[attr-defined]  # it does export it, but does not say so
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection as Transport
from aioquic.quic.events import ConnectionTerminated, HandshakeCompleted, QuicEvent, StreamDataReceived
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from tests.handshake.parties import NAME, client_config, credential, server_config
from turtls.config import ClientConfig, ServerConfig
from turtls.crypto.signatures import KeySigner
from turtls.errors import TLSError
from turtls.quic import KeysAvailable, Level, QuicClientConnection, QuicConnection, QuicServerConnection
from turtls.wire.registries import ExtensionType

_EPOCHS = {
    Level.PLAINTEXT: aioquic.Epoch.INITIAL,
    Level.HANDSHAKE: aioquic.Epoch.HANDSHAKE,
    Level.APPLICATION: aioquic.Epoch.ONE_RTT,
}
_ADDRESS = ("192.0.2.1", 4433)

Connect = Callable[[bytes], QuicConnection]
"""Makes our side from its transport parameters."""


class Refused(aioquic.Alert):
    """What failed, as aioquic wants to hear of it."""

    def __init__(self, code: int) -> None:
        self.description = aioquic.AlertDescription(code - 0x0100)


class Underneath:
    """What aioquic's transport asks of its TLS, answered by ours."""

    handshake_extensions: list[tuple[int, bytes]]
    alpn_cb: Callable[[str | None], None]
    update_traffic_key_cb: Callable[[aioquic.Direction, aioquic.Epoch, aioquic.CipherSuite, bytes], None]
    legacy_session_id = b""
    early_data_accepted = False

    def __init__(self, connect: Connect, *, is_client: bool) -> None:
        self._connect = connect
        self._is_client = is_client
        self._level = Level.PLAINTEXT
        self.tls: QuicConnection | None = None
        self.state = aioquic.State.CLIENT_EXPECT_SERVER_HELLO if is_client else aioquic.State.SERVER_EXPECT_CLIENT_HELLO
        self.received_extensions: list[tuple[int, bytes]] = []

    def handle_message(self, data: bytes, output: dict[aioquic.Epoch, Buffer]) -> None:
        """CRYPTO frames have brought `data`; the answer goes into the buffer of its epoch."""
        if self.tls is None:
            [(_, parameters)] = self.handshake_extensions
            self.tls = self._connect(parameters)
        try:
            events = self.tls.receive_crypto(self._level, data)
        except TLSError:
            assert self.tls.crypto_error is not None
            raise Refused(self.tls.crypto_error) from None
        if self.tls.peer_transport_parameters is not None and not self.received_extensions:
            kind = int(ExtensionType.quic_transport_parameters)
            self.received_extensions.append((kind, self.tls.peer_transport_parameters))
            self.alpn_cb(None)
        for event in events:
            if isinstance(event, KeysAvailable):
                self._keys(event)
        if self.tls.handshake_done:
            client, server = aioquic.State.CLIENT_POST_HANDSHAKE, aioquic.State.SERVER_POST_HANDSHAKE
            self.state = client if self._is_client else server
        for level, answer in self.tls.crypto_to_send():
            output[_EPOCHS[level]].push_bytes(answer)

    def _keys(self, event: KeysAvailable) -> None:
        direction = aioquic.Direction.ENCRYPT
        if event.direction == "received":
            direction = aioquic.Direction.DECRYPT
            self._level = event.level
            if self._is_client:
                self.state = aioquic.State.CLIENT_EXPECT_ENCRYPTED_EXTENSIONS
        suite = aioquic.CipherSuite(event.cipher_suite)
        self.update_traffic_key_cb(direction, _EPOCHS[event.level], suite, event.traffic_secret)

    @property
    def alpn_negotiated(self) -> str | None:
        assert self.tls is not None
        return self.tls.negotiated.alpn if self.tls.negotiated is not None else None

    @property
    def session_resumed(self) -> bool:
        assert self.tls is not None
        return self.tls.negotiated is not None and self.tls.negotiated.resumed


class OnTurtls(Transport):
    """An aioquic connection whose TLS is ours."""

    def __init__(self, connect: Connect, **options: Any) -> None:
        self._our_side = connect
        super().__init__(**options)

    def _initialize(self, peer_cid: bytes) -> None:
        ours = Underneath(self._our_side, is_client=self._is_client)
        with patch.object(aioquic, "Context", lambda **_: ours):
            super()._initialize(peer_cid)


class Wire:
    """Carries datagrams between the two ends, on a clock of its own, and loses some if it is asked to."""

    def __init__(self, client: Transport, server: Transport, *, lose_each: int = 0) -> None:
        self._ends = (client, server)
        self._lose_each = lose_each
        self._sent = 0
        self.now = 0.0
        self.events: dict[Transport, list[QuicEvent]] = {client: [], server: []}
        client.connect(_ADDRESS, now=self.now)

    def run(self, seconds: float = 10.0) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now += 0.01
            for sender, receiver in (self._ends, self._ends[::-1]):
                for data, _ in sender.datagrams_to_send(now=self.now):
                    self._sent += 1
                    if not self._lose_each or self._sent % self._lose_each:
                        receiver.receive_datagram(data, _ADDRESS, now=self.now)
            for each in self._ends:
                timer = each.get_timer()
                if timer is not None and timer <= self.now:
                    each.handle_timer(now=self.now)
                while (event := each.next_event()) is not None:
                    self.events[each].append(event)

    def of(self, kind: type[QuicEvent], end: Transport) -> list[Any]:
        return [event for event in self.events[end] if isinstance(event, kind)]

    def data(self, end: Transport) -> bytes:
        return b"".join(event.data for event in self.of(StreamDataReceived, end))


def on_turtls_client(config: ClientConfig) -> Transport:
    def connect(parameters: bytes) -> QuicConnection:
        return QuicClientConnection(config, server_name=NAME, transport_parameters=parameters)

    return OnTurtls(connect, configuration=QuicConfiguration(is_client=True))


def on_turtls_server(config: ServerConfig, client: Transport) -> Transport:
    return OnTurtls(
        lambda parameters: QuicServerConnection(config, transport_parameters=parameters),
        configuration=_server_configuration(),
        original_destination_connection_id=client.original_destination_connection_id,
    )


def aioquics_client() -> Transport:
    configuration = QuicConfiguration(is_client=True, alpn_protocols=["h3"], server_name=NAME, verify_mode=0)
    return Transport(configuration=configuration)


def aioquics_server(client: Transport) -> Transport:
    return Transport(
        configuration=_server_configuration(),
        original_destination_connection_id=client.original_destination_connection_id,
    )


def _server_configuration() -> QuicConfiguration:
    own = credential()
    assert isinstance(own.signer, KeySigner)
    key = cast(EllipticCurvePrivateKey, own.signer._private_key)
    return QuicConfiguration(is_client=False, alpn_protocols=["h3"], certificate=own.leaf.certificate, private_key=key)


@pytest.mark.parametrize("lose_each", [0, 4])
@pytest.mark.parametrize(("our_client", "our_server"), [(True, False), (False, True), (True, True)])
def test_data_goes_both_ways(our_client: bool, our_server: bool, lose_each: int) -> None:
    client = on_turtls_client(client_config(alpn=("h3",))) if our_client else aioquics_client()
    server = on_turtls_server(server_config(alpn=("h3",)), client) if our_server else aioquics_server(client)
    wire = Wire(client, server, lose_each=lose_each)
    wire.run()
    for end in (client, server):
        [completed] = wire.of(HandshakeCompleted, end)
        assert completed.alpn_protocol == "h3"
    client.send_stream_data(0, b"a" * 20_000)
    server.send_stream_data(1, b"b" * 20_000)
    wire.run()
    client.request_key_update()
    client.send_stream_data(0, b"c" * 20_000)
    server.send_stream_data(1, b"d" * 20_000)
    wire.run()
    assert sorted(wire.data(server)) == sorted(b"a" * 20_000 + b"c" * 20_000)
    assert sorted(wire.data(client)) == sorted(b"b" * 20_000 + b"d" * 20_000)


def test_sessions_are_resumed() -> None:
    ours, theirs = client_config(alpn=("h3",)), server_config(alpn=("h3",))
    for resumed in (False, True):
        client = on_turtls_client(ours)
        server = on_turtls_server(theirs, client)
        wire = Wire(client, server)
        wire.run()
        for end in (client, server):
            assert [event.session_resumed for event in wire.of(HandshakeCompleted, end)] == [resumed]


def test_alerts_become_errors_of_the_connection() -> None:
    client = aioquics_client()
    server = on_turtls_server(server_config(alpn=("another",)), client)
    wire = Wire(client, server)
    wire.run()
    [ended] = wire.of(ConnectionTerminated, client)
    assert ended.error_code == 0x0178  # no_application_protocol
