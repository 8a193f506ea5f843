"""The TLS of aioquic, a QUIC stack that nobody here wrote, at the other end."""

from __future__ import annotations

import ssl
from typing import cast

import pytest
from aioquic import tls as aioquic
from aioquic.buffer import Buffer  # type: ignore[attr-defined]  # it does export it, but does not say so
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from tests.handshake.parties import NAME, client_config, credential, server_config
from tests.quic.parties import CLIENTS, SERVERS, quic_client, quic_server
from turtls.config import ClientAuth, DangerAcceptAnyCertificate
from turtls.crypto.signatures import KeySigner
from turtls.errors import Fault, ProtocolError
from turtls.events import Event
from turtls.quic import KeysAvailable, Level, QuicConnection
from turtls.wire.registries import ExtensionType

_EPOCHS = {
    Level.PLAINTEXT: aioquic.Epoch.INITIAL,
    Level.EARLY: aioquic.Epoch.ZERO_RTT,
    Level.HANDSHAKE: aioquic.Epoch.HANDSHAKE,
    Level.APPLICATION: aioquic.Epoch.ONE_RTT,
}

Secrets = dict[tuple[str, Level], bytes]
Tickets = list[aioquic.SessionTicket]


class Aioquic:
    """An end of a connection. The server keeps its tickets in `tickets`, as does the client."""

    def __init__(
        self,
        *,
        is_client: bool,
        alpn: str = "h3",
        tickets: list[aioquic.SessionTicket] | None = None,
        early_data: bool = False,
    ) -> None:
        self.tls = aioquic.Context(
            is_client=is_client,
            alpn_protocols=[alpn],
            server_name=NAME if is_client else None,
            verify_mode=ssl.CERT_NONE,
            max_early_data=None if is_client or not early_data else 2**32 - 1,
        )
        parameters = CLIENTS if is_client else SERVERS
        self.tls.handshake_extensions = [(ExtensionType.quic_transport_parameters, parameters)]
        self.secrets: Secrets = {}
        self.tls.update_traffic_key_cb = self._keys
        if not is_client:
            self.show()
        if tickets is not None:
            self.tls.new_session_ticket_cb = tickets.append
            self.tls.get_session_ticket_cb = lambda label: next((t for t in tickets if t.ticket == label), None)
            self.tls.session_ticket = tickets[-1] if is_client and tickets else None

    def show(self) -> None:
        """Have a certificate to show."""
        own = credential()
        assert isinstance(own.signer, KeySigner)
        self.tls.certificate = own.leaf.certificate
        self.tls.certificate_private_key = cast(EllipticCurvePrivateKey, own.signer._private_key)

    def _keys(self, direction: aioquic.Direction, epoch: aioquic.Epoch, suite: object, secret: bytes) -> None:
        level = next(level for level, its in _EPOCHS.items() if its is epoch)
        self.secrets["sent" if direction is aioquic.Direction.ENCRYPT else "received", level] = secret

    def receive(self, data: bytes) -> list[tuple[Level, bytes]]:
        """Gives what it answers."""
        buffers = {epoch: Buffer(capacity=65536) for epoch in _EPOCHS.values()}
        self.tls.handle_message(data, buffers)
        return [(level, buffers[epoch].data) for level, epoch in _EPOCHS.items() if buffers[epoch].data]

    def parameters(self) -> bytes:
        """What the other side told."""
        [parameters] = [
            value
            for kind, value in self.tls.received_extensions or []
            if kind == ExtensionType.quic_transport_parameters
        ]
        return parameters


def talk(ours: QuicConnection, theirs: Aioquic, *, first: list[tuple[Level, bytes]]) -> Secrets:
    """Carry bytes to and fro until there are none, beginning with theirs; gives our secrets."""
    events: list[Event] = []
    to_us = first
    for _ in range(6):
        for level, data in to_us:
            events += ours.receive_crypto(level, data)
        to_us = [answer for _, data in ours.crypto_to_send() for answer in theirs.receive(data)]
    return {(e.direction, e.level): e.traffic_secret for e in events if isinstance(e, KeysAvailable)}


def check(ours: QuicConnection, theirs: Aioquic, secrets: Secrets) -> None:
    assert ours.handshake_done
    assert ours.negotiated is not None
    assert ours.negotiated.alpn == theirs.tls.alpn_negotiated == "h3"
    opposite = {"sent": "received", "received": "sent"}
    assert {(opposite[direction], level): secret for (direction, level), secret in theirs.secrets.items()} == secrets


def test_our_client() -> None:
    config, tickets = client_config(alpn=("h3",)), Tickets()
    for resumed in (False, True):
        ours, theirs = quic_client(config), Aioquic(is_client=False, tickets=tickets)
        check(ours, theirs, talk(ours, theirs, first=[]))
        assert ours.peer_transport_parameters == SERVERS
        assert theirs.parameters() == CLIENTS
        assert ours.negotiated is not None
        assert ours.negotiated.resumed is theirs.tls.session_resumed is resumed


def test_our_server() -> None:
    config, tickets = server_config(alpn=("h3",)), Tickets()
    for resumed in (False, True):
        ours, theirs = quic_server(config), Aioquic(is_client=True, tickets=tickets)
        check(ours, theirs, talk(ours, theirs, first=theirs.receive(b"")))
        assert ours.peer_transport_parameters == CLIENTS
        assert theirs.parameters() == SERVERS
        assert ours.negotiated is not None
        assert ours.negotiated.resumed is theirs.tls.session_resumed is resumed


def test_early_data_from_our_client() -> None:
    config, tickets = client_config(alpn=("h3",)), Tickets()
    for resumed in (False, True):
        ours = quic_client(config, early_data=True)
        theirs = Aioquic(is_client=False, tickets=tickets, early_data=True)
        early = ours.early_keys
        secrets = talk(ours, theirs, first=[])
        assert (early is not None) is resumed
        if early is not None:
            secrets["sent", Level.EARLY] = early.traffic_secret
            assert ours.remembered_transport_parameters is None  # the handshake is done
        check(ours, theirs, secrets)
        assert ours.negotiated is not None
        assert ours.negotiated.early_data is theirs.tls.early_data_accepted is resumed


def test_early_data_for_our_server() -> None:
    config, tickets = server_config(alpn=("h3",), max_early_data=1), Tickets()
    for resumed in (False, True):
        ours, theirs = quic_server(config), Aioquic(is_client=True, tickets=tickets)
        check(ours, theirs, talk(ours, theirs, first=theirs.receive(b"")))
        assert ours.negotiated is not None
        assert ours.negotiated.early_data is theirs.tls.early_data_accepted is resumed
        assert (("sent", Level.EARLY) in theirs.secrets) is resumed


def test_our_server_asks_for_a_certificate() -> None:
    config = server_config(client_auth=ClientAuth.REQUIRE, verifier=DangerAcceptAnyCertificate())
    ours, theirs = quic_server(config), Aioquic(is_client=True)
    theirs.show()
    check(ours, theirs, talk(ours, theirs, first=theirs.receive(b"")))
    assert ours.negotiated is not None
    assert ours.negotiated.peer is not None
    assert ours.negotiated.peer.chain == credential().chain


def test_our_client_shows_its_certificate() -> None:
    ours, theirs = quic_client(client_config(credentials=(credential(),))), Aioquic(is_client=False)
    theirs.tls._request_client_certificate = True
    check(ours, theirs, talk(ours, theirs, first=[]))


def test_no_application_protocol_in_common() -> None:
    theirs = Aioquic(is_client=True, alpn="h9")
    with pytest.raises(ProtocolError) as told:
        talk(quic_server(), theirs, first=theirs.receive(b""))
    assert told.value.fault is Fault.NO_SHARED_ALPN
    with pytest.raises(aioquic.AlertNoApplicationProtocol):
        talk(quic_client(), Aioquic(is_client=False, alpn="h9"), first=[])
