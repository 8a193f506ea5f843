"""What a server of TLS 1.3 makes of clients that ask for what they should not."""

from __future__ import annotations

from collections.abc import Callable
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
    exchange,
    meddling_client,
    refusal,
    refused,
    replacing,
    server_config,
    setting,
    without,
)
from turtls.config import ClientConfig, Policy, ServerConfig
from turtls.connection import ServerConnection
from turtls.errors import Fault
from turtls.handshake.hello import choose_version
from turtls.wire.extensions import (
    Cookie,
    EarlyDataIndication,
    Extensions,
    KeyShareClientHello,
    KeyShareEntry,
    MaxFragmentLength,
    OfferedPsks,
    ProtocolNameList,
    PskIdentity,
    PskKeyExchangeModes,
    QuicTransportParameters,
    RawExtension,
    RecordSizeLimit,
    ServerName,
    ServerNameList,
    SignatureAlgorithms,
    SupportedGroups,
    SupportedVersionsClientHello,
)
from turtls.wire.messages import ClientHello, EncryptedExtensions, Finished
from turtls.wire.registries import (
    CipherSuite,
    ExtensionType,
    NamedGroup,
    NameType,
    ProtocolVersion,
    PskKeyExchangeMode,
    SignatureScheme,
)

Change = Callable[[Any], Any]
RETRYING = server_config(policy=ONLY_P256)
"""A server that wants another share than the client sends."""


def fault_of(
    change: Change, server: ServerConfig | None = None, client: ClientConfig | None = None, *, at: int = 0
) -> Fault:
    """The fault that a server finds with a client whose ClientHello is changed: the first, or the one at `at`."""
    return refused(
        meddling_client(replacing(ClientHello, change, at=at), client), ServerConnection(server or server_config())
    )


def versions(*numbers: int) -> SupportedVersionsClientHello:
    return SupportedVersionsClientHello(versions=[ProtocolVersion(number) for number in numbers])


def groups(*numbers: int) -> SupportedGroups:
    return SupportedGroups(named_group_list=[NamedGroup(number) for number in numbers])


def shares(*entries: tuple[int, bytes]) -> KeyShareClientHello:
    return KeyShareClientHello(
        client_shares=[KeyShareEntry(group=NamedGroup(group), key_exchange=public) for group, public in entries]
    )


def schemes(*numbers: int) -> SignatureAlgorithms:
    return SignatureAlgorithms(supported_signature_algorithms=[SignatureScheme(number) for number in numbers])


def psks(identities: int = 1, binders: int = 1) -> OfferedPsks:
    return OfferedPsks(
        identities=[PskIdentity(identity=b"ticket", obfuscated_ticket_age=0)] * identities,
        binders=[bytes(32)] * binders,
    )


X25519, P256 = NamedGroup.x25519, NamedGroup.secp256r1
ED448 = SignatureScheme.ed448

# ------------------------------------------------------------------------------------------- the first ClientHello


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (adding(versions(0x0301, 0x0305)), Fault.UNSUPPORTED_PROTOCOL),
        (adding(versions(0x8A8A)), Fault.UNSUPPORTED_PROTOCOL),
        (without(SupportedVersionsClientHello), Fault.UNSUPPORTED_PROTOCOL),
        (setting(legacy_version=ProtocolVersion.SSL_3_0), Fault.SSL3_REFUSED),
        (setting(legacy_version=ProtocolVersion.SSL_2_0), Fault.SSL3_REFUSED),
        (setting(legacy_compression_methods=b"\1"), Fault.BAD_COMPRESSION),
        (setting(legacy_compression_methods=b"\0\1"), Fault.BAD_COMPRESSION),
        (setting(cipher_suites=[CipherSuite(0x1A1A), CipherSuite.TLS_AES_128_CCM_8_SHA256]), Fault.NO_SHARED_CIPHER),
        (without(SupportedGroups), Fault.MISSING_EXTENSION),
        (without(KeyShareClientHello), Fault.MISSING_EXTENSION),
        (without(SignatureAlgorithms), Fault.MISSING_EXTENSION),
        (adding(groups(0x2A2A, NamedGroup.ffdhe8192), shares()), Fault.NO_SHARED_GROUP),
        (adding(shares((X25519, bytes(32)), (X25519, bytes(32)))), Fault.DUPLICATE_KEY_SHARE),
        (adding(groups(P256), shares((X25519, bytes(32)))), Fault.KEY_SHARE_NOT_OFFERED),
        (adding(shares((X25519, bytes(32)))), Fault.BAD_KEY_SHARE),  # a point of small order
        (adding(shares((X25519, bytes(31)))), Fault.BAD_KEY_SHARE),
        (adding(shares((P256, b"\4" + bytes(64)))), Fault.BAD_KEY_SHARE),
        (adding(schemes(ED448)), Fault.NO_SHARED_SIGNATURE),
        (adding(RawExtension(ExtensionType.oid_filters)), Fault.MISPLACED_EXTENSION),
        (adding(QuicTransportParameters(parameters=b"")), Fault.UNSUPPORTED_EXTENSION),  # this is no QUIC
        (without(PskKeyExchangeModes), None),
    ],
)
def test_a_client_hello_with_nothing_to_agree_on(change: Change, fault: Fault | None) -> None:
    if fault is None:
        client, server = meddling_client(replacing(ClientHello, change)), ServerConnection(server_config())
        exchange(client, server)
        assert server.handshake_done
    else:
        assert fault_of(change) is fault


def test_a_client_hello_is_checked_before_it_is_asked_for_more() -> None:
    assert fault_of(without(SignatureAlgorithms), RETRYING) is Fault.MISSING_EXTENSION


def test_a_client_with_other_application_protocols_is_refused() -> None:
    """RFC 7301, section 3.2."""
    change = adding(ProtocolNameList(protocol_name_list=[b"h3", b"\xff\xfe"]))
    assert fault_of(change, server_config(alpn=("h2",))) is Fault.NO_SHARED_ALPN


@pytest.mark.parametrize(
    ("names", "fault"),
    [
        ([b"with blank"], Fault.ILLEGAL_PARAMETER),
        ([b"line\nbreak"], Fault.ILLEGAL_PARAMETER),
        ([b"nul\0"], Fault.ILLEGAL_PARAMETER),
        (["bücher".encode()], Fault.ILLEGAL_PARAMETER),
        ([b"a" * 256], Fault.ILLEGAL_PARAMETER),
        ([b"a", b"b"], Fault.MALFORMED),
    ],
)
def test_a_server_name_that_is_no_name(names: list[bytes], fault: Fault) -> None:
    change = adding(ServerNameList(server_name_list=[ServerName(host_name=name) for name in names]))
    assert fault_of(change) is fault


def test_a_server_name_of_another_type() -> None:
    other = ServerName(name_type=NameType(1), host_name=b"a.example")
    assert fault_of(adding(ServerNameList(server_name_list=[other]))) is Fault.MALFORMED


@pytest.mark.parametrize("limit", [0, 63])
def test_a_record_size_limit_that_is_too_small(limit: int) -> None:
    assert fault_of(adding(RecordSizeLimit(record_size_limit=limit))) is Fault.ILLEGAL_PARAMETER


@pytest.mark.parametrize("code", [0, 5, 255])
def test_a_max_fragment_length_that_does_not_exist(code: int) -> None:
    assert fault_of(adding(MaxFragmentLength(max_fragment_length=bytes((code,))))) is Fault.ILLEGAL_PARAMETER


@pytest.mark.parametrize("code", [1, 2, 3, 4])
def test_a_max_fragment_length_is_obeyed(code: int) -> None:
    """RFC 6066, section 4. Our clients do not ask for it: this one ends when the server agrees."""
    answered: list[EncryptedExtensions] = []
    client = meddling_client(replacing(ClientHello, adding(MaxFragmentLength(max_fragment_length=bytes((code,))))))
    server = ServerConnection(
        server_config(),
        observer=lambda trace: answered.extend(
            [m] if isinstance(m := getattr(trace, "message", None), EncryptedExtensions) else []
        ),
    )
    server.receive_data(client.data_to_send())
    [encrypted_extensions] = answered
    answer = encrypted_extensions.extensions.get(MaxFragmentLength)
    assert answer is not None
    assert answer.max_fragment_length == bytes((code,))
    size = 2 ** (8 + code) + 1  # the content type of TLS 1.3 goes on top
    assert (server._records.send_limit, server._records.receive_limit) == (size, size)


def test_a_server_without_certificates_says_so() -> None:
    client, server = connect(server=server_config(credentials=()))
    assert refused(client, server) is Fault.INTERNAL


def test_a_hello_of_the_largest_size_is_looked_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each share is looked for among the groups: 6,000 times 16,000 comparisons would be a second's work."""
    compared = 0

    def equal(one: NamedGroup, other: object) -> bool:
        nonlocal compared
        compared += 1
        return int.__eq__(one, other)

    many = range(0x2000, 0x2000 + 16_000)
    change = adding(groups(*many), shares(*((number, b"\0") for number in many[-6_000:])))
    monkeypatch.setattr(NamedGroup, "__eq__", equal)
    assert fault_of(change) is Fault.NO_SHARED_GROUP
    assert 0 < compared < 10 * len(many)


# ------------------------------------------------------------------------------------------- versions


def hello_of(legacy: int, *offered: int, fallback: bool = False) -> ClientHello:
    return ClientHello(
        legacy_version=ProtocolVersion(legacy),
        random=bytes(32),
        legacy_session_id=b"",
        cipher_suites=[CipherSuite.TLS_FALLBACK_SCSV if fallback else CipherSuite.TLS_AES_128_GCM_SHA256],
        extensions=Extensions([versions(*offered)] if offered else []),
    )


TLS10, TLS11, TLS12, TLS13 = (ProtocolVersion(0x0300 + minor) for minor in (1, 2, 3, 4))


@pytest.mark.parametrize(
    ("hello", "known", "chosen"),
    [
        (hello_of(0x0303, 0x0304, 0x0303), (TLS13, TLS12), TLS13),
        (hello_of(0x0303, 0x0303, 0x0304), (TLS12, TLS13), TLS13),
        (hello_of(0x0303, 0x0304, 0x0303), (TLS12,), TLS12),
        (hello_of(0x0303, 0x7A7A, 0x0304), (TLS13,), TLS13),
        (hello_of(0x0303), (TLS13, TLS12, TLS11), TLS12),
        (hello_of(0x0304), (TLS13, TLS12), TLS12),  # only supported_versions can say TLS 1.3
        (hello_of(0x7F00), (TLS13, TLS12), TLS12),
        (hello_of(0x0302), (TLS13, TLS12, TLS11, TLS10), TLS11),
        (hello_of(0x0301, 0x0304), (TLS13,), TLS13),
        (hello_of(0x0303, 0x0303, fallback=True), (TLS12,), TLS12),
        (hello_of(0x0303, 0x0304, 0x0303, fallback=True), (TLS13, TLS12), TLS13),
    ],
)
def test_the_newest_common_version(
    hello: ClientHello, known: tuple[ProtocolVersion, ...], chosen: ProtocolVersion
) -> None:
    assert choose_version(hello, known) == chosen


@pytest.mark.parametrize(
    "hello",
    [hello_of(0x0303, fallback=True), hello_of(0x0303, 0xDADA, 0x0303, fallback=True), hello_of(0x0302, fallback=True)],
)
def test_a_fallback_that_was_not_needed(hello: ClientHello) -> None:
    """RFC 7507; reserved versions count for nothing."""
    server = ServerConnection(server_config(policy=Policy.INTERMEDIATE))
    error = refusal(server, in_record(hello))
    assert error is not None
    assert error.fault is Fault.INAPPROPRIATE_FALLBACK


def in_record(message: ClientHello) -> bytes:
    raw = message.to_bytes()
    return b"\x16\x03\x01" + len(raw).to_bytes(2, "big") + raw


# ------------------------------------------------------------------------------------------- pre-shared keys


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (adding(psks(), RawExtension(0x7777)), Fault.PSK_NOT_LAST),
        (adding(psks(2, 1)), Fault.ILLEGAL_PARAMETER),
        (adding(psks(1, 2)), Fault.ILLEGAL_PARAMETER),
    ],
)
def test_pre_shared_keys_that_are_not_offered_in_form(change: Change, fault: Fault) -> None:
    assert fault_of(change) is fault


def test_a_pre_shared_key_without_modes() -> None:
    def change(hello: ClientHello) -> None:
        without(PskKeyExchangeModes)(hello)
        adding(psks())(hello)

    assert fault_of(change) is Fault.MISSING_EXTENSION


def test_an_unknown_pre_shared_key_is_passed_over() -> None:
    client, server = meddling_client(replacing(ClientHello, adding(psks()))), ServerConnection(server_config())
    exchange(client, server)
    assert server.negotiated is not None
    assert not server.negotiated.resumed


def test_a_pre_shared_key_alone_is_not_enough() -> None:
    """It is not known here, and without signature_algorithms there is no other way."""

    def change(hello: ClientHello) -> None:
        without(SignatureAlgorithms)(hello)
        adding(psks())(hello)

    assert fault_of(change) is Fault.MISSING_EXTENSION


@pytest.mark.parametrize(
    "change", [without(PskKeyExchangeModes), adding(PskKeyExchangeModes(ke_modes=[PskKeyExchangeMode.psk_ke]))]
)
def test_tickets_go_only_to_clients_that_can_use_them(change: Change) -> None:
    """Section 4.2.9: only psk_dhe_ke is used here."""
    client, server = meddling_client(replacing(ClientHello, change)), ServerConnection(server_config())
    server.receive_data(client.data_to_send())
    client.receive_data(server.data_to_send())
    server.receive_data(client.data_to_send())
    assert server.handshake_done
    assert server.data_to_send() == b""


# ------------------------------------------------------------------------------------------- the second ClientHello


def second(change: Change) -> Fault:
    return fault_of(change, RETRYING, at=1)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (setting(random=bytes(32)), Fault.SECOND_HELLO_CHANGED),
        (setting(legacy_session_id=b""), Fault.SECOND_HELLO_CHANGED),
        (setting(legacy_version=ProtocolVersion.TLS_1_1), Fault.SECOND_HELLO_CHANGED),
        (setting(cipher_suites=list(POLICY.cipher_suites)), Fault.SECOND_HELLO_CHANGED),
        (setting(legacy_compression_methods=b"\1\0"), Fault.BAD_COMPRESSION),
        (adding(EarlyDataIndication()), Fault.SECOND_HELLO_CHANGED),
        (adding(Cookie(cookie=b"mine")), Fault.SECOND_HELLO_CHANGED),
        (adding(RawExtension(0x7777)), Fault.SECOND_HELLO_CHANGED),
        (adding(versions(0x0304, 0x0303)), Fault.SECOND_HELLO_CHANGED),
        (adding(schemes(SignatureScheme.ed25519, ED448)), Fault.SECOND_HELLO_CHANGED),
        (adding(groups(P256, X25519)), Fault.SECOND_HELLO_CHANGED),
        (without(ServerNameList), Fault.SECOND_HELLO_CHANGED),
        (adding(ServerNameList(server_name_list=[ServerName(host_name=b"b.example")])), Fault.SECOND_HELLO_CHANGED),
        (without(KeyShareClientHello), Fault.MISSING_EXTENSION),
        (adding(shares()), Fault.WRONG_GROUP),
        (adding(shares((X25519, bytes(32)))), Fault.WRONG_GROUP),
        (adding(shares((P256, bytes(65)), (X25519, bytes(32)))), Fault.WRONG_GROUP),
        (adding(shares((P256, bytes(65)))), Fault.BAD_KEY_SHARE),
    ],
)
def test_a_second_hello_that_changed(change: Change, fault: Fault) -> None:
    assert second(change) is fault


def test_padding_may_change() -> None:
    """Section 4.1.2."""
    change = adding(RawExtension(ExtensionType.padding, bytes(100)))
    client = meddling_client(replacing(ClientHello, change, at=1))
    server = ServerConnection(RETRYING)
    exchange(client, server)
    assert server.handshake_done


def test_a_third_client_hello() -> None:
    """A client that sends its first one once more."""
    client = meddling_client(replacing(Finished, lambda _: hello_of(0x0303, 0x0304)))
    assert refused(client, ServerConnection(RETRYING)) is Fault.UNEXPECTED_MESSAGE


# ------------------------------------------------------------------------------------------- the client's flight


@pytest.mark.parametrize("verify_data", [b"", bytes(31), bytes(32), bytes(48)])
def test_a_finished_that_is_wrong(verify_data: bytes) -> None:
    client = meddling_client(replacing(Finished, setting(verify_data=verify_data)))
    assert refused(client, ServerConnection(server_config())) is Fault.BAD_FINISHED


# ------------------------------------------------------------------------------------------- early data


def test_early_data_that_is_not_taken_is_dropped() -> None:
    """Section 4.2.10: it goes under keys that this server does not have."""
    client, server = (
        meddling_client(replacing(ClientHello, adding(EarlyDataIndication()))),
        ServerConnection(server_config()),
    )
    server.receive_data(client.data_to_send())
    for _ in range(10):
        assert server.receive_data(b"\x17\x03\x03\x00\x40" + bytes(64)) == []
    exchange(client, server)
    assert server.handshake_done


def test_early_data_before_the_second_hello_is_dropped() -> None:
    client = meddling_client(replacing(ClientHello, adding(EarlyDataIndication()), at=0))
    server = ServerConnection(RETRYING)
    server.receive_data(client.data_to_send() + b"\x17\x03\x03\x00\x40" + bytes(64))
    exchange(client, server)
    assert server.handshake_done


@pytest.mark.parametrize("config", [server_config(), RETRYING])
def test_more_early_data_than_is_ever_sent_is_not(config: ServerConfig) -> None:
    client, server = meddling_client(replacing(ClientHello, adding(EarlyDataIndication()))), ServerConnection(config)
    server.receive_data(client.data_to_send())
    record = b"\x17\x03\x03\x20\x00" + bytes(2**13)
    assert refusal(server, record * 2) is None
    error = refusal(server, record)
    assert error is not None
    assert error.fault is Fault.TOO_MUCH_EARLY_DATA


def test_what_cannot_be_decrypted_is_no_early_data_unless_it_was_announced() -> None:
    client, server = connect()
    server.receive_data(client.data_to_send())
    error = refusal(server, b"\x17\x03\x03\x00\x40" + bytes(64))
    assert error is not None
    assert error.fault is Fault.BAD_RECORD_MAC


# ------------------------------------------------------------------------------------------- who decides


def test_the_server_s_order_decides() -> None:
    suites = (CipherSuite.TLS_CHACHA20_POLY1305_SHA256, CipherSuite.TLS_AES_128_GCM_SHA256)  # the client has AES first
    client, server = connect(
        client_config(alpn=("http/1.1", "h2")),
        server_config(policy=replace(POLICY, cipher_suites=suites), alpn=("h2", "http/1.1")),
    )
    exchange(client, server)
    assert client.negotiated is not None
    assert client.negotiated.cipher_suite == suites[0]
    assert client.negotiated.alpn == "h2"


def test_a_group_with_a_share_comes_before_one_without() -> None:
    """A round trip is worth more than the server's taste, unless it is for a group that outlasts quantum computers."""
    client, server = connect(server=server_config(policy=replace(POLICY, groups=(P256, X25519))))
    exchange(client, server)
    assert client.negotiated is not None
    assert client.negotiated.group == X25519
    assert not client.negotiated.hello_retry


def test_a_post_quantum_group_is_worth_a_round_trip() -> None:
    hybrid = NamedGroup.X25519MLKEM768
    policy = replace(POLICY, groups=(X25519, hybrid))
    client, server = connect(client_config(policy=policy), server_config(policy=policy))
    exchange(client, server)
    assert client.negotiated is not None
    assert client.negotiated.group == hybrid
    assert client.negotiated.hello_retry


def test_a_server_without_application_protocols_ignores_them() -> None:
    client, server = connect(client_config(alpn=("h2",)))
    exchange(client, server)
    assert client.negotiated is not None
    assert client.negotiated.alpn is None
    assert client.negotiated.server_name == NAME
