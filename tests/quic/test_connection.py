from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import pytest

from tests.handshake.parties import (
    NAME,
    ONLY_P256,
    POLICY,
    adding,
    client_config,
    connect,
    credential,
    meddling_client,
    only,
    replacing,
    server_config,
    setting,
    without,
)
from tests.handshake.parties import refused as refused_over_records
from tests.quic.parties import (
    CLIENTS,
    SERVERS,
    carry,
    exchange,
    meddling_quic_client,
    meddling_quic_server,
    quic_client,
    quic_server,
    refused,
    shaken,
)
from turtls.config import ClientAuth, DangerAcceptAnyCertificate, Policy, VerificationRequest, VerifiedChain
from turtls.errors import AlertDescription, ClosedError, ConfigError, Fault, ProtocolError
from turtls.events import AlertSeen, Event, HandshakeCompleted, Pending, SessionReceived, Trace
from turtls.quic import (
    KeysAvailable,
    Level,
    QuicClientConnection,
    QuicConnection,
    QuicServerConnection,
    initial_secrets,
    next_traffic_secret,
    packet_keys,
)
from turtls.record.limits import MAX_BUFFERED_WHILE_PENDING, MAX_HANDSHAKE_MESSAGE, MAX_TICKETS
from turtls.wire.extensions import Extensions, ProtocolNameList, QuicTransportParameters, ServerNameList
from turtls.wire.messages import (
    CertificateRequest,
    ClientHello,
    EncryptedExtensions,
    Finished,
    KeyUpdate,
    NewSessionTicket,
)
from turtls.wire.registries import CipherSuite, KeyUpdateRequest, ProtocolVersion

WITHOUT_TLS13 = replace(Policy.INTERMEDIATE, versions=(ProtocolVersion.TLS_1_2,))
CCM_8 = CipherSuite.TLS_AES_128_CCM_8_SHA256


# ------------------------------------------------------------------------------------------- what comes out


def keys(events: list[Event]) -> dict[tuple[str, Level], bytes]:
    return {(e.direction, e.level): e.traffic_secret for e in events if isinstance(e, KeysAvailable)}


def test_both_sides_get_the_same_keys_level_by_level() -> None:
    client, server = quic_client(), quic_server()
    clients, servers = exchange(client, server)
    order = [(e.direction, e.level) for e in servers if isinstance(e, KeysAvailable)]
    assert order == [
        ("sent", Level.HANDSHAKE),
        ("received", Level.HANDSHAKE),
        ("sent", Level.APPLICATION),
        ("received", Level.APPLICATION),
    ]
    opposite = {"sent": "received", "received": "sent"}
    assert keys(clients) == {(opposite[direction], level): s for (direction, level), s in keys(servers).items()}
    assert len(set(keys(clients).values())) == 4
    assert only(HandshakeCompleted, clients).negotiated == client.negotiated


def test_messages_go_at_their_levels() -> None:
    client, server = quic_client(), quic_server()
    [(level, _)] = first = client.crypto_to_send()
    assert level is Level.PLAINTEXT
    assert client.crypto_to_send() == []
    server.receive_crypto(*first[0])
    flight = server.crypto_to_send()
    assert [level for level, _ in flight] == [Level.PLAINTEXT, Level.HANDSHAKE]
    for level, data in flight:
        client.receive_crypto(level, data)
    [(level, finished)] = client.crypto_to_send()
    assert level is Level.HANDSHAKE
    server.receive_crypto(level, finished)
    assert [level for level, _ in server.crypto_to_send()] == [Level.APPLICATION]


def test_transport_parameters_are_exchanged() -> None:
    assert quic_client().peer_transport_parameters is None
    client, server = shaken()
    assert client.peer_transport_parameters == SERVERS
    assert server.peer_transport_parameters == CLIENTS


def test_any_cut_will_do() -> None:
    client, server = quic_client(), quic_server()
    for _ in range(3):
        for sender, receiver in ((client, server), (server, client)):
            for level, data in sender.crypto_to_send():
                for byte in data:
                    receiver.receive_crypto(level, bytes([byte]))
    assert client.handshake_done
    assert server.handshake_done


def test_there_is_no_middlebox_compatibility() -> None:
    hellos: list[bytes] = []
    meddle = replacing(ClientHello, lambda hello: hellos.append(hello.legacy_session_id))
    exchange(meddling_quic_client(meddle), quic_server(server_config(policy=ONLY_P256)))
    assert hellos == [b""]


def test_hello_retry_request() -> None:
    client, _server = shaken(server=server_config(policy=ONLY_P256))
    assert client.negotiated is not None
    assert client.negotiated.hello_retry


def test_keying_material_can_be_exported() -> None:
    client, server = shaken()
    assert client.export_keying_material("label", b"", 32) == server.export_keying_material("label", b"", 32)


def test_what_a_configuration_says_of_tls_over_tcp_does_not_count() -> None:
    both = replace(Policy.INTERMEDIATE, cipher_suites=(CCM_8, *Policy.INTERMEDIATE.cipher_suites))
    seen: list[ClientHello] = []
    config = client_config(policy=both, post_handshake_auth=True, record_size_limit=100)
    meddle = replacing(ClientHello, lambda hello: seen.append(hello))
    exchange(meddling_quic_client(meddle, config), quic_server(server_config(policy=both)))
    [hello] = seen
    names = {type(body).__name__ for body in hello.extensions}
    assert names.isdisjoint({"PostHandshakeAuth", "RecordSizeLimit", "ExtendedMasterSecret", "EcPointFormats"})
    assert CCM_8 not in hello.cipher_suites
    assert {suite >> 8 for suite in hello.cipher_suites if suite & 0x0F0F != 0x0A0A} == {0x13}


# ------------------------------------------------------------------------------------------- sessions, clients


def test_resumption() -> None:
    client, server = client_config(alpn=("h3",)), server_config()
    shaken(client, server)
    again, _ = shaken(client, server)
    assert again.negotiated is not None
    assert again.negotiated.resumed


def test_sessions_of_tls_over_tcp_are_kept_apart() -> None:
    config = client_config(alpn=("h3",))
    shaken(config)
    assert config.sessions is not None
    assert config.sessions.take(NAME) is None
    assert config.sessions.take(f"quic {NAME}") is not None


def test_too_many_tickets() -> None:
    client, server = quic_client(), quic_server(server_config(tickets_to_send=MAX_TICKETS + 1))
    carry(client, server)
    carry(server, client)
    carry(client, server)
    [(level, tickets)] = server.crypto_to_send()
    events = client.receive_crypto(level, tickets)
    assert len([event for event in events if isinstance(event, SessionReceived)]) == MAX_TICKETS
    assert isinstance(client.failure, ProtocolError)
    assert client.failure.fault is Fault.TOO_MANY_TICKETS


def test_client_certificates() -> None:
    server = server_config(client_auth=ClientAuth.REQUIRE, verifier=DangerAcceptAnyCertificate())
    _, accepted = shaken(client_config(credentials=(credential("client.example"),)), server)
    assert accepted.negotiated is not None
    assert accepted.negotiated.peer is not None
    assert accepted.negotiated.peer.chain == credential("client.example").chain
    assert refused(quic_client(), quic_server(server)) is Fault.CERTIFICATE_REQUIRED


# ------------------------------------------------------------------------------------------- what must be refused


def test_bytes_at_the_wrong_level() -> None:
    for wrong in (Level.EARLY, Level.HANDSHAKE, Level.APPLICATION):
        client, server = quic_client(), quic_server()
        [(_, hello)] = client.crypto_to_send()
        with pytest.raises(ProtocolError) as told:
            server.receive_crypto(wrong, hello)
        assert told.value.fault is Fault.WRONG_LEVEL
        assert server.crypto_error == 0x10A


def test_bytes_at_a_level_that_is_over() -> None:
    client, server = quic_client(), quic_server()
    carry(client, server)
    with pytest.raises(ProtocolError) as told:
        server.receive_crypto(Level.PLAINTEXT, b"\1")
    assert told.value.fault is Fault.WRONG_LEVEL


def test_a_message_across_levels() -> None:
    client, server = quic_client(), quic_server()
    carry(client, server)
    (level, hello), _ = server.crypto_to_send()
    with pytest.raises(ProtocolError) as told:
        client.receive_crypto(level, hello + b"\x08")
    assert told.value.fault is Fault.EXCESS_HANDSHAKE_DATA
    assert client.crypto_error == 0x10A


def test_a_client_that_runs_ahead() -> None:
    client, server = quic_client(), quic_server()
    [(level, hello)] = client.crypto_to_send()
    with pytest.raises(ProtocolError) as told:
        server.receive_crypto(level, hello + b"\x14")
    assert told.value.fault is Fault.EXCESS_HANDSHAKE_DATA


def test_a_client_that_asks_for_compatibility() -> None:
    client = meddling_quic_client(replacing(ClientHello, setting(legacy_session_id=bytes(32))))
    assert refused(client, quic_server()) is Fault.COMPATIBILITY_MODE


@pytest.mark.parametrize(
    ("form", "fault"),
    [(QuicTransportParameters, Fault.MISSING_EXTENSION), (ProtocolNameList, Fault.NO_SHARED_ALPN)],
)
def test_what_must_be_said(form: Any, fault: Fault) -> None:
    assert refused(meddling_quic_client(replacing(ClientHello, without(form))), quic_server()) is fault
    assert refused(quic_client(), meddling_quic_server(replacing(EncryptedExtensions, without(form)))) is fault


def test_no_application_protocol_in_common() -> None:
    server = quic_server(server_config(alpn=("h9",)))
    assert refused(quic_client(), server) is Fault.NO_SHARED_ALPN
    assert server.crypto_error == 0x100 + AlertDescription.NO_APPLICATION_PROTOCOL


@pytest.mark.parametrize("policy", [POLICY, WITHOUT_TLS13])
def test_transport_parameters_outside_of_quic(policy: Policy) -> None:
    """RFC 9001, section 8.2: in whichever version."""
    parameters = adding(QuicTransportParameters(parameters=CLIENTS))
    client = meddling_client(replacing(ClientHello, parameters), client_config(policy=policy))
    _, server = connect(server=server_config(policy=policy))
    assert refused_over_records(client, server) is Fault.UNSUPPORTED_EXTENSION


def test_a_change_of_keys_by_message() -> None:
    """RFC 9001, section 6: QUIC does that itself."""
    update = KeyUpdate(request_update=KeyUpdateRequest.update_not_requested)
    for sender, receiver in (shaken(), shaken()[::-1]):
        sender._peer.send(update)
        with pytest.raises(ProtocolError) as told:
            carry(sender, receiver)
        assert told.value.fault is Fault.UNEXPECTED_MESSAGE
        assert receiver.crypto_error == 0x10A


def test_a_request_for_a_certificate_after_the_handshake() -> None:
    """RFC 9001, section 4.4."""
    client, server = shaken(client_config(post_handshake_auth=True))
    server._peer.send(CertificateRequest(certificate_request_context=b"later", extensions=Extensions()))
    with pytest.raises(ProtocolError) as told:
        carry(server, client)
    assert told.value.fault is Fault.UNEXPECTED_MESSAGE


def test_a_server_takes_nothing_after_the_handshake() -> None:
    ticket = NewSessionTicket(
        ticket_lifetime=1, ticket_age_add=0, ticket_nonce=b"", ticket=b"x", extensions=Extensions()
    )
    for message in (ticket, Finished(verify_data=bytes(32))):
        client, server = shaken()
        client._peer.send(message)
        with pytest.raises(ProtocolError) as told:
            carry(client, server)
        assert told.value.fault is Fault.UNEXPECTED_MESSAGE


def test_older_versions() -> None:
    client = meddling_client(
        replacing(ClientHello, adding(QuicTransportParameters(parameters=CLIENTS))),
        client_config(policy=WITHOUT_TLS13, alpn=("h3",)),
    )
    [raw] = client._carrier._unsent
    server = quic_server(server_config(policy=Policy.INTERMEDIATE))
    with pytest.raises(ProtocolError) as told:
        server.receive_crypto(Level.PLAINTEXT, raw)
    assert told.value.fault is Fault.UNSUPPORTED_PROTOCOL


def test_messages_that_are_too_large() -> None:
    server = quic_server()
    with pytest.raises(ProtocolError) as told:
        server.receive_crypto(Level.PLAINTEXT, b"\1" + (MAX_HANDSHAKE_MESSAGE + 1).to_bytes(3, "big"))
    assert told.value.fault is Fault.MESSAGE_TOO_LARGE


# ------------------------------------------------------------------------------------------- configurations


def test_configurations_that_cannot_be() -> None:
    for client in (client_config(), client_config(alpn=("h3",), policy=WITHOUT_TLS13)):
        with pytest.raises(ConfigError, match="QUIC needs"):
            QuicClientConnection(client, server_name=NAME, transport_parameters=b"")
    for server in (server_config(), server_config(alpn=("h3",), policy=replace(POLICY, cipher_suites=(CCM_8,)))):
        with pytest.raises(ConfigError, match="QUIC needs"):
            QuicServerConnection(server, transport_parameters=b"")
    for make in (quic_client, quic_server):
        with pytest.raises(ConfigError, match="at the most"):
            make(transport_parameters=bytes(2**14 + 1))
    ours, theirs = quic_client(transport_parameters=bytes(2**14)), quic_server(transport_parameters=bytes(2**14))
    exchange(ours, theirs)
    assert ours.handshake_done


@pytest.mark.parametrize("later", [False, True])
def test_a_server_whose_configuration_is_chosen(later: bool) -> None:
    async def in_time(value: Any) -> Any:
        return value

    def server(chosen: Any) -> QuicServerConnection:
        return quic_server(server_config(on_client_hello=lambda hello: in_time(chosen) if later else chosen))

    for chosen in (None, server_config(alpn=("h3", "other"), policy=Policy.INTERMEDIATE)):
        client, chooser = quic_client(), server(chosen)
        carry_with_pendings(client, chooser)
        carry(chooser, client)
        assert client.handshake_done
    without_alpn = server(server_config())
    with pytest.raises(ConfigError, match="QUIC needs"):
        carry_with_pendings(quic_client(), without_alpn)
    assert without_alpn.crypto_error == 0x100 + AlertDescription.INTERNAL_ERROR


# ------------------------------------------------------------------------------------------- answers from outside


def carry_with_pendings(sender: QuicConnection, receiver: QuicConnection) -> None:
    for level, data in sender.crypto_to_send():
        events = receiver.receive_crypto(level, data)
        while events:
            event = events.pop(0)
            if isinstance(event, Pending):
                try:
                    answer = answered(event.awaitable)
                except ConfigError as error:
                    receiver.resume_error(event, error)
                else:
                    events += receiver.resume(event, answer)


def answered(awaitable: Any) -> Any:
    assert isinstance(awaitable, Coroutine)
    with pytest.raises(StopIteration) as stop:
        awaitable.send(None)
    return stop.value.value


class SlowVerifier(DangerAcceptAnyCertificate):
    def verify(self, request: VerificationRequest) -> Any:
        async def verdict() -> VerifiedChain:
            return DangerAcceptAnyCertificate().verify(request)

        return verdict()


def test_a_verdict_that_takes_its_time() -> None:
    client, server = quic_client(client_config(verifier=SlowVerifier())), quic_server()
    carry(client, server)
    pending = only(Pending, carry(server, client))
    assert client.crypto_to_send() == []
    client.resume(pending, answered(pending.awaitable))
    carry(client, server)
    assert client.handshake_done
    assert server.handshake_done


def test_a_verdict_that_cannot_be_had() -> None:
    client, server = quic_client(client_config(verifier=SlowVerifier())), quic_server()
    carry(client, server)
    pending = only(Pending, carry(server, client))
    pending.awaitable.close()  # type: ignore[attr-defined]  # a coroutine
    with pytest.raises(OSError, match="no answer"):
        client.resume_error(pending, OSError("no answer"))
    assert client.crypto_error == 0x100 + AlertDescription.INTERNAL_ERROR


def test_what_comes_meanwhile_is_bounded() -> None:
    client, server = quic_client(client_config(verifier=SlowVerifier())), quic_server()
    carry(client, server)
    carry(server, client)
    piece = bytes(2**14)
    for _ in range(MAX_BUFFERED_WHILE_PENDING // len(piece)):
        assert client.receive_crypto(Level.HANDSHAKE, piece) == []
    with pytest.raises(ProtocolError) as told:
        client.receive_crypto(Level.HANDSHAKE, b"\0")
    assert told.value.fault is Fault.TOO_MUCH_BUFFERED


# ------------------------------------------------------------------------------------------- the end


def test_what_failed_stays_failed() -> None:
    seen: list[Trace] = []
    server = quic_server(observer=seen.append)
    with pytest.raises(ProtocolError) as told:
        server.receive_crypto(Level.HANDSHAKE, b"")
    with pytest.raises(ProtocolError) as again:
        server.receive_crypto(Level.PLAINTEXT, b"")
    assert told.value is again.value is server.failure
    assert seen == [AlertSeen("sent", AlertDescription.UNEXPECTED_MESSAGE)]
    server.close()
    assert server.failure is told.value


def test_close_lets_go_of_keys() -> None:
    client, _ = shaken()
    client.close()
    assert client.failure is None
    assert client.crypto_error is None
    with pytest.raises(ClosedError):
        client.receive_crypto(Level.APPLICATION, b"")
    with pytest.raises(ClosedError):
        client.export_keying_material("label", b"", 32)
    assert client._established is not None
    assert not any(vars_of(client._established))


def vars_of(established: Any) -> list[bytes]:
    names = ("client_traffic_secret", "server_traffic_secret", "exporter_master_secret", "resumption_master_secret")
    return [getattr(established, name) for name in names]


# ------------------------------------------------------------------------------------------- packets


def test_packet_keys_of_rfc_9001() -> None:
    """Appendix A.1: the keys of a client's Initial packets; appendix A.5: ChaCha20-Poly1305, with its next secret."""
    secret, servers = initial_secrets(bytes.fromhex("8394c8f03e515708"))
    assert secret.hex() == "c00cf151ca5be075ed0ebfb5c80323c42d6b7db67881289af4008f1f6c357aea"
    assert servers.hex() == "3c199828fd139efd216c155ad844cc81fb82fa8d7446fa7d78be803acdda951b"
    keys = packet_keys(CipherSuite.TLS_AES_128_GCM_SHA256, secret)
    assert keys.key.hex() == "1f369613dd76d5467730efcbe3b1a22d"
    assert keys.iv.hex() == "fa044b2f42a3fd3b46fb255c"
    assert keys.hp.hex() == "9f50449e04a0e810283a1e9933adedd2"

    secret = bytes.fromhex("9ac312a7f877468ebe69422748ad00a15443f18203a07d6060f688f30f21632b")
    keys = packet_keys(CipherSuite.TLS_CHACHA20_POLY1305_SHA256, secret)
    assert keys.key.hex() == "c6d98ff3441c3fe1b2182094f69caa2ed4b716b65488960a7a984979fb23e1c8"
    assert keys.iv.hex() == "e0459b3474bdd0e44a41c144"
    assert keys.hp.hex() == "25a282b9e82f06f21f488917a4fc8f1b73573685608597d0efcb076b0ab7a7a4"
    following = next_traffic_secret(CipherSuite.TLS_CHACHA20_POLY1305_SHA256, secret)
    assert following.hex() == "1223504755036d556342ee9361d253421a826c9ecdf3c7148684b36b714881f9"


def test_server_names() -> None:
    for name, shown in ((NAME, [NAME.encode()]), ("192.0.2.1", None), (None, None)):
        names: list[ServerNameList | None] = []

        def note(hello: ClientHello, names: list[ServerNameList | None] = names) -> None:
            names.append(hello.extensions.get(ServerNameList))

        meddling_quic_client(replacing(ClientHello, note), server_name=name)
        found = names[0] and [each.host_name for each in names[0].server_name_list]
        assert found == shown
