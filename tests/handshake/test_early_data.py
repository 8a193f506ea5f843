"""Early data: sent before the server has answered, accepted once, or dropped without a trace."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

import turtls.handshake.offer
from tests.builds import sources_only
from tests.handshake.parties import (
    NAME,
    ONLY_P256,
    POLICY,
    adding,
    client_config,
    connect,
    deliver,
    exchange,
    meddling_server,
    only,
    refusal,
    replacing,
    server_config,
    shaken,
)
from tests.handshake.test_resumption import Clock, Remembering, changed
from tests.quic.parties import AnyService
from tests.quic.parties import shaken as quic_shaken
from turtls.config import (
    ClientConfig,
    ConfigError,
    DangerAcceptAnyCertificate,
    Environment,
    Policy,
    PreSharedKey,
    ReplayMemory,
    ServerConfig,
    Session,
    SessionCache,
    VerificationRequest,
    VerifiedChain,
)
from turtls.connection import ClientConnection, ServerConnection
from turtls.crypto.hashes import Hash
from turtls.errors import ClosedError, Fault, PeerAlert, ProtocolError
from turtls.events import (
    DataReceived,
    EarlyDataReceived,
    Event,
    HandshakeCompleted,
    StepTaken,
)
from turtls.handshake.early_data import MAX_TICKET_AGE_ERROR
from turtls.handshake.psks import Psk, psks_to_offer
from turtls.wire.extensions import EarlyDataIndication, EarlyDataNewSessionTicket
from turtls.wire.messages import (
    ClientHello,
    EncryptedExtensions,
    HandshakeMessage,
    NewSessionTicket,
)
from turtls.wire.registries import CipherSuite, ContentType, ProtocolVersion

AES128, CHACHA = CipherSuite.TLS_AES_128_GCM_SHA256, CipherSuite.TLS_CHACHA20_POLY1305_SHA256
LIMIT = 1000
DATA = b"GET / HTTP/1.0\r\n\r\n"


def early_server(**options: Any) -> ServerConfig:
    return server_config(**({"max_early_data": LIMIT} | options))


def early_parties(
    client: ClientConfig, server: ServerConfig, data: bytes = DATA
) -> tuple[ClientConnection, ServerConnection]:
    """The two meet again, and the client has something to say at once."""
    return ClientConnection(client, server_name=NAME, early_data=data), ServerConnection(server)


def met(server: ServerConfig | None = None, **options: Any) -> tuple[ClientConfig, ServerConfig]:
    """A client that has a session with a server that accepts early data."""
    client, server = client_config(**options), server or early_server()
    shaken(client, server)
    return client, server


def early(events: list[Event]) -> bytes:
    return b"".join(event.data for event in events if isinstance(event, EarlyDataReceived))


# ------------------------------------------------------------------------------------------- accepted


def test_early_data_is_answered_before_the_client_has_finished() -> None:
    client, server = early_parties(*met())
    happened = deliver(server, client.data_to_send())
    assert happened == [EarlyDataReceived(DATA)]
    assert not server.handshake_done
    server.send_data(b"an answer")
    happened = deliver(client, server.data_to_send())
    assert only(HandshakeCompleted, happened).negotiated.early_data
    assert only(DataReceived, happened).data == b"an answer"
    happened = deliver(server, client.data_to_send())
    assert only(HandshakeCompleted, happened).negotiated.early_data
    client.send_data(b"more")
    assert deliver(server, client.data_to_send()) == [DataReceived(b"more")]


def test_early_data_in_pieces() -> None:
    client, server = early_parties(*met(), data=bytes(range(256)) * 3)
    happened: list[Event] = []
    for byte in client.data_to_send():
        happened += server.receive_data(bytes([byte]))
    assert early(happened) == bytes(range(256)) * 3
    for byte in server.data_to_send():
        client.receive_data(bytes([byte]))
    assert client.handshake_done


def test_early_data_once_more_with_the_next_ticket() -> None:
    client, server = met(early_server(tickets_to_send=1))
    for _ in range(3):
        parties = early_parties(client, server)
        _, happened = exchange(*parties)
        assert early(happened) == DATA


def test_early_records_are_as_small_as_the_server_wants_them() -> None:
    """RFC 8449: the limit was agreed on in the handshake that the ticket is from."""
    client, server = met(early_server(record_size_limit=100), record_size_limit=2**14 + 1)
    parties = early_parties(client, server, bytes(LIMIT))
    _, happened = exchange(*parties)
    assert early(happened) == bytes(LIMIT)
    assert parties[0].handshake_done


def test_as_much_as_the_ticket_allows() -> None:
    _, happened = exchange(*early_parties(*met(), data=bytes(LIMIT)))
    assert early(happened) == bytes(LIMIT)


# ------------------------------------------------------------------------------------------- not offered


@pytest.mark.parametrize(
    ("change", "options"),
    [
        ({}, {"data": b""}),
        ({}, {"data": bytes(LIMIT + 1)}),
        ({"alpn": ("http/1.1",)}, {}),
        ({"alpn": ()}, {}),
        ({"policy": replace(POLICY, cipher_suites=(CHACHA,))}, {}),
        ({"sessions": SessionCache()}, {}),
    ],
)
def test_early_data_that_is_not_sent(change: dict[str, Any], options: dict[str, Any]) -> None:
    """It is bound to what the session was: and if it does not fit, none of it is sent."""
    client, server = met(early_server(alpn=("h2", "http/1.1")), alpn=("h2",))
    parties = early_parties(replace(client, **change), replace(server, alpn=()), **options)
    _, happened = exchange(*parties)
    assert early(happened) == b""
    negotiated = parties[0].negotiated
    assert negotiated is not None
    assert not negotiated.early_data


def test_a_server_that_says_nothing_gets_none() -> None:
    client, server = met(early_server(max_early_data=0))
    _, happened = exchange(*early_parties(client, replace(server, max_early_data=LIMIT)))
    assert early(happened) == b""


def test_a_server_sends_nothing_before_the_handshake_is_done_without_early_data() -> None:
    client, server = connect()
    deliver(server, client.data_to_send())
    with pytest.raises(ClosedError):
        server.send_data(b"too early")


@pytest.mark.parametrize("size", [-1, 2**20 + 1])
def test_an_amount_that_cannot_be(size: int) -> None:
    with pytest.raises(ConfigError):
        early_server(max_early_data=size)


# ------------------------------------------------------------------------------------------- dropped


def dropped(client: ClientConfig, server: ServerConfig, data: bytes = DATA) -> str:
    """The handshake goes on as if there had been no early data, and the client sends it again. Gives the reason."""
    reasons: list[str] = []

    def watch(trace: object) -> None:
        if isinstance(trace, StepTaken) and trace.step == "early data":
            reasons.append(trace.explanation)

    ours = ClientConnection(client, server_name=NAME, early_data=data)
    theirs = ServerConnection(server, observer=watch)
    assert early(exchange(ours, theirs)[1]) == b""
    for side in (ours, theirs):
        assert side.negotiated is not None
        assert not side.negotiated.early_data
    ours.send_data(data)
    assert only(DataReceived, deliver(theirs, ours.data_to_send())).data == data
    return "".join(reasons)


def test_a_server_that_does_not_want_it_any_more() -> None:
    client, server = met()
    assert "accepts none" in dropped(client, replace(server, max_early_data=0))


def test_a_server_that_does_not_want_so_much_any_more() -> None:
    client, server = met(early_server(max_early_data=50_000))
    assert "more than is accepted" in dropped(client, replace(server, max_early_data=LIMIT), bytes(50_000))


def test_a_ticket_of_quic() -> None:
    """It would allow 4 GiB, and was never meant for this."""
    client = client_config(alpn=("h3",), sessions=AnyService())
    server = early_server(alpn=("h3",))
    quic_shaken(client, server)
    assert dropped(client, server)


def test_a_server_that_does_not_know_the_ticket() -> None:
    client, _ = met()
    assert "does not go on" in dropped(client, early_server())


def test_a_hello_retry_request() -> None:
    """Section 4.2.10: it means that early data is not accepted, and the second ClientHello offers none."""
    client, server = met()
    dropped(client, replace(server, policy=ONLY_P256))


def test_another_application_protocol() -> None:
    client, server = met(early_server(alpn=("h2",)), alpn=("h2", "http/1.1"))
    assert "application protocol" in dropped(client, replace(server, alpn=("http/1.1",)))


def test_another_cipher_suite_with_the_same_hash() -> None:
    both = replace(POLICY, cipher_suites=(AES128, CHACHA))
    client, server = met(early_server(policy=both), policy=both)
    assert "cipher suite" in dropped(client, replace(server, policy=replace(POLICY, cipher_suites=(CHACHA,))))


def test_a_ticket_of_another_zone() -> None:
    """Another process with the same ticket keys does not know what this one has accepted."""
    client, server = met()
    assert "does not allow it" in dropped(client, replace(server, replay_guard=ReplayMemory()))


def test_a_ticket_from_before_a_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that were forked off with one configuration have a memory each."""
    client, server = met()
    monkeypatch.setattr(os, "getpid", lambda: 0)
    assert "does not allow it" in dropped(client, server)
    _, happened = exchange(*early_parties(client, server))
    assert early(happened) == DATA  # with a ticket of its own


@sources_only
def test_a_second_ticket_that_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Section 4.2.10: early data goes with the first PSK."""
    client, server = met()
    other, _ = met(verifier=client.verifier)
    assert client.sessions is not None
    assert other.sessions is not None
    first, second = other.sessions.take(NAME), client.sessions.take(NAME)
    assert first is not None

    def both(config: ClientConfig, session: Session | None, hashes: frozenset[Hash]) -> list[Psk]:
        return psks_to_offer(config, first, hashes) + psks_to_offer(config, second, hashes)

    client.sessions.put(NAME, first)
    monkeypatch.setattr(turtls.handshake.offer, "psks_to_offer", both)
    ours, theirs = early_parties(client, server)
    assert early(exchange(ours, theirs)[1]) == b""
    assert theirs.negotiated is not None
    assert theirs.negotiated.resumed


def test_an_external_key_has_no_early_data() -> None:
    psk = PreSharedKey(b"me", bytes(16))
    client, server = client_config(verifier=None, psks=(psk,)), early_server(psks={psk.identity: psk}.get)
    _, happened = exchange(*early_parties(client, server))
    assert early(happened) == b""


@pytest.mark.parametrize("error", [MAX_TICKET_AGE_ERROR + 1, -MAX_TICKET_AGE_ERROR - 1, 3600.0])
def test_a_hello_that_comes_at_another_time_than_its_ticket_s_age_says(error: float) -> None:
    """Section 8.3: it was kept back, or sent again."""
    clocks = Clock(), Clock()
    server = early_server(environment=Environment(now=clocks[1]))
    client, server = met(server, environment=Environment(now=clocks[0]))
    clocks[0].time += 5000
    clocks[1].time += 5000 + error
    assert "age" in dropped(client, server)


@pytest.mark.parametrize("error", [MAX_TICKET_AGE_ERROR - 1, 1 - MAX_TICKET_AGE_ERROR, 0.0])
def test_clocks_need_not_agree_to_the_second(error: float) -> None:
    clocks = Clock(), Clock()
    server = early_server(environment=Environment(now=clocks[1]))
    client, server = met(server, environment=Environment(now=clocks[0]))
    clocks[0].time += 5000
    clocks[1].time += 5000 + error
    _, happened = exchange(*early_parties(client, server))
    assert early(happened) == DATA


def test_the_server_hears_of_a_fault_in_what_came_with_its_refusal() -> None:
    """From the refusal on, the client's records are under keys that the server has."""

    class Fickle(DangerAcceptAnyCertificate):
        accepts = True

        def verify(self, request: VerificationRequest) -> VerifiedChain:
            if not self.accepts:
                raise ProtocolError(Fault.REVOKED)
            return super().verify(request)

    verifier = Fickle()
    client, server = met(verifier=verifier, verify_resumed=True)
    verifier.accepts = False
    ours, theirs = early_parties(client, replace(server, max_early_data=0))
    deliver(theirs, ours.data_to_send())
    error = refusal(ours, theirs.data_to_send())
    assert error is not None
    with pytest.raises(PeerAlert) as told:
        deliver(theirs, ours.data_to_send())
    assert told.value.alert == error.alert


# ------------------------------------------------------------------------------------------- what a server may not do


def fault_of_client(server: ServerConfig, meddle: Any, client: ClientConfig, data: bytes = DATA) -> Fault:
    side = ClientConnection(client, server_name=NAME, early_data=data)
    with pytest.raises(ProtocolError) as caught:
        exchange(side, meddling_server(meddle, server))
    return caught.value.fault


def test_a_server_that_accepts_what_was_not_offered() -> None:
    client, server = met()
    meddle = replacing(EncryptedExtensions, adding(EarlyDataIndication()))
    assert fault_of_client(server, meddle, client, b"") is Fault.UNSUPPORTED_EXTENSION


def test_a_server_that_accepts_after_a_retry() -> None:
    client, server = met()
    meddle = replacing(EncryptedExtensions, adding(EarlyDataIndication()))
    assert fault_of_client(replace(server, policy=ONLY_P256), meddle, client) is Fault.UNSUPPORTED_EXTENSION


def in_server(*changes: tuple[type[HandshakeMessage], Callable[[Any], None]]) -> Any:
    def meddle(_count: int, message: HandshakeMessage) -> HandshakeMessage:
        for kind, change in changes:
            if type(message) is kind:
                change(message)
        return message

    return meddle


def test_a_server_that_accepts_without_the_session() -> None:
    client, _ = met()
    meddle = in_server((EncryptedExtensions, adding(EarlyDataIndication())))
    assert fault_of_client(early_server(), meddle, client) is Fault.EARLY_DATA_MISMATCH


def test_a_server_that_accepts_with_an_external_key() -> None:
    """Section 4.2.10: the PSK must be the first, and early data was of its session."""
    psk = PreSharedKey(b"me", bytes(16))
    client, _ = met(psks=(psk,))
    server = early_server(psks={psk.identity: psk}.get)
    meddle = in_server((EncryptedExtensions, adding(EarlyDataIndication())))
    assert fault_of_client(server, meddle, client) is Fault.EARLY_DATA_MISMATCH


def test_a_server_that_accepts_under_another_cipher_suite() -> None:
    both = replace(POLICY, cipher_suites=(AES128, CHACHA))
    client, server = met(early_server(policy=both), policy=both)
    server = replace(server, policy=replace(POLICY, cipher_suites=(CHACHA,)))
    meddle = in_server((EncryptedExtensions, adding(EarlyDataIndication())))
    assert fault_of_client(server, meddle, client) is Fault.EARLY_DATA_MISMATCH


def test_a_server_that_accepts_under_another_protocol() -> None:
    client, server = met(early_server(alpn=("h2",)), alpn=("h2", "http/1.1"))
    meddle = in_server((EncryptedExtensions, adding(EarlyDataIndication())))
    assert fault_of_client(replace(server, alpn=("http/1.1",)), meddle, client) is Fault.EARLY_DATA_MISMATCH


def test_a_server_that_has_forgotten_tls_13() -> None:
    """Appendix D.3; and it can read the alert."""
    client, server = met(policy=replace(Policy.INTERMEDIATE, groups=POLICY.groups, key_share_groups=POLICY.groups[:1]))
    old = replace(Policy.INTERMEDIATE, versions=(ProtocolVersion.TLS_1_2,))
    ours, theirs = early_parties(client, replace(server, policy=old))
    hello = ours.data_to_send()
    hello = hello[: 5 + int.from_bytes(hello[3:5], "big")]  # our server would refuse the early data behind it first
    deliver(theirs, hello)
    error = refusal(ours, theirs.data_to_send())
    assert error is not None
    assert error.fault is Fault.EARLY_DATA_VERSION
    assert ours.data_to_send() == bytes.fromhex("15030300020246")


def test_the_second_hello_of_a_client_is_in_the_clear_and_offers_nothing() -> None:
    client, server = met()
    ours, theirs = early_parties(client, replace(server, policy=ONLY_P256))
    deliver(theirs, ours.data_to_send())
    deliver(ours, theirs.data_to_send())
    second = ours.data_to_send()
    assert second[0] == ContentType.handshake
    assert EarlyDataIndication not in ClientHello.from_bytes(second[5:]).extensions


def test_tickets_say_how_much() -> None:
    limits: list[int] = []

    def note(ticket: NewSessionTicket) -> None:
        limits.append(ticket.extensions.require(EarlyDataNewSessionTicket).max_early_data_size)

    client, server = ClientConnection(client_config(), server_name=NAME), early_server()
    exchange(client, meddling_server(replacing(NewSessionTicket, note), server))
    assert limits == [LIMIT]


def test_the_state_of_a_ticket_that_allows_nothing() -> None:
    client, server = met(early_server(tickets=Remembering(changed(max_early_data=0))))
    assert "does not allow it" in dropped(client, server)
