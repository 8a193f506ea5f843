"""What a client of TLS 1.3 makes of servers that answer what they should not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.handshake.parties import (
    NAME,
    ONLY_P256,
    POLICY,
    adding,
    client_config,
    exchange,
    fault_between,
    meddling_server,
    refused,
    replacing,
    server_config,
    setting,
    shaken,
    without,
)
from turtls.config import ClientAuth, ClientConfig, DangerAcceptAnyCertificate, Policy, ServerConfig
from turtls.connection import ClientConnection
from turtls.errors import Fault, PeerAlert
from turtls.events import StepTaken, Trace
from turtls.record.limits import MAX_COOKIE
from turtls.wire.codepoints import is_grease
from turtls.wire.extensions import (
    Cookie,
    EarlyDataIndication,
    Extensions,
    KeyShareClientHello,
    KeyShareHelloRetryRequest,
    KeyShareServerHello,
    ProtocolNameList,
    RawExtension,
    RecordSizeLimit,
    SelectedPsk,
    ServerNameAcknowledged,
    SignatureAlgorithms,
    SupportedGroups,
    SupportedVersionsClientHello,
    SupportedVersionsServerHello,
)
from turtls.wire.messages import (
    Certificate,
    CertificateRequest,
    ClientHello,
    EncryptedExtensions,
    Finished,
    HandshakeMessage,
    HelloRetryRequest,
    ServerHello,
    ServerHello12,
)
from turtls.wire.registries import CipherSuite, ExtensionType, NamedGroup, ProtocolVersion

Change = Callable[[Any], Any]


def fault_of(
    kind: type[HandshakeMessage],
    change: Change,
    client: ClientConfig | None = None,
    server: ServerConfig | None = None,
    *,
    name: str | None = NAME,
    at: int = 0,
) -> Fault:
    """The fault that a client finds with a server of which one message is changed."""
    return refused(
        ClientConnection(client or client_config(), server_name=name),
        meddling_server(replacing(kind, change, at=at), server),
    )


def choosing(version: int) -> SupportedVersionsServerHello:
    return SupportedVersionsServerHello(selected_version=ProtocolVersion(version))


def share(group: NamedGroup, key_exchange: bytes = bytes(32)) -> KeyShareServerHello:
    return KeyShareServerHello(group=group, key_exchange=key_exchange)


RESERVED = RawExtension(0x8A8A)
SUITE = CipherSuite.TLS_AES_128_GCM_SHA256

HELLOS: list[tuple[Change, Fault]] = [
    (adding(choosing(0x0303)), Fault.ILLEGAL_PARAMETER),
    (adding(choosing(0x0305)), Fault.ILLEGAL_PARAMETER),
    (setting(legacy_version=ProtocolVersion.TLS_1_1), Fault.ILLEGAL_PARAMETER),
    (setting(legacy_session_id_echo=b""), Fault.BAD_SESSION_ID),
    (setting(legacy_session_id_echo=bytes(32)), Fault.BAD_SESSION_ID),
    (setting(legacy_compression_method=b"\1"), Fault.BAD_COMPRESSION),
    (setting(cipher_suite=CipherSuite.TLS_AES_128_CCM_8_SHA256), Fault.WRONG_CIPHER),
    (setting(cipher_suite=CipherSuite(0x1A1A)), Fault.WRONG_CIPHER),
    (adding(RESERVED), Fault.UNSUPPORTED_EXTENSION),
    (adding(RawExtension(ExtensionType.padding)), Fault.UNSUPPORTED_EXTENSION),
    (adding(RawExtension(ExtensionType.server_name)), Fault.MISPLACED_EXTENSION),
]


@pytest.mark.parametrize(("change", "fault"), HELLOS)
def test_a_server_hello_that_answers_what_was_not_offered(change: Change, fault: Fault) -> None:
    assert fault_of(ServerHello, change) is fault


@pytest.mark.parametrize(("change", "fault"), HELLOS)
def test_a_hello_retry_request_that_answers_what_was_not_offered(change: Change, fault: Fault) -> None:
    assert fault_of(HelloRetryRequest, change, server=server_config(policy=ONLY_P256)) is fault


def test_a_suite_of_tls_12_in_tls_13() -> None:
    """It was offered, but for another version."""
    suite = setting(cipher_suite=CipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)
    assert fault_of(ServerHello, suite, client_config(policy=Policy.INTERMEDIATE)) is Fault.WRONG_CIPHER


def test_tls_13_that_this_client_did_not_offer() -> None:
    old = replace(Policy.INTERMEDIATE, versions=(ProtocolVersion.TLS_1_2,))
    extensions = Extensions([choosing(0x0304), share(NamedGroup.x25519)])

    def newer(hello: ServerHello12) -> ServerHello:
        return ServerHello(random=hello.random, legacy_session_id_echo=b"", cipher_suite=SUITE, extensions=extensions)

    client, server = client_config(policy=old), server_config(policy=old)
    assert fault_of(ServerHello12, newer, client, server) is Fault.ILLEGAL_PARAMETER


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (without(KeyShareServerHello), Fault.MISSING_EXTENSION),
        (adding(share(NamedGroup.secp256r1)), Fault.WRONG_GROUP),
        (adding(share(NamedGroup(0x3A3A))), Fault.WRONG_GROUP),
        (adding(share(NamedGroup.x25519, bytes(32))), Fault.BAD_KEY_SHARE),
        (adding(share(NamedGroup.x25519, b"\4" * 31)), Fault.BAD_KEY_SHARE),
        (adding(SelectedPsk(selected_identity=0)), Fault.UNSUPPORTED_EXTENSION),
    ],
)
def test_a_key_exchange_that_was_not_offered(change: Change, fault: Fault) -> None:
    assert fault_of(ServerHello, change) is fault


# ------------------------------------------------------------------------------------------- HelloRetryRequest


RETRYING = server_config(policy=ONLY_P256)
"""A server that wants another share than the client sends."""


def asking_for(group: int) -> Change:
    return adding(KeyShareHelloRetryRequest(selected_group=NamedGroup(group)))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (asking_for(NamedGroup.x25519), Fault.WRONG_GROUP),  # it has a share already
        (asking_for(NamedGroup.secp521r1), Fault.WRONG_GROUP),  # it was not offered
        (asking_for(0x5A5A), Fault.WRONG_GROUP),
        (without(KeyShareHelloRetryRequest), Fault.BAD_HELLO_RETRY),
        (without(SupportedVersionsServerHello), Fault.MISSING_EXTENSION),
        (adding(Cookie(cookie=bytes(MAX_COOKIE + 1))), Fault.ILLEGAL_PARAMETER),
    ],
)
def test_a_retry_that_asks_for_nothing_sensible(change: Change, fault: Fault) -> None:
    assert fault_of(HelloRetryRequest, change, server=RETRYING) is fault


def test_the_largest_cookie_is_returned() -> None:
    """Our own servers give none, and refuse it."""
    change = adding(Cookie(cookie=bytes(MAX_COOKIE)))
    assert fault_of(HelloRetryRequest, change, server=RETRYING) is Fault.SECOND_HELLO_CHANGED


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ([], "another key exchange group than the client guessed"),
        ([without(KeyShareHelloRetryRequest), adding(Cookie(cookie=b"cookie"))], "its cookie back first"),
    ],
)
def test_what_a_retry_is_for_is_told(changes: Sequence[Change], wanted: str) -> None:
    told: list[str] = []

    def watch(trace: Trace) -> None:
        if isinstance(trace, StepTaken) and trace.step == "retry":
            told.append(trace.explanation)

    def change(retry: HelloRetryRequest) -> None:
        for each in changes:
            each(retry)

    client = ClientConnection(client_config(), server_name=NAME, observer=watch)
    fault_between(client, meddling_server(replacing(HelloRetryRequest, change), RETRYING))
    assert told == [f"The server wants {wanted}."]


def test_a_second_hello_retry_request() -> None:
    def again(hello: ServerHello) -> HelloRetryRequest:
        return HelloRetryRequest(
            legacy_session_id_echo=hello.legacy_session_id_echo,
            cipher_suite=hello.cipher_suite,
            extensions=Extensions([choosing(0x0304), KeyShareHelloRetryRequest(selected_group=NamedGroup.secp384r1)]),
        )

    assert fault_of(ServerHello, again, server=RETRYING) is Fault.UNEXPECTED_MESSAGE


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (setting(cipher_suite=CipherSuite.TLS_AES_256_GCM_SHA384), Fault.CIPHER_CHANGED),
        (setting(cipher_suite=CipherSuite.TLS_CHACHA20_POLY1305_SHA256), Fault.CIPHER_CHANGED),
        (adding(share(NamedGroup.x25519)), Fault.WRONG_GROUP),
        (adding(choosing(0x0303)), Fault.ILLEGAL_PARAMETER),
        (setting(legacy_session_id_echo=b""), Fault.BAD_SESSION_ID),
    ],
)
def test_a_server_hello_that_does_not_keep_to_its_retry(change: Change, fault: Fault) -> None:
    assert fault_of(ServerHello, change, server=RETRYING) is fault


def test_a_retry_downgraded_to_tls_12() -> None:
    """A client that knows both was promised TLS 1.3."""
    both = replace(Policy.INTERMEDIATE, groups=POLICY.groups, key_share_groups=POLICY.key_share_groups)
    downgrade = without(SupportedVersionsServerHello, KeyShareServerHello)
    assert fault_of(ServerHello, downgrade, client_config(policy=both), RETRYING) is Fault.UNEXPECTED_MESSAGE


# ------------------------------------------------------------------------------------------- the server's parameters


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (adding(RESERVED), Fault.UNSUPPORTED_EXTENSION),
        (adding(EarlyDataIndication()), Fault.UNSUPPORTED_EXTENSION),
        (adding(ProtocolNameList(protocol_name_list=[b"h2"])), Fault.UNSUPPORTED_EXTENSION),
        (adding(RecordSizeLimit(record_size_limit=64)), Fault.UNSUPPORTED_EXTENSION),
        (adding(RawExtension(ExtensionType.key_share)), Fault.MISPLACED_EXTENSION),
        (adding(RawExtension(ExtensionType.signature_algorithms)), Fault.MISPLACED_EXTENSION),
    ],
)
def test_encrypted_extensions_that_were_not_asked_for(change: Change, fault: Fault) -> None:
    assert fault_of(EncryptedExtensions, change) is fault


def test_a_server_name_acknowledged_that_was_not_given() -> None:
    fault = fault_of(EncryptedExtensions, adding(ServerNameAcknowledged()), name=None)
    assert fault is Fault.UNSUPPORTED_EXTENSION


def test_reserved_extensions_are_not_answered() -> None:
    """RFC 8701, section 3.1: whoever answers them does not know what it does."""
    client = ClientConnection(client_config(), server_name=NAME)
    [raw] = client._carrier._unsent
    reserved = [kind for kind in ClientHello.from_bytes(raw).extensions.types if is_grease(kind)]
    assert len(reserved) == 2
    server = meddling_server(replacing(EncryptedExtensions, adding(RawExtension(reserved[0]))))
    assert refused(client, server) is Fault.UNSUPPORTED_EXTENSION


def test_each_list_has_a_reserved_code_point_first() -> None:
    """RFC 8701, section 3.1. No server may choose one."""
    client = ClientConnection(client_config(), server_name=NAME)
    [raw] = client._carrier._unsent
    hello = ClientHello.from_bytes(raw)
    lists: list[Sequence[int]] = [
        hello.cipher_suites,
        hello.extensions.require(SupportedGroups).named_group_list,
        hello.extensions.require(SupportedVersionsClientHello).versions,
        hello.extensions.require(SignatureAlgorithms).supported_signature_algorithms,
        [share.group for share in hello.extensions.require(KeyShareClientHello).client_shares],
    ]
    for listed in lists:
        assert [code for code in listed if is_grease(code)] == [listed[0]]


def test_groups_in_encrypted_extensions_are_fine() -> None:
    """Section 4.2.7: a server may tell which groups it would rather have had."""
    groups = adding(SupportedGroups(named_group_list=[NamedGroup.secp521r1]))
    server = meddling_server(replacing(EncryptedExtensions, groups))
    client = ClientConnection(client_config(), server_name=NAME)
    exchange(client, server)
    assert client.handshake_done
    assert server.handshake_done


@pytest.mark.parametrize(
    ("names", "fault"),
    [
        ([b"h3"], Fault.WRONG_ALPN),
        ([b"h2", b"http/1.1"], Fault.MALFORMED),
    ],
)
def test_an_application_protocol_that_was_not_offered(names: list[bytes], fault: Fault) -> None:
    client = client_config(alpn=("h2", "http/1.1"))
    assert fault_of(EncryptedExtensions, adding(ProtocolNameList(protocol_name_list=names)), client) is fault


def test_a_record_size_limit_that_is_too_small() -> None:
    change = adding(RecordSizeLimit(record_size_limit=63))
    assert fault_of(EncryptedExtensions, change, client_config(record_size_limit=100)) is Fault.ILLEGAL_PARAMETER


# ------------------------------------------------------------------------------------------- authentication


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (setting(certificate_list=[]), Fault.NO_CERTIFICATE),
        (setting(certificate_request_context=b"\0"), Fault.ILLEGAL_PARAMETER),
    ],
)
def test_a_certificate_message_that_no_server_sends(change: Change, fault: Fault) -> None:
    assert fault_of(Certificate, change) is fault


def test_a_certificate_request_in_the_handshake_has_no_context() -> None:
    config = server_config(client_auth=ClientAuth.REQUEST, verifier=DangerAcceptAnyCertificate())
    server = meddling_server(replacing(CertificateRequest, setting(certificate_request_context=b"\0")), config)
    client = ClientConnection(client_config(), server_name=NAME)
    assert refused(client, server) is Fault.ILLEGAL_PARAMETER
    assert isinstance(server.failure, PeerAlert)  # it was the client who refused


def test_a_certificate_request_without_signature_algorithms() -> None:
    server = server_config(client_auth=ClientAuth.REQUEST, verifier=DangerAcceptAnyCertificate())
    assert fault_of(CertificateRequest, without(SignatureAlgorithms), server=server) is Fault.MISSING_EXTENSION


@pytest.mark.parametrize("verify_data", [bytes(32), bytes(48), b"", bytes(31)])
def test_a_finished_that_is_wrong(verify_data: bytes) -> None:
    assert fault_of(Finished, setting(verify_data=verify_data)) is Fault.BAD_FINISHED


def test_a_session_is_resumed_without_a_certificate() -> None:
    """Section 4.3.2: nor may one be asked for."""
    client, server = client_config(), server_config()
    shaken(client, server)
    schemes = SignatureAlgorithms(supported_signature_algorithms=list(POLICY.signature_schemes))
    request = CertificateRequest(extensions=Extensions([schemes]))
    assert fault_of(Finished, lambda _: request, client, server) is Fault.UNEXPECTED_MESSAGE
