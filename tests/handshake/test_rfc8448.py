"""The traces of RFC 8448, replayed to the byte: our client against its server's bytes, our server against its client's.

What the trace's implementation chose otherwise than turtls is put in its place: the whole ClientHello, for a server
EncryptedExtensions, CertificateRequest and NewSessionTicket. Everything else must come out as it stands there: hellos,
binders, signatures' places, Finished, keys, records. Our client always sends the change_cipher_spec of compatibility
mode, which all but one trace lack.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

import turtls.handshake.endpoint
import turtls.handshake.hello
from tests.builds import sources_only
from tests.handshake.parties import only
from turtls.config import (
    ClientAuth,
    ClientConfig,
    Credential,
    DangerAcceptAnyCertificate,
    Environment,
    Policy,
    ReplayMemory,
    ServerConfig,
    Session,
)
from turtls.connection import ClientConnection, ServerConnection
from turtls.crypto.groups import PrivateShare, from_private_bytes
from turtls.crypto.hashes import Hash
from turtls.errors import Fault, ProtocolError
from turtls.events import DataReceived, EarlyDataReceived, HandshakeCompleted, PeerClosed, SessionReceived
from turtls.handshake.offer import Offer
from turtls.handshake.peer import Peer
from turtls.handshake.resumption import TicketState
from turtls.wire.extensions import Cookie, KeyShareClientHello, OfferedPsks
from turtls.wire.messages import (
    Certificate,
    CertificateRequest,
    CertificateVerify,
    ClientHello,
    EncryptedExtensions,
    HandshakeMessage,
    NewSessionTicket,
)
from turtls.wire.registries import CipherSuite, HandshakeType, NamedGroup, ProtocolVersion, SignatureScheme

TRACES: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent.parent / "vectors" / "rfc8448.json").read_text())

SIMPLE, RESUMED, RETRIED = TRACES["simple_1rtt"], TRACES["resumed_0rtt"], TRACES["hello_retry_request"]
CLIENT_AUTHENTICATION, COMPATIBILITY = TRACES["client_authentication"], TRACES["compatibility_mode"]

PSK = bytes.fromhex("4ecd0eb6ec3b4d87f5d6028f922ca4c5851a277fd41311c9e62d2c9492e1c4f3")

POLICY = replace(
    Policy.MODERN,
    cipher_suites=(
        CipherSuite.TLS_AES_128_GCM_SHA256,
        CipherSuite.TLS_CHACHA20_POLY1305_SHA256,
        CipherSuite.TLS_AES_256_GCM_SHA384,
    ),
    groups=(NamedGroup.x25519, NamedGroup.secp256r1, NamedGroup.secp384r1),
    min_rsa_bits=1024,
)
CHANGE_CIPHER_SPEC = "140303000101"
RECORD_HEADER = 5


# ------------------------------------------------------------------------------------------- what a trace holds


def messages(trace: dict[str, Any]) -> dict[HandshakeType, bytes]:
    """The server's encrypted messages, by their types."""
    raws = [bytes.fromhex(text) for text in trace["server_messages"]]
    return {HandshakeType(raw[0]): raw for raw in raws}


def server_chain(trace: dict[str, Any]) -> tuple[bytes, ...]:
    certificate = Certificate.from_bytes(messages(trace)[HandshakeType.certificate])
    return tuple(entry.cert_data for entry in certificate.certificate_list)


def shares(private_keys: dict[str, str], groups: Sequence[NamedGroup]) -> list[PrivateShare]:
    return [from_private_bytes(group, bytes.fromhex(private_keys[group.name])) for group in groups]


class Signed:
    """A signer that knows one signature, and the scheme it is of."""

    def __init__(self, scheme: SignatureScheme, signature: bytes) -> None:
        self._scheme = scheme
        self._signature = signature

    def sign(self, scheme: SignatureScheme, data: bytes) -> bytes:
        assert scheme == self._scheme
        return self._signature


# ------------------------------------------------------------------------------------------- the client


def replayed_offer(trace: dict[str, Any]) -> Callable[..., Offer]:
    class ReplayedOffer(Offer):
        """Offers what the trace's client offers."""

        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            self.hello = ClientHello.from_bytes(bytes.fromhex(trace["client_hello"])[RECORD_HEADER:])
            if (psks := self.hello.extensions.get(OfferedPsks)) is not None:
                psks.binders = [bytes(32)]  # for us to fill in
            [share] = shares(trace["client_private_keys"], [NamedGroup.x25519])
            self.shares = {share.group: share}

        def revise(self, peer: Peer, *, group: NamedGroup | None, cookie: bytes | None, hash: Hash) -> None:
            super().revise(peer, group=group, cookie=cookie, hash=hash)
            second = ClientHello.from_bytes(bytes.fromhex(trace["second_client_hello"])[RECORD_HEADER:])
            for form in (KeyShareClientHello, Cookie):
                assert self.hello.extensions.get(form) == second.extensions.get(form)
            self.hello = second

    return ReplayedOffer


class OneSession:
    """A store with one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, key: str, session: Session) -> None:
        raise AssertionError("no ticket comes in this trace")

    def take(self, key: str) -> Session:
        return self._session


def client_of(trace: dict[str, Any], **options: Any) -> ClientConnection:
    early_data = bytes.fromhex(options.pop("early_data", ""))
    config = ClientConfig(
        policy=POLICY,
        verifier=options.pop("verifier", DangerAcceptAnyCertificate()),
        record_size_limit=2**14 + 1,
        environment=Environment(now=lambda: 1e9, generate_key_shares=_replayed_shares(trace)),
        **options,
    )
    with patch.object(turtls.handshake.hello, "Offer", replayed_offer(trace)):
        return ClientConnection(config, server_name="server", early_data=early_data)


def _replayed_shares(trace: dict[str, Any]) -> Callable[[Sequence[NamedGroup]], list[PrivateShare]]:
    known = trace["client_private_keys"]
    return lambda groups: shares(known, [group for group in groups if group.name in known])


def finish_client(trace: dict[str, Any], client: ClientConnection) -> HandshakeCompleted:
    """From the ServerHello on."""
    happened = client.receive_data(bytes.fromhex(trace["server_hello"] + trace["server_flight"]))
    flight = trace["client_flight"]
    comfort = "" if CHANGE_CIPHER_SPEC in flight else CHANGE_CIPHER_SPEC
    sent = client.data_to_send().hex()
    if "second_client_hello" in trace:
        comfort = ""  # went before the second ClientHello
    assert sent == comfort + flight
    return only(HandshakeCompleted, happened)


def close_client(trace: dict[str, Any], client: ClientConnection) -> None:
    client.close()
    assert client.data_to_send().hex() == trace["client_close"]
    assert client.receive_data(bytes.fromhex(trace["server_close"])) == [PeerClosed()]


@cache
def first_session() -> Session:
    """What the client of section 3 keeps of its connection."""
    client = client_of(SIMPLE, verifier=ANYBODY)
    assert client.data_to_send().hex() == SIMPLE["client_hello"]
    negotiated = finish_client(SIMPLE, client).negotiated
    assert negotiated.cipher_suite == CipherSuite.TLS_AES_128_GCM_SHA256
    assert negotiated.group == NamedGroup.x25519
    assert negotiated.signature_scheme == SignatureScheme.rsa_pss_rsae_sha256
    session = only(SessionReceived, client.receive_data(bytes.fromhex(SIMPLE["new_session_ticket"]))).session
    client.send_data(bytes.fromhex(SIMPLE["data"]))
    assert client.data_to_send().hex() == SIMPLE["client_data"]
    assert only(DataReceived, client.receive_data(bytes.fromhex(SIMPLE["server_data"]))).data.hex() == SIMPLE["data"]
    close_client(SIMPLE, client)
    return session


ANYBODY = DangerAcceptAnyCertificate()
"""A session is only resumed under the verifier it was made under."""


@sources_only
def test_the_client_of_section_3() -> None:
    session = first_session()
    assert session.ticket.hex() == SIMPLE["ticket"]
    assert session.secret == PSK
    assert session.lifetime == 30


@sources_only
def test_the_client_of_section_4() -> None:
    """The binder is ours: its place in the ClientHello was empty."""
    session = first_session()._replace(lifetime=60)
    assert session.max_early_data == 1024
    log: list[str] = []
    client = client_of(
        RESUMED, verifier=ANYBODY, sessions=OneSession(session), early_data=b"ABCDEF".hex(), keylog=log.append
    )
    assert client.data_to_send().hex() == RESUMED["client_hello"] + CHANGE_CIPHER_SPEC + RESUMED["early_data"]
    happened = client.receive_data(bytes.fromhex(RESUMED["server_hello"] + RESUMED["server_flight"]))
    assert client.data_to_send().hex() == RESUMED["client_flight"]
    negotiated = only(HandshakeCompleted, happened).negotiated
    assert negotiated.resumed
    assert negotiated.early_data
    assert negotiated.peer is not None
    assert negotiated.peer.chain == server_chain(SIMPLE)
    assert {line.split()[0]: line.split()[2] for line in log[:2]} == {
        "CLIENT_EARLY_TRAFFIC_SECRET": "3fbbe6a60deb66c30a32795aba0eff7eaa10105586e7be5c09678d63b6caab62",
        "EARLY_EXPORTER_SECRET": "b2026866610937d7423e5be90862ccf24c0e6091186d34f812089ff5be2ef7df",
    }
    client.send_data(bytes.fromhex(RESUMED["data"]))
    assert client.data_to_send().hex() == RESUMED["client_data"]
    assert only(DataReceived, client.receive_data(bytes.fromhex(RESUMED["server_data"]))).data.hex() == RESUMED["data"]
    close_client(RESUMED, client)


@sources_only
def test_the_client_of_section_5() -> None:
    client = client_of(RETRIED)
    assert client.data_to_send().hex() == RETRIED["client_hello"]
    client.receive_data(bytes.fromhex(RETRIED["hello_retry_request"]))
    assert client.data_to_send().hex() == CHANGE_CIPHER_SPEC + RETRIED["second_client_hello"]
    negotiated = finish_client(RETRIED, client).negotiated
    assert negotiated.group == NamedGroup.secp256r1
    assert negotiated.hello_retry
    close_client(RETRIED, client)


@sources_only
def test_the_client_of_section_6() -> None:
    trace = CLIENT_AUTHENTICATION
    signer = Signed(SignatureScheme.rsa_pss_rsae_sha256, bytes.fromhex(trace["client_signature"]))
    client = client_of(trace, credentials=(Credential((bytes.fromhex(trace["client_certificate"]),), signer),))
    assert client.data_to_send().hex() == trace["client_hello"]
    negotiated = finish_client(trace, client).negotiated
    assert negotiated.signature_scheme == SignatureScheme.ecdsa_secp256r1_sha256
    close_client(trace, client)


@sources_only
def test_the_client_of_section_7() -> None:
    client = client_of(COMPATIBILITY)
    assert client.data_to_send().hex() == COMPATIBILITY["client_hello"]
    finish_client(COMPATIBILITY, client)
    close_client(COMPATIBILITY, client)


# ------------------------------------------------------------------------------------------- the server


class ReplayedPeer(Peer):
    """Sends what the trace's server sends, which must be what ours wants to but for what each may choose."""

    __slots__ = ("_script",)

    def __init__(self, script: Iterator[bytes], *args: Any) -> None:
        super().__init__(*args)
        self._script = script

    def send_raw(self, raw: bytes, message: HandshakeMessage) -> bytes:
        expected = next(self._script)
        if isinstance(message, EncryptedExtensions | CertificateRequest | NewSessionTicket):
            assert raw[0] == expected[0]
            raw = expected
        assert raw.hex() == expected.hex()
        return super().send_raw(raw, message)


def server_of(trace: dict[str, Any], **options: Any) -> ServerConnection:
    credentials: tuple[Credential, ...] = ()
    if (raw := messages(trace).get(HandshakeType.certificate_verify)) is not None:
        proof = CertificateVerify.from_bytes(raw)
        credentials = (Credential(server_chain(trace), Signed(proof.algorithm, proof.signature)),)
    randoms = iter([bytes.fromhex(trace["server_random"])])
    config = ServerConfig(
        policy=POLICY,
        credentials=credentials,
        tickets_to_send=1 if "new_session_ticket" in trace else 0,
        environment=Environment(
            now=lambda: 1e9,
            random=lambda length: next(randoms, bytes(length)),
            answer_key_share=lambda group, public: _answer(trace, group, public),
        ),
        **options,
    )
    script = [bytes.fromhex(trace["server_hello"])[RECORD_HEADER:], *map(bytes.fromhex, trace["server_messages"])]
    if "new_session_ticket" in trace:
        script.append(ticket_message(trace))
    with patch.object(turtls.handshake.endpoint, "Peer", lambda *args: ReplayedPeer(iter(script), *args)):
        return ServerConnection(config)


def _answer(trace: dict[str, Any], group: NamedGroup, public: bytes) -> tuple[bytes, bytes]:
    [share] = shares(trace["server_private_keys"], [group])
    return share.public, share.agree(public)


def ticket_message(trace: dict[str, Any]) -> bytes:
    """The NewSessionTicket, whose parts the RFC lists."""
    ticket = bytes.fromhex(trace["ticket"])
    body = b"".join(
        (
            (30).to_bytes(4, "big"),
            bytes.fromhex("fad6aac5"),
            b"\x02\x00\x00",
            len(ticket).to_bytes(2, "big") + ticket,
            bytes.fromhex("0008 002a 0004 00000400"),
        )
    )
    return bytes((HandshakeType.new_session_ticket,)) + len(body).to_bytes(3, "big") + body


def answer_hello(trace: dict[str, Any], server: ServerConnection) -> None:
    server.receive_data(bytes.fromhex(trace["client_hello"]))
    assert server.data_to_send().hex() == trace["server_hello"] + trace["server_flight"]


def finish_server(trace: dict[str, Any], server: ServerConnection) -> HandshakeCompleted:
    happened = server.receive_data(bytes.fromhex(trace["client_flight"]))
    assert server.data_to_send().hex() == trace.get("new_session_ticket", "")
    return only(HandshakeCompleted, happened)


def close_server(trace: dict[str, Any], server: ServerConnection) -> None:
    assert server.receive_data(bytes.fromhex(trace["client_close"])) == [PeerClosed()]
    server.close()
    assert server.data_to_send().hex() == trace["server_close"]


def test_the_server_of_section_3() -> None:
    server = server_of(SIMPLE)
    answer_hello(SIMPLE, server)
    assert finish_server(SIMPLE, server).negotiated.server_name == "server"
    assert only(DataReceived, server.receive_data(bytes.fromhex(SIMPLE["client_data"]))).data.hex() == SIMPLE["data"]
    server.send_data(bytes.fromhex(SIMPLE["data"]))
    assert server.data_to_send().hex() == SIMPLE["server_data"]
    close_server(SIMPLE, server)


class OneTicket:
    """A store that knows the ticket of section 3."""

    lifetime = 30
    single_use = False

    def __init__(self, secret: bytes = PSK, **state: Any) -> None:
        self._secret = secret
        self._state = state

    def seal(self, state: bytes, now: float) -> bytes:
        raise AssertionError("no ticket is issued in this trace")

    def unseal(self, untrusted_ticket: bytes, now: float) -> bytes | None:
        assert untrusted_ticket.hex() == SIMPLE["ticket"]
        return TicketState(
            version=ProtocolVersion.TLS_1_3,
            cipher_suite=CipherSuite.TLS_AES_128_GCM_SHA256,
            secret=self._secret,
            server_name=b"server",
            alpn=b"",
            client_chain=[],
            authenticated_at=1_000_000_000,
            **self._state,
        ).encode()


def test_the_server_of_section_4() -> None:
    """It verifies the trace's binder, and accepts the early data."""
    guard = ReplayMemory()
    state: dict[str, Any] = {
        "issued_at": 10**9,
        "age_add": 0xFAD6AAC5,
        "max_early_data": 1024,
        "replay_zone": guard.zone,
    }
    server = server_of(RESUMED, tickets=OneTicket(**state), max_early_data=1024, replay_guard=guard)
    answer_hello(RESUMED, server)
    assert server.receive_data(bytes.fromhex(RESUMED["early_data"])) == [EarlyDataReceived(b"ABCDEF")]
    assert finish_server(RESUMED, server).negotiated.early_data
    assert only(DataReceived, server.receive_data(bytes.fromhex(RESUMED["client_data"]))).data.hex() == RESUMED["data"]
    server.send_data(bytes.fromhex(RESUMED["data"]))
    assert server.data_to_send().hex() == RESUMED["server_data"]
    close_server(RESUMED, server)


def test_the_server_of_section_4_without_early_data() -> None:
    """It verifies the trace's binder, and takes no early data: what is under the early keys is dropped."""
    server = server_of(RESUMED, tickets=OneTicket())
    answer_hello(RESUMED, server)
    assert server.receive_data(bytes.fromhex(RESUMED["early_data"])) == []
    with pytest.raises(ProtocolError) as caught:  # its transcript has an EndOfEarlyData that we took for early data
        server.receive_data(bytes.fromhex(RESUMED["client_flight"]))
    assert caught.value.fault is Fault.BAD_FINISHED


def test_the_server_of_section_4_with_another_secret() -> None:
    """That the binder is looked at."""
    server = server_of(RESUMED, tickets=OneTicket(secret=bytes(32)))
    with pytest.raises(ProtocolError) as caught:
        server.receive_data(bytes.fromhex(RESUMED["client_hello"]))
    assert caught.value.fault is Fault.BAD_BINDER


def test_the_server_of_section_6() -> None:
    trace = CLIENT_AUTHENTICATION
    server = server_of(trace, client_auth=ClientAuth.REQUIRE, verifier=DangerAcceptAnyCertificate())
    answer_hello(trace, server)
    negotiated = finish_server(trace, server).negotiated
    assert negotiated.peer is not None
    assert negotiated.peer.leaf.der.hex() == trace["client_certificate"]
    assert negotiated.signature_scheme == SignatureScheme.rsa_pss_rsae_sha256
    close_server(trace, server)


def test_the_server_of_section_7() -> None:
    server = server_of(COMPATIBILITY)
    answer_hello(COMPATIBILITY, server)
    finish_server(COMPATIBILITY, server)
    close_server(COMPATIBILITY, server)
