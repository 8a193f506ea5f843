"""What BoringSSL's protocol tests found, each kind of fault once more by a test of our own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import Any
from unittest.mock import patch

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from tests.builds import sources_only
from tests.handshake.parties import (
    NAME,
    adding,
    client_config,
    connect,
    deliver,
    exchange,
    meddling_client,
    meddling_server,
    only,
    refused,
    replacing,
    server_config,
    setting,
    shaken,
    without,
)
from tests.pki.chains import authority, certificate, key_usage
from turtls.config import (
    ClientAuth,
    ClientConfig,
    Credential,
    DangerAcceptAnyCertificate,
    Environment,
    Policy,
    PreSharedKey,
    ServerConfig,
)
from turtls.config.credentials import prefer_issuers
from turtls.connection import ClientConnection, ServerConnection
from turtls.crypto.groups import POST_QUANTUM
from turtls.crypto.keys import Leaf
from turtls.crypto.signatures import KeySigner
from turtls.errors import AlertDescription, Fault, ProtocolError
from turtls.events import HandshakeMessageSeen, KeysUpdated
from turtls.handshake import certificates12, selection12
from turtls.wire.extensions import (
    CertificateAuthorities,
    EcPointFormats,
    ExtendedMasterSecret,
    ServerNameAcknowledged,
    SupportedGroups,
)
from turtls.wire.messages import ClientHello, EncryptedExtensions, Finished, HandshakeMessage, ServerHello12
from turtls.wire.messages12 import CertificateRequest12, ServerEcdhParams, ServerHelloDone, ServerKeyExchange
from turtls.wire.registries import (
    CipherSuite,
    ClientCertificateType,
    NamedGroup,
    PointFormat,
    ProtocolVersion,
    SignatureScheme,
)

V = ProtocolVersion
TLS13 = Policy.MODERN
TLS12 = replace(Policy.INTERMEDIATE, versions=(V.TLS_1_2,))
KEY_TRANSPORT = replace(
    Policy.LEGACY, versions=(V.TLS_1_2,), cipher_suites=(CipherSuite.TLS_RSA_WITH_AES_128_GCM_SHA256,)
)

versions = pytest.mark.parametrize("policy", [TLS13, TLS12], ids=["1.3", "1.2"])


@cache
def holder(kind: str, *uses: str) -> Credential:
    """A credential whose key may only be used for that."""
    key: Any = rsa.generate_private_key(65537, 2048) if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())
    return Credential((certificate(NAME, names=(NAME,), key=key, usage=key_usage(*uses)).der,), KeySigner(key))


def client_with(policy: Policy, **options: Any) -> ClientConfig:
    return client_config(policy=policy, **options)


def server_with(policy: Policy, **options: Any) -> ServerConfig:
    return server_config(policy=policy, **options)


# ------------------------------------------------------------------------------------------- certificates


@versions
def test_a_server_s_key_that_may_not_sign(policy: Policy) -> None:
    server = server_with(policy, credentials=(holder("ec", "key_agreement"),))
    assert refused(*connect(client_with(policy), server)) is Fault.KEY_USAGE


@versions
def test_a_client_s_key_that_may_not_sign(policy: Policy) -> None:
    server = server_with(policy, client_auth=ClientAuth.REQUIRE, verifier=DangerAcceptAnyCertificate())
    client = client_with(policy, credentials=(holder("ec", "key_agreement"),))
    assert refused(*connect(client, server)) is Fault.KEY_USAGE


def test_a_key_that_may_only_sign_cannot_transport_keys() -> None:
    server = server_with(KEY_TRANSPORT, credentials=(holder("rsa", "digital_signature"),))
    with patch.object(Credential, "can_decrypt", True):  # or this server would not choose it
        assert refused(*connect(client_with(KEY_TRANSPORT), server)) is Fault.KEY_USAGE
    shaken(client_with(KEY_TRANSPORT), server_with(KEY_TRANSPORT, credentials=(holder("rsa", "key_encipherment"),)))


@sources_only
def test_up_to_tls12_a_certificate_is_on_a_curve_that_the_client_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 8422, sections 5.1.1 and 5.3."""
    policy = replace(TLS12, groups=(NamedGroup.x25519, NamedGroup.secp384r1))
    server = server_with(TLS12, credentials=(holder("ec", "digital_signature"),))
    assert refused(*connect(client_with(policy), server)) is Fault.NO_SHARED_CERTIFICATE_CURVE
    monkeypatch.setattr(selection12, "_knows_curve", lambda *_: True)
    assert refused(*connect(client_with(policy), server)) is Fault.WRONG_CERTIFICATE_CURVE


def only_suite(suite: CipherSuite, **change: Any) -> Policy:
    return replace(TLS12, cipher_suites=(suite,), **change)


ECDHE_ECDSA = only_suite(CipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)
ECDHE_RSA = only_suite(CipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)


@pytest.mark.parametrize(
    ("client", "fault"),
    [
        (ECDHE_RSA, Fault.NO_SHARED_CIPHER),
        (replace(ECDHE_ECDSA, groups=(NamedGroup.x448, NamedGroup.secp256r1)), Fault.NO_SHARED_GROUP),
        (replace(ECDHE_ECDSA, signature_schemes=(SignatureScheme.rsa_pkcs1_sha256,)), Fault.NO_SHARED_SIGNATURE),
    ],
)
def test_up_to_tls12_a_server_says_what_was_missing_of_a_suite_that_both_sides_know(
    client: Policy, fault: Fault
) -> None:
    """That there is no cipher suite in common would send a person to the wrong place."""
    policy = replace(TLS12, groups=(NamedGroup.x25519,))
    server = server_with(policy, credentials=(holder("ec", "digital_signature"),))
    assert refused(*connect(client_with(client), server)) is fault


def test_before_tls12_edwards_keys_cannot_sign() -> None:
    leaf = Leaf.parse(certificate(NAME, key=ed25519.Ed25519PrivateKey.generate()).der)
    with pytest.raises(ProtocolError) as caught:
        certificates12.scheme_before_tls12(leaf.public_key, V.TLS_1_1)
    assert caught.value.fault is Fault.KEY_NOT_IN_VERSION
    assert caught.value.alert is AlertDescription.ILLEGAL_PARAMETER


def test_a_server_resumes_nothing_that_it_was_not_offered() -> None:
    """A client of TLS 1.3 always sends a session id (RFC 8446, appendix D.4); whoever echoes it cannot mean it."""
    zeros = Environment(random=bytes)
    client, _ = connect(client_with(Policy.INTERMEDIATE, environment=zeros, grease=False))
    server = meddling_server(replacing(ServerHello12, setting(session_id=bytes(32))), server_with(TLS12))
    assert refused(client, server) is Fault.UNOFFERED_RESUMPTION


@versions
def test_a_credential_may_know_what_it_signs_with(policy: Policy) -> None:
    """Hardware may be able to do less than the key, and what is verified is another matter."""
    pss = SignatureScheme.rsa_pss_rsae_sha512
    own = replace(holder("rsa", "digital_signature"), signature_schemes=(SignatureScheme.ed25519, pss))
    ours, _ = shaken(client_with(policy), server_with(policy, credentials=(own,)))
    assert ours.negotiated is not None
    assert ours.negotiated.signature_scheme == pss


@versions
@pytest.mark.parametrize("cipher", ["CHACHA20", "AES_256"])
def test_a_client_that_puts_chacha20_before_aes_gets_it(policy: Policy, cipher: str) -> None:
    """Phones without instructions for AES do. What else a client prefers does not count."""
    suites = sorted(policy.cipher_suites, key=lambda suite: cipher not in suite.name)
    client, _ = shaken(client_with(replace(policy, cipher_suites=tuple(suites))), server_with(policy))
    assert client.negotiated is not None
    expected = {"CHACHA20": "CHACHA20", "AES_256": "AES_128_GCM"}[cipher]
    assert expected in client.negotiated.cipher_suite.name


def test_issuers_that_the_peer_lists_come_first() -> None:
    root = authority("Some Root")
    key = ec.generate_private_key(ec.SECP256R1())
    issued = Credential((certificate("b", root, names=(NAME,), key=key).der,), KeySigner(key))
    own = holder("ec", "digital_signature")
    name = root.certificate.subject.public_bytes()
    assert prefer_issuers([own, issued], [name]) == [issued, own]
    assert prefer_issuers([own, issued], [b"another"]) == [own, issued]

    server = ServerConnection(server_config(credentials=(own, issued)))
    client = meddling_client(replacing(ClientHello, adding(CertificateAuthorities(authorities=[name]))))
    exchange(client, server)
    assert client.negotiated is not None
    assert client.negotiated.peer is not None
    assert client.negotiated.peer.leaf.certificate.issuer == x509.Name(root.certificate.subject)


# ------------------------------------------------------------------------------------------- key exchange


def test_the_hybrids_are_for_tls13_alone() -> None:
    hello = first_hello(client_with(TLS12))
    assert not POST_QUANTUM.intersection(hello.extensions.require(SupportedGroups).named_group_list)

    def hybrid(_message: ServerKeyExchange) -> HandshakeMessage:
        group = NamedGroup.X25519MLKEM768
        return ServerKeyExchange(content=ServerEcdhParams(named_curve=group, point=b"\4").encode())

    server = meddling_server(replacing(ServerKeyExchange, hybrid), server_with(TLS12))
    assert refused(ClientConnection(client_with(TLS12), server_name=NAME), server) is Fault.WRONG_GROUP


def first_hello(config: ClientConfig) -> ClientHello:
    seen: list[Any] = []
    ClientConnection(config, server_name=NAME, observer=seen.append)
    [hello] = [trace.message for trace in seen if isinstance(trace, HandshakeMessageSeen)]
    assert isinstance(hello, ClientHello)
    return hello


def test_rsa_key_transport_has_no_server_key_exchange() -> None:
    """An export key came that way (FREAK)."""

    def export(message: ServerHelloDone) -> Iterable[HandshakeMessage]:
        return ServerKeyExchange(content=b""), message

    config = server_with(KEY_TRANSPORT, credentials=(holder("rsa", "key_encipherment"),))
    server = meddling_server(replacing(ServerHelloDone, export), config)
    client = ClientConnection(client_with(KEY_TRANSPORT), server_name=NAME)
    assert refused(client, server) is Fault.UNEXPECTED_MESSAGE


def test_a_server_without_a_certificate_does_not_ask_for_one() -> None:
    """RFC 5246, section 7.4.4."""
    policy = replace(TLS12, cipher_suites=(CipherSuite.TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256,))
    psk = PreSharedKey(b"me", b"k" * 32)

    def asks(message: ServerHelloDone) -> Iterable[HandshakeMessage]:
        request = CertificateRequest12(
            certificate_types=[ClientCertificateType.ecdsa_sign],
            supported_signature_algorithms=[SignatureScheme.ecdsa_secp256r1_sha256],
            certificate_authorities=[],
        )
        return request, message

    config = server_with(policy, psks={psk.identity: psk}.get)
    server = meddling_server(replacing(ServerHelloDone, asks), config)
    client = ClientConnection(client_with(policy, psks=(psk,)), server_name=NAME)
    assert refused(client, server) is Fault.UNEXPECTED_MESSAGE


def test_a_server_that_cannot_send_uncompressed_points() -> None:
    """RFC 8422, section 5.1.2."""
    compressed = EcPointFormats(ec_point_format_list=[PointFormat(1)])
    server = meddling_server(replacing(ServerHello12, adding(compressed)), server_with(TLS12))
    assert refused(ClientConnection(client_with(TLS12), server_name=NAME), server) is Fault.ILLEGAL_PARAMETER


# ------------------------------------------------------------------------------------------- order


@pytest.mark.parametrize(
    ("policy", "last"), [(TLS12, ServerHelloDone), (TLS13, Finished)], ids=["ServerHelloDone", "Finished"]
)
def test_nobody_begins_a_message_before_it_could_know_the_answer(policy: Policy, last: type[HandshakeMessage]) -> None:
    def more(message: HandshakeMessage) -> Iterable[HandshakeMessage | bytes]:
        return message, b"\x04\x00"

    server = meddling_server(replacing(last, more), server_with(policy))
    client = ClientConnection(client_with(policy), server_name=NAME)
    assert refused(client, server) is Fault.EXCESS_HANDSHAKE_DATA


@pytest.mark.parametrize("role", ["client", "server"])
def test_one_key_update_answers_all_that_are_asked_for(role: str) -> None:
    client, server = shaken()
    asks, answers = (client, server) if role == "client" else (server, client)
    for _ in range(2):
        for _ in range(5):
            asks.update_keys(request_peer=True)
        deliver(answers, asks.data_to_send())
        answers.send_data(b"data")
        happened = deliver(asks, answers.data_to_send())
        only(KeysUpdated, happened)


# ------------------------------------------------------------------------------------------- resumption


@versions
def test_a_resumed_handshake_does_not_acknowledge_the_name(policy: Policy) -> None:
    """RFC 6066, section 3."""
    kind = EncryptedExtensions if policy is TLS13 else ServerHello12
    client, server = client_with(policy), server_with(policy)
    found = []
    for _ in range(2):
        seen: list[Any] = []
        ours, theirs = ClientConnection(client, server_name=NAME, observer=seen.append), ServerConnection(server)
        exchange(ours, theirs)
        [answer] = [trace.message for trace in seen if isinstance(getattr(trace, "message", None), kind)]
        assert ours.negotiated is not None
        found.append((ours.negotiated.resumed, ServerNameAcknowledged in answer.extensions))
    assert found == [(False, True), (True, False)]


def test_a_session_with_extended_master_secret_is_not_offered_without() -> None:
    """RFC 7627, section 5.3."""
    client, server = client_with(TLS12), server_with(TLS12)
    shaken(client, server)
    again = meddling_client(replacing(ClientHello, without(ExtendedMasterSecret)), client)
    assert refused(again, ServerConnection(server)) is Fault.RESUMED_EMS_MISMATCH


class NoTickets:
    """A store that has nothing to give."""

    lifetime = 3600
    single_use = False

    def seal(self, state: bytes, now: float) -> bytes:
        return b""

    def unseal(self, untrusted_ticket: bytes, now: float) -> None:
        return None


@versions
def test_a_store_may_have_no_ticket_to_give(policy: Policy) -> None:
    client, server = client_with(policy), server_with(policy, tickets=NoTickets(), session_ids=None)
    for _ in range(2):
        ours, _ = shaken(client, server)
        assert ours.negotiated is not None
        assert not ours.negotiated.resumed
