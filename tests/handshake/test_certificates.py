"""Certificates and the proofs for them, of servers and of clients, and those that prove nothing."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.builds import sources_only
from tests.handshake.parties import (
    NAME,
    POLICY,
    adding,
    client_config,
    connect,
    credential,
    exchange,
    meddling_client,
    meddling_server,
    refused,
    replacing,
    server_config,
    setting,
    shaken,
)
from tests.pki.chains import authority, certificate, key_usage
from turtls.config import (
    ClientAuth,
    ClientConfig,
    Credential,
    DangerAcceptAnyCertificate,
    Policy,
    Role,
    ServerConfig,
    VerificationRequest,
    VerifiedChain,
)
from turtls.connection import ClientConnection, ServerConnection
from turtls.crypto import keys
from turtls.crypto.signatures import KeySigner
from turtls.errors import Fault, ProtocolError
from turtls.handshake.offer import Offer
from turtls.record.limits import MAX_CHAIN_LENGTH
from turtls.wire.extensions import (
    CertificateAuthorities,
    CertificateStatus,
    CertificateStatusRequest,
    ExtensionBody,
    Extensions,
    RawExtension,
    SignatureAlgorithms,
    SignedCertificateTimestampRequest,
    SignedCertificateTimestamps,
)
from turtls.wire.messages import (
    Certificate,
    CertificateEntry,
    CertificateRequest,
    CertificateVerify,
    HandshakeMessage,
)
from turtls.wire.registries import ExtensionType, SignatureScheme

Change = Callable[[Any], Any]


def both_ways() -> tuple[ClientConfig, ServerConfig]:
    """A client with a certificate, and a server that asks for it; they do not resume."""
    return (
        client_config(credentials=(credential("client.example"),), sessions=None),
        server_config(client_auth=ClientAuth.REQUIRE, verifier=DangerAcceptAnyCertificate()),
    )


def against(role: Role, kind: type[HandshakeMessage], change: Change) -> tuple[ClientConnection, ServerConnection]:
    """Two that show their certificates; the one in that role changes a message of that kind."""
    client, server = both_ways()
    if role is Role.SERVER:
        return ClientConnection(client, server_name=NAME), meddling_server(replacing(kind, change), server)
    return meddling_client(replacing(kind, change), client), ServerConnection(server)


def in_leaf(*bodies: Any) -> Change:
    return lambda message: adding(*bodies)(message.certificate_list[0])


def unreadable(message: Certificate) -> None:
    message.certificate_list[0].cert_data = b"\x30\x03\x02\x01\x00"


def too_many(message: Certificate) -> None:
    message.certificate_list *= MAX_CHAIN_LENGTH + 1


roles = pytest.mark.parametrize("role", list(Role))


@roles
@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (setting(certificate_request_context=b"\1"), Fault.ILLEGAL_PARAMETER),
        (unreadable, Fault.UNREADABLE_CERTIFICATE),
        (too_many, Fault.CHAIN_TOO_LONG),
        (in_leaf(RawExtension(0x1A1A)), Fault.UNSUPPORTED_EXTENSION),
        (in_leaf(RawExtension(ExtensionType.server_name)), Fault.MISPLACED_EXTENSION),
    ],
)
def test_a_certificate_that_cannot_be(role: Role, change: Change, fault: Fault) -> None:
    assert refused(*against(role, Certificate, change)) is fault


def test_timestamps_that_nobody_asked_a_client_for() -> None:
    change = in_leaf(SignedCertificateTimestamps(sct_list=[b"timestamp"]))
    assert refused(*against(Role.CLIENT, Certificate, change)) is Fault.UNSUPPORTED_EXTENSION


@pytest.mark.parametrize(
    ("request_form", "answer"),
    [
        (CertificateStatusRequest, CertificateStatus(response=b"staple")),
        (SignedCertificateTimestampRequest, SignedCertificateTimestamps(sct_list=[b"timestamp"])),
    ],
)
@sources_only
def test_a_staple_that_the_client_did_not_ask_for(
    monkeypatch: pytest.MonkeyPatch, request_form: type[ExtensionBody], answer: ExtensionBody
) -> None:
    """Our clients always ask: this one is made not to."""
    offered = Offer._extensions
    monkeypatch.setattr(
        Offer, "_extensions", lambda *args: [body for body in offered(*args) if not isinstance(body, request_form)]
    )
    server = meddling_server(replacing(Certificate, in_leaf(answer)))
    assert refused(ClientConnection(client_config(), server_name=NAME), server) is Fault.UNSUPPORTED_EXTENSION


@roles
@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (setting(signature=b""), Fault.BAD_SIGNATURE),
        (setting(signature=bytes(70)), Fault.BAD_SIGNATURE),
        (setting(algorithm=SignatureScheme.ed25519), Fault.WRONG_SIGNATURE_SCHEME),  # it does not fit the key
        (setting(algorithm=SignatureScheme.ecdsa_secp384r1_sha384), Fault.WRONG_SIGNATURE_SCHEME),
        (setting(algorithm=SignatureScheme.ecdsa_sha1), Fault.WRONG_SIGNATURE_SCHEME),  # it was not offered
        (setting(algorithm=SignatureScheme(0x0A0A)), Fault.WRONG_SIGNATURE_SCHEME),
    ],
)
def test_a_proof_that_proves_nothing(role: Role, change: Change, fault: Fault) -> None:
    assert refused(*against(role, CertificateVerify, change)) is fault


class Repeating:
    """A signer that signs something else."""

    def __init__(self, change: Callable[[bytes], bytes]) -> None:
        self._signer = credential("client.example").signer
        self._change = change

    def sign(self, scheme: SignatureScheme, data: bytes) -> bytes | Awaitable[bytes]:
        return self._signer.sign(scheme, self._change(data))


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[:-1],
        lambda data: data.replace(b"client", b"server"),  # a proof of one role is none of the other
        lambda data: data[64:],
    ],
)
def test_a_signature_over_something_else(change: Callable[[bytes], bytes]) -> None:
    client, server = both_ways()
    other = Credential(credential("client.example").chain, Repeating(change))
    assert refused(*connect(replace(client, credentials=(other,)), server)) is Fault.BAD_SIGNATURE


def test_pkcs1_signatures_are_not_for_tls_13() -> None:
    """Section 4.2.3: offered for certificates and for TLS 1.2, they prove nothing here."""
    key = rsa.generate_private_key(65537, 2048)
    own = Credential((certificate(NAME, names=(NAME,), key=key).der,), KeySigner(key))
    policy = replace(Policy.INTERMEDIATE, groups=POLICY.groups, key_share_groups=POLICY.key_share_groups)
    change = setting(algorithm=SignatureScheme.rsa_pkcs1_sha256)
    server = meddling_server(replacing(CertificateVerify, change), server_config(credentials=(own,)))
    client = ClientConnection(client_config(policy=policy), server_name=NAME)
    assert refused(client, server) is Fault.WRONG_SIGNATURE_SCHEME


def test_a_scheme_that_fits_but_was_not_offered() -> None:
    key = rsa.generate_private_key(65537, 2048)
    sha256, sha384 = SignatureScheme.rsa_pss_rsae_sha256, SignatureScheme.rsa_pss_rsae_sha384

    class Stubborn:
        def sign(self, scheme: SignatureScheme, data: bytes) -> bytes:
            return KeySigner(key).sign(sha384, data)

    own = Credential((certificate(NAME, names=(NAME,), key=key).der,), Stubborn())
    server = meddling_server(replacing(CertificateVerify, setting(algorithm=sha384)), server_config(credentials=(own,)))
    client = ClientConnection(client_config(policy=replace(POLICY, signature_schemes=(sha256,))), server_name=NAME)
    assert refused(client, server) is Fault.WRONG_SIGNATURE_SCHEME
    server = meddling_server(replacing(CertificateVerify, setting(algorithm=sha384)), server_config(credentials=(own,)))
    exchange(ClientConnection(client_config(), server_name=NAME), server)
    assert server.handshake_done


@roles
def test_a_key_that_is_not_for_signatures(role: Role) -> None:
    """Section 4.4.2.2: the certificate's keyUsage must allow it."""
    key = ec.generate_private_key(ec.SECP256R1())
    usage = key_usage("key_agreement")
    own = Credential((certificate("a", names=("a.example",), key=key, usage=usage).der,), KeySigner(key))
    client, server = both_ways()
    if role is Role.SERVER:
        server = replace(server, credentials=(own,))
    else:
        client = replace(client, credentials=(own,))
    assert refused(*connect(client, server)) is Fault.KEY_USAGE


def test_weak_keys_are_refused_unless_the_policy_takes_them() -> None:
    key = rsa.generate_private_key(65537, 1024)
    weak = Credential((certificate(NAME, names=(NAME,), key=key).der,), KeySigner(key))
    assert refused(*connect(server=server_config(credentials=(weak,)))) is Fault.WEAK_KEY
    shaken(client_config(policy=replace(POLICY, min_rsa_bits=1024)), server_config(credentials=(weak,)))


def test_the_proof_is_for_the_leaf_that_was_verified() -> None:
    """A verifier that was shown two certificates, and a proof by the key of the second."""
    stranger = certificate("stranger", key=ec.generate_private_key(ec.SECP256R1()))
    both = Credential((stranger.der, *credential().chain), credential().signer)
    assert refused(*connect(server=server_config(credentials=(both,)))) is Fault.BAD_SIGNATURE


# ------------------------------------------------------------------------------------------- verdicts


class Asked(DangerAcceptAnyCertificate):
    """Keeps what it was asked, and accepts it or not."""

    def __init__(self, error: ProtocolError | None = None) -> None:
        self.requests: list[VerificationRequest] = []
        self._error = error

    def verify(self, request: VerificationRequest) -> VerifiedChain:
        self.requests.append(request)
        if self._error is not None:
            raise self._error
        return super().verify(request)


def test_a_verifier_is_asked_for_the_server_by_its_name() -> None:
    verifier = Asked()
    client, _ = shaken(client_config(verifier=verifier))
    [request] = verifier.requests
    assert request.role is Role.SERVER
    assert request.server_name == NAME
    assert request.untrusted_chain == credential().chain
    assert request.min_rsa_bits == 2048
    assert request.now > 0
    assert client.negotiated is not None
    assert client.negotiated.peer is not None
    assert not client.negotiated.peer.trusted


def test_a_verifier_is_asked_for_the_client_without_a_name() -> None:
    verifier = Asked()
    client, server = both_ways()
    _, server_side = shaken(client, replace(server, verifier=verifier))
    [request] = verifier.requests
    assert request.role is Role.CLIENT
    assert request.server_name is None
    assert request.untrusted_chain == credential("client.example").chain
    assert server_side.negotiated is not None
    assert server_side.negotiated.peer is not None
    assert server_side.negotiated.peer.leaf.dns_names == ("client.example",)


@roles
def test_what_a_verifier_refuses_is_refused(role: Role) -> None:
    error = ProtocolError(Fault.UNTRUSTED, "by the test")
    client, server = both_ways()
    if role is Role.SERVER:
        client = replace(client, verifier=Asked(error))
    else:
        server = replace(server, verifier=Asked(error))
    assert refused(*connect(client, server)) is Fault.UNTRUSTED


def test_staple_and_timestamps_reach_the_verifier() -> None:
    verifier = Asked()
    timestamps = SignedCertificateTimestamps(sct_list=[b"one", b"two"]).encode()
    own = Credential(credential().chain, credential().signer, b"staple", timestamps)
    client, _ = shaken(client_config(verifier=verifier), server_config(credentials=(own,)))
    [request] = verifier.requests
    assert request.ocsp_response == b"staple"
    assert request.signed_certificate_timestamps == timestamps
    assert client.negotiated is not None
    assert client.negotiated.ocsp_response == b"staple"


def test_a_client_staples_too_if_asked() -> None:
    """RFC 8446, section 4.4.2.1: a server asks by an empty status_request."""
    verifier = Asked()
    client, server = both_ways()
    own = Credential(credential("client.example").chain, credential("client.example").signer, b"staple", b"\0\3\0\1x")
    _, side = shaken(replace(client, credentials=(own,)), replace(server, verifier=verifier))
    [request] = verifier.requests
    assert request.ocsp_response == b"staple"
    assert request.signed_certificate_timestamps is None
    assert side.negotiated is not None
    assert side.negotiated.ocsp_response == b"staple"


# ------------------------------------------------------------------------------------------- clients


def peers_of(client: ClientConfig, server: ServerConfig) -> VerifiedChain | None:
    _, side = shaken(client, server)
    assert side.negotiated is not None
    return side.negotiated.peer


def test_a_client_without_a_certificate() -> None:
    _, server = both_ways()
    assert refused(*connect(server=server)) is Fault.CERTIFICATE_REQUIRED
    assert peers_of(client_config(), replace(server, client_auth=ClientAuth.REQUEST)) is None


def test_a_client_is_only_asked_where_the_configuration_says() -> None:
    client, _ = both_ways()
    assert peers_of(client, server_config()) is None


def test_an_empty_answer_with_another_context() -> None:
    _, server = both_ways()
    client = meddling_client(replacing(Certificate, setting(certificate_request_context=b"\1")))
    assert refused(client, ServerConnection(replace(server, client_auth=ClientAuth.REQUEST))) is Fault.ILLEGAL_PARAMETER


class Naming(DangerAcceptAnyCertificate):
    """Trusts everybody, and says it trusts one authority."""

    def __init__(self, *authorities: bytes) -> None:
        self._authorities = authorities

    def certificate_authorities(self) -> tuple[bytes, ...]:
        return self._authorities


def test_a_client_prefers_the_certificate_that_the_server_can_verify() -> None:
    """Sections 4.2.4 and 4.4.2.3: lists of authorities are guidance, and often short."""
    root = authority("Some Root")
    key = ec.generate_private_key(ec.SECP256R1())
    issued = Credential((certificate("b", root, key=key).der,), KeySigner(key))
    client, server = both_ways()
    client = replace(client, credentials=(*client.credentials, issued))
    assert (chain := peers_of(client, server)) is not None
    assert chain.chain == credential("client.example").chain

    name = root.certificate.subject.public_bytes()
    assert (chain := peers_of(client, replace(server, verifier=Naming(name)))) is not None
    assert chain.chain == issued.chain
    strangers = replace(server, verifier=Naming(authority("Another").certificate.subject.public_bytes()))
    assert refused(*connect(client, strangers)) is Fault.CERTIFICATE_REQUIRED
    ignoring = replace(client, ignore_certificate_authorities=True)
    assert (chain := peers_of(ignoring, strangers)) is not None
    assert chain.chain == credential("client.example").chain


def test_a_client_shows_nothing_it_cannot_sign_for() -> None:
    client, server = both_ways()
    server = replace(server, policy=replace(POLICY, signature_schemes=(SignatureScheme.ecdsa_secp256r1_sha256,)))
    key = rsa.generate_private_key(65537, 2048)
    own = Credential((certificate("rsa", key=key).der,), KeySigner(key))
    assert refused(*connect(replace(client, credentials=(own,)), server)) is Fault.CERTIFICATE_REQUIRED


def test_what_a_certificate_request_holds_beyond_is_ignored() -> None:
    """Section 4.3.2: unrecognised extensions."""
    client, server = both_ways()
    change = adding(
        RawExtension(0x1A1A, b"x"), CertificateAuthorities(authorities=[*credential("client.example").issuers])
    )
    side = meddling_server(replacing(CertificateRequest, change), server)
    exchange(ClientConnection(client, server_name=NAME), side)
    assert side.handshake_done


def test_a_message_with_many_tiny_certificates_is_refused_before_any_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    def many(message: Certificate) -> Certificate:
        entries = [CertificateEntry(cert_data=b"\0", extensions=Extensions())] * 10_000
        return Certificate(certificate_list=entries)

    parsed: list[bytes] = []
    monkeypatch.setattr(keys.Leaf, "parse_untrusted", parsed.append)
    assert refused(*against(Role.SERVER, Certificate, many)) is Fault.CHAIN_TOO_LONG
    assert not parsed


def test_a_server_that_accepts_no_schemes_at_all() -> None:
    client, server = both_ways()
    change = adding(SignatureAlgorithms(supported_signature_algorithms=[SignatureScheme(0x1A1A)]))
    side = meddling_server(replacing(CertificateRequest, change), server)
    assert refused(ClientConnection(client, server_name=NAME), side) is Fault.CERTIFICATE_REQUIRED


def test_a_key_goes_with_its_credential() -> None:
    """A server that was given another certificate has no more use for the key of the first."""

    class Signer(KeySigner):
        """One that can be watched."""

    key = ec.generate_private_key(ec.SECP256R1())
    own = Credential((certificate(NAME, names=(NAME,), key=key).der,), Signer(key))
    watched = weakref.ref(own.signer)
    exchange(*connect(client_config(sessions=None), server_config(credentials=(own,))))
    del own
    gc.collect()
    assert watched() is None
