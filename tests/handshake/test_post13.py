"""After the handshake: KeyUpdate, tickets and client authentication (RFC 8446, section 4.6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.builds import sources_only
from tests.handshake.parties import (
    NAME,
    POLICY,
    Meddle,
    adding,
    client_config,
    connect,
    credential,
    exchange,
    meddling_client,
    meddling_server,
    only,
    refusal,
    refused,
    replacing,
    server_config,
    setting,
    shaken,
    without,
)
from turtls.config import ClientAuth, Credential, DangerAcceptAnyCertificate, Policy, VerifiedChain
from turtls.connection import ClientConnection, Connection, ServerConnection
from turtls.crypto.suites import SUITES13
from turtls.errors import ClosedError, ConfigError, Fault
from turtls.events import DataReceived, Event, KeysUpdated, PeerAuthenticated, Pending
from turtls.record.limits import MAX_KEY_UPDATES, MAX_POST_HANDSHAKE_REQUESTS, MAX_TICKETS, RECORDS_BEFORE_LIMIT
from turtls.record.protection13 import Protection13
from turtls.wire.extensions import Extensions, PostHandshakeAuth, SignatureAlgorithms
from turtls.wire.messages import (
    Certificate,
    CertificateRequest,
    CertificateVerify,
    ClientHello,
    Finished,
    HandshakeMessage,
    KeyUpdate,
    NewSessionTicket,
)
from turtls.wire.registries import ContentType, KeyUpdateRequest, ProtocolVersion, SignatureScheme

QUIET, ASKING = (
    KeyUpdate(request_update=request)
    for request in (KeyUpdateRequest.update_not_requested, KeyUpdateRequest.update_requested)
)


def sides(order: str, *parties: Connection) -> tuple[Connection, Connection]:
    """The two parties, the client first or the server."""
    return (parties[0], parties[1]) if order == "client" else (parties[1], parties[0])


both = pytest.mark.parametrize("first", ["client", "server"])

# ------------------------------------------------------------------------------------------- KeyUpdate


@both
@pytest.mark.parametrize("request_peer", [False, True])
def test_keys_are_updated(first: str, request_peer: bool) -> None:
    """Whoever is asked for an update makes it at once: some peers wait for it."""
    one, other = sides(first, *shaken())
    for number in range(3):
        one.update_keys(request_peer=request_peer)
        one.send_data(b"under new keys")
        events = other.receive_data(one.data_to_send())
        assert [type(event) for event in events] == [KeysUpdated, DataReceived]
        assert one.receive_data(other.data_to_send()) == [KeysUpdated()] * request_peer
        other.send_data(bytes((number,)))
        assert one.receive_data(other.data_to_send()) == [DataReceived(bytes((number,)))]


def test_both_sides_update_at_once() -> None:
    client, server = shaken()
    for side in (client, server):
        side.update_keys(request_peer=True)
    exchange(client, server)
    for one, other in ((client, server), (server, client)):
        one.send_data(b"still here")
        assert only(DataReceived, other.receive_data(one.data_to_send())).data == b"still here"


@both
def test_keys_are_updated_before_they_are_worn_out(first: str) -> None:
    """Section 5.5: without anybody asking."""
    one, other = sides(first, *shaken())
    assert one._records._write is not None
    one._records._write._soft_limit = one._records._write._sequence + 1
    one.send_data(b"the last record but for the KeyUpdate")
    one.send_data(b"the first under new keys")
    events = other.receive_data(one.data_to_send())
    assert [type(event) for event in events] == [DataReceived, KeysUpdated, DataReceived]


@both
def test_one_update_answers_many_requests_but_not_those_behind_it(first: str) -> None:
    """Section 4.6.3: they are answered before the next data, so a flood makes a silent side send next to nothing."""
    one, other = sides(first, *shaken())
    for _ in range(2):
        answers = []
        for _ in range(3):
            one.update_keys(request_peer=True)
            other.receive_data(one.data_to_send())
            answers.append(other.data_to_send())
        assert [bool(answer) for answer in answers] == [True, False, False]
        assert one.receive_data(answers[0]) == [KeysUpdated()]
        other.send_data(b"data")
        other.send_data(b"more")
        assert one.receive_data(other.data_to_send()) == [KeysUpdated(), DataReceived(b"datamore")]


@both
def test_an_update_of_one_s_own_is_an_answer_too(first: str) -> None:
    one, other = sides(first, *shaken())
    one.update_keys(request_peer=True)
    other.receive_data(one.data_to_send())
    other.update_keys()
    other.send_data(b"data")
    assert one.receive_data(other.data_to_send()) == [KeysUpdated(), DataReceived(b"data")]


@both
@pytest.mark.parametrize("asked", [2, 255])
def test_a_key_update_that_asks_for_something_else(first: str, asked: int) -> None:
    one, other = sides(first, *shaken())
    one._peer.send(KeyUpdate(request_update=KeyUpdateRequest(asked)))
    assert fault_of(other, one) is Fault.ILLEGAL_PARAMETER


def fault_of(victim: Connection, attacker: Connection) -> Fault:
    error = refusal(victim, attacker.data_to_send())
    assert error is not None
    return error.fault


@both
def test_a_flood_of_key_updates(first: str) -> None:
    one, other = sides(first, *shaken())
    for _ in range(MAX_KEY_UPDATES):
        one.update_keys()
    assert len(other.receive_data(one.data_to_send())) == MAX_KEY_UPDATES
    one.update_keys()
    assert fault_of(other, one) is Fault.TOO_MANY_KEY_UPDATES


@both
def test_key_updates_between_data_are_no_flood(first: str) -> None:
    one, other = sides(first, *shaken())
    for _ in range(MAX_KEY_UPDATES + 10):
        one.update_keys()
        one.send_data(b"x")
    events = other.receive_data(one.data_to_send())
    assert len(events) == 2 * (MAX_KEY_UPDATES + 10)


@both
@pytest.mark.parametrize("behind", [QUIET.to_bytes(), b"\x18"])
def test_nothing_stands_behind_a_key_update_in_its_record(first: str, behind: bytes) -> None:
    """Section 5.1: what follows would be under both generations."""
    one, other = sides(first, *shaken())
    one._records.write(ContentType.handshake, QUIET.to_bytes() + behind)
    assert fault_of(other, one) is Fault.EXCESS_HANDSHAKE_DATA


@both
def test_the_old_keys_are_gone_after_a_key_update(first: str) -> None:
    one, other = sides(first, *shaken())
    one._peer.send(QUIET)
    one._carrier.flush()
    one._records.write(ContentType.application_data, b"under the old keys")
    assert fault_of(other, one) is Fault.BAD_RECORD_MAC


@both
def test_data_between_the_parts_of_a_message(first: str) -> None:
    """Section 5.1: handshake messages are not interleaved with other records."""
    one, other = sides(first, *shaken())
    raw = QUIET.to_bytes()
    one._records.write(ContentType.handshake, raw[:3])
    one._records.write(ContentType.application_data, b"between")
    one._records.write(ContentType.handshake, raw[3:])
    assert fault_of(other, one) is Fault.EXCESS_HANDSHAKE_DATA


@both
def test_no_keys_are_updated_outside_of_an_open_connection(first: str) -> None:
    one, _ = sides(first, *connect())
    with pytest.raises(ClosedError):
        one.update_keys()
    one, _ = sides(first, *shaken())
    one.close()
    with pytest.raises(ClosedError):
        one.update_keys()


@both
def test_a_closed_side_does_not_answer(first: str) -> None:
    """Section 6.1: nothing follows close_notify; the peer's keys change all the same."""
    one, other = sides(first, *shaken())
    other.close()
    one.receive_data(other.data_to_send())
    one.update_keys(request_peer=True)
    one.send_data(b"heard")
    assert [type(event) for event in other.receive_data(one.data_to_send())] == [KeysUpdated, DataReceived]
    assert other.data_to_send() == b""


# ------------------------------------------------------------------------------------------- tickets


def test_a_flood_of_tickets() -> None:
    client, server = shaken(server=server_config(tickets_to_send=0))
    ticket = NewSessionTicket(
        ticket_lifetime=1, ticket_age_add=0, ticket_nonce=b"", ticket=b"x", extensions=Extensions()
    )
    for _ in range(MAX_TICKETS):
        server._peer.send(ticket)
    assert len(client.receive_data(server.data_to_send())) == MAX_TICKETS
    server._peer.send(ticket)
    assert fault_of(client, server) is Fault.TOO_MANY_TICKETS


def test_a_client_sends_no_tickets() -> None:
    client, server = shaken()
    client._peer.send(
        NewSessionTicket(ticket_lifetime=1, ticket_age_add=0, ticket_nonce=b"", ticket=b"x", extensions=Extensions())
    )
    assert fault_of(server, client) is Fault.UNEXPECTED_MESSAGE


# ------------------------------------------------------------------------------------------- client authentication


CLIENT = {"post_handshake_auth": True, "credentials": (credential("client.example"),)}
SERVER = {"verifier": DangerAcceptAnyCertificate()}


def willing(**options: Any) -> tuple[ClientConnection, ServerConnection]:
    """A client that takes part, and a server that may ask."""
    return shaken(client_config(**CLIENT), server_config(**(SERVER | options)))


def chain_of(server: ServerConnection) -> VerifiedChain | None:
    assert server.negotiated is not None
    return server.negotiated.peer


def test_a_client_is_asked_later() -> None:
    client, server = willing()
    assert chain_of(server) is None
    server.request_client_certificate()
    _, events = exchange(client, server)
    told = only(PeerAuthenticated, events).negotiated
    assert told is server.negotiated
    assert told.signature_scheme == SignatureScheme.ecdsa_secp256r1_sha256
    chain = chain_of(server)
    assert chain is not None
    assert chain.chain == credential("client.example").chain
    client.send_data(b"as someone")
    assert only(DataReceived, server.receive_data(client.data_to_send())).data == b"as someone"


def test_a_client_is_asked_twice_and_after_key_updates() -> None:
    client, server = willing()
    client.update_keys(request_peer=True)
    server.request_client_certificate()
    server.request_client_certificate()
    _, events = exchange(client, server)
    assert len([event for event in events if isinstance(event, PeerAuthenticated)]) == 2


def test_a_client_may_keep_its_name_to_itself() -> None:
    client, server = shaken(client_config(post_handshake_auth=True), server_config(**SERVER))
    server.request_client_certificate()
    _, events = exchange(client, server)
    assert only(PeerAuthenticated, events).negotiated.peer is None


def test_a_client_may_not_where_it_is_required() -> None:
    """It has shown its certificate in the handshake, and does not want to again."""
    client = meddling_client(replacing(Certificate, setting(certificate_list=[]), at=1), client_config(**CLIENT))
    server = ServerConnection(server_config(**SERVER, client_auth=ClientAuth.REQUIRE))
    exchange(client, server)
    server.request_client_certificate()
    assert refused(client, server) is Fault.CERTIFICATE_REQUIRED


def meddled(meddle: Meddle) -> tuple[ClientConnection, ServerConnection]:
    """A client that changes what it says after the handshake, and a server that has asked."""
    client = meddling_client(meddle, client_config(**CLIENT))
    server = ServerConnection(server_config(**SERVER))
    exchange(client, server)
    server.request_client_certificate()
    return client, server


@pytest.mark.parametrize(
    ("kind", "at", "change", "fault"),
    [
        (Certificate, 0, setting(certificate_request_context=b"another"), Fault.UNEXPECTED_MESSAGE),
        (Certificate, 0, setting(certificate_request_context=b""), Fault.UNEXPECTED_MESSAGE),
        (CertificateVerify, 0, setting(signature=bytes(70)), Fault.BAD_SIGNATURE),
        (CertificateVerify, 0, setting(algorithm=SignatureScheme.ed448), Fault.WRONG_SIGNATURE_SCHEME),
        (CertificateVerify, 0, lambda _: QUIET, Fault.UNEXPECTED_MESSAGE),
        (Finished, 1, setting(verify_data=bytes(32)), Fault.BAD_FINISHED),
        (Finished, 1, lambda _: QUIET, Fault.UNEXPECTED_MESSAGE),
    ],
)
def test_an_answer_that_proves_nothing(
    kind: type[HandshakeMessage], at: int, change: Callable[[Any], Any], fault: Fault
) -> None:
    assert refused(*meddled(replacing(kind, change, at=at))) is fault


@pytest.mark.parametrize("kind", [Certificate, CertificateVerify])
@pytest.mark.parametrize("at_once", [pytest.param(False, marks=sources_only), True])
def test_data_in_the_middle_of_an_answer(
    kind: type[HandshakeMessage], at_once: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Section 4.6.2: an answer comes in one piece."""

    def data_behind(message: HandshakeMessage) -> HandshakeMessage:
        client._carrier.write_handshake(message.to_bytes())
        client._carrier.flush()
        client._records.write(ContentType.application_data, b"not yet")
        return QUIET

    client, server = meddled(replacing(kind, data_behind))
    if not at_once:
        receive_data = server.receive_data

        def record_by_record(data: bytes) -> list[Event]:
            return [event for record in split(data) for event in receive_data(record)]

        monkeypatch.setattr(server, "receive_data", record_by_record)
    assert refused(client, server) is Fault.UNEXPECTED_RECORD


def split(stream: bytes) -> list[bytes]:
    """Its records."""
    records = []
    while stream:
        end = 5 + int.from_bytes(stream[3:5], "big")
        records.append(stream[:end])
        stream = stream[end:]
    return records


def test_an_answer_that_was_given_before() -> None:
    """Each request is answered once."""
    answers: list[bytes] = []

    def record(_count: int, message: HandshakeMessage) -> HandshakeMessage:
        if isinstance(message, Certificate | CertificateVerify | Finished):
            answers.append(message.to_bytes())
        return message

    client, server = meddled(record)
    exchange(client, server)
    assert chain_of(server) is not None
    for raw in answers[-3:]:
        client._carrier.write_handshake(raw)
    assert fault_of(server, client) is Fault.UNEXPECTED_MESSAGE


def test_a_certificate_that_nobody_asked_for() -> None:
    client, server = willing()
    client._peer.send(Certificate(certificate_list=[]))
    assert fault_of(server, client) is Fault.UNEXPECTED_MESSAGE


def a_request(context: bytes = b"context") -> CertificateRequest:
    schemes = SignatureAlgorithms(supported_signature_algorithms=list(POLICY.signature_schemes))
    return CertificateRequest(certificate_request_context=context, extensions=Extensions([schemes]))


def test_a_client_that_does_not_take_part_is_not_asked() -> None:
    client, server = shaken()
    server._peer.send(a_request())
    assert fault_of(client, server) is Fault.UNEXPECTED_MESSAGE


def test_a_flood_of_requests() -> None:
    """Each costs a signature."""
    client, server = willing()
    for number in range(MAX_POST_HANDSHAKE_REQUESTS):
        server._peer.send(a_request(bytes((number,))))
    client.receive_data(server.data_to_send())
    server._peer.send(a_request())
    assert fault_of(client, server) is Fault.UNEXPECTED_MESSAGE


def test_a_request_without_signature_algorithms() -> None:
    client = ClientConnection(client_config(**CLIENT), server_name=NAME)
    server = meddling_server(replacing(CertificateRequest, without(SignatureAlgorithms)), server_config(**SERVER))
    exchange(client, server)
    server.request_client_certificate()
    assert refused(client, server) is Fault.MISSING_EXTENSION


def test_what_cannot_be_asked() -> None:
    _, server = connect()
    with pytest.raises(ClosedError):
        server.request_client_certificate()
    _, server = shaken()
    with pytest.raises(ConfigError, match="does not take part"):
        server.request_client_certificate()
    _, server = willing(verifier=None)
    with pytest.raises(ConfigError, match="verifier"):
        server.request_client_certificate()
    _, server = willing()
    server.close()
    with pytest.raises(ClosedError):
        server.request_client_certificate()
    old = replace(Policy.INTERMEDIATE, versions=(ProtocolVersion.TLS_1_2,))
    _, server = shaken(client_config(policy=old), server_config(policy=old))
    with pytest.raises(ConfigError, match=r"TLS 1\.3"):
        server.request_client_certificate()


class Slow:
    """A signer in another machine."""

    async def sign(self, scheme: SignatureScheme, data: bytes) -> bytes:
        signature = credential("client.example").signer.sign(scheme, data)
        assert isinstance(signature, bytes)
        return signature


def test_nothing_comes_between_certificate_and_finished() -> None:
    """Section 4.6.2: not even while the signature is awaited."""
    slow = Credential(credential("client.example").chain, Slow())
    client, server = shaken(client_config(post_handshake_auth=True, credentials=(slow,)), server_config(**SERVER))
    server.request_client_certificate()
    pending = only(Pending, client.receive_data(server.data_to_send()))
    client.send_data(b"meanwhile")
    client.update_keys()
    client.send_data(b"and then")
    with pytest.raises(StopIteration) as result:
        pending.awaitable.__await__().send(None)
    client.resume(pending, result.value.value)
    events = server.receive_data(client.data_to_send())
    assert [type(event) for event in events] == [DataReceived, KeysUpdated, DataReceived, PeerAuthenticated]


def test_a_client_that_says_so_only_after_the_handshake() -> None:
    """Whether it takes part is told in the ClientHello."""
    hello = replacing(ClientHello, adding(PostHandshakeAuth()))
    client, server = meddling_client(hello), ServerConnection(server_config(**SERVER))
    exchange(client, server)
    server.request_client_certificate()
    assert refused(client, server) is Fault.UNEXPECTED_MESSAGE  # by the client, which does not know that it said so


def test_a_peer_is_asked_once_for_new_keys_before_its_own_wear_out() -> None:
    client, server = shaken()
    assert client.negotiated is not None
    for protection in (client._records._read, server._records._write):
        assert isinstance(protection, Protection13)
        protection._sequence = SUITES13[client.negotiated.cipher_suite].aead.limit_records - RECORDS_BEFORE_LIMIT
    for _ in range(2):
        server._records.write(ContentType.application_data, b"x")  # a peer that does not mind the limit
        client.receive_data(server.data_to_send())
    asked = server.receive_data(client.data_to_send())
    assert [type(event) for event in asked] == [KeysUpdated]
    server.send_data(b"x")
    assert client.receive_data(server.data_to_send()) == [KeysUpdated(), DataReceived(b"x")]
    assert not client._records.needs_peer_key_update
