"""What each side tells the other about whom it trusts, and about the staple it wants."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.handshake.parties import exchange
from tests.handshake.test_tls12 import client_config, credentials, server_config
from tests.pki.chains import authority, certificate
from turtls.config import ClientAuth, ClientConfig, Credential, DangerAcceptAnyCertificate, Policy, ServerConfig
from turtls.connection import ClientConnection, ServerConnection
from turtls.crypto.signatures import KeySigner
from turtls.events import HandshakeMessageSeen, Trace
from turtls.handshake.server13 import certificate_request
from turtls.wire.extensions import CertificateAuthorities
from turtls.wire.messages import CertificateRequest
from turtls.wire.registries import ProtocolVersion


class TrustingOne(DangerAcceptAnyCertificate):
    """A verifier with an authority to name."""

    def certificate_authorities(self) -> tuple[bytes, ...]:
        return (b"\x30\x00",)


@pytest.mark.parametrize("told", [False, True])
def test_a_client_names_its_authorities_only_if_told_to(told: bool) -> None:
    """NSS ends a handshake whose ClientHello has certificate_authorities."""
    seen: list[Trace] = []
    config = ClientConfig(verifier=TrustingOne(), send_certificate_authorities=told)
    ClientConnection(config, server_name="localhost", observer=seen.append).data_to_send()
    hellos = [trace.message for trace in seen if isinstance(trace, HandshakeMessageSeen)]
    assert [CertificateAuthorities in hello.extensions for hello in hellos] == [told]


def test_a_server_names_its_authorities_and_asks_for_a_staple_by_an_empty_extension() -> None:
    """RFC 8446, section 4.4.2.1: so Go and GnuTLS do it too."""
    request = certificate_request(ServerConfig(client_auth=ClientAuth.REQUIRE, verifier=TrustingOne()))
    assert request.extensions.require(CertificateAuthorities).authorities == [b"\x30\x00"]
    encoded = request.to_bytes()
    assert bytes.fromhex("0005 0000") in encoded
    assert CertificateRequest.from_bytes(encoded) == request


@dataclass
class Listing(DangerAcceptAnyCertificate):
    """A verifier that names authorities."""

    authorities: tuple[bytes, ...]

    def certificate_authorities(self) -> tuple[bytes, ...]:
        return self.authorities


@cache
def issued_by_root() -> tuple[Credential, bytes]:
    """A client's credential, and the name of the authority that issued it."""
    root, key = authority("Root of the clients"), ec.generate_private_key(ec.SECP256R1())
    chain = (certificate("client", root, key=key).der,)
    return Credential(chain, KeySigner(key)), root.certificate.subject.public_bytes()


def shown(version: ProtocolVersion, listed: tuple[bytes, ...], *, ignores_list: bool) -> Credential | None:
    """Which of its two credentials a client shows to a server that lists these authorities."""
    policy = replace(Policy.LEGACY, versions=(version,))
    own, (issued, _) = credentials()[0], issued_by_root()
    client = ClientConnection(
        client_config(policy, credentials=(own, issued), ignore_certificate_authorities=ignores_list), server_name=None
    )
    server = ServerConnection(server_config(policy, client_auth=ClientAuth.REQUEST, verifier=Listing(listed)))
    exchange(client, server)
    assert server.negotiated is not None
    peer = server.negotiated.peer
    return next((each for each in (own, issued) if peer is not None and each.chain[0] == peer.chain[0]), None)


VERSIONS = pytest.mark.parametrize(
    "version",
    [ProtocolVersion.TLS_1_3, ProtocolVersion.TLS_1_2, ProtocolVersion.TLS_1_1],
    ids=lambda version: version.name,
)


@VERSIONS
def test_a_client_shows_what_the_server_asks_for_and_nothing_else(version: ProtocolVersion) -> None:
    """RFC 8446, section 4.4.2.3; RFC 5246, section 7.4.6. No list asks for any certificate."""
    own, (issued, name) = credentials()[0], issued_by_root()
    assert shown(version, (), ignores_list=False) is own
    assert shown(version, (b"\x30\x00", name), ignores_list=False) is issued
    assert shown(version, (b"\x30\x00",), ignores_list=False) is None


@VERSIONS
def test_a_client_may_be_told_to_ignore_the_list_but_still_prefers_what_is_on_it(version: ProtocolVersion) -> None:
    own, (issued, name) = credentials()[0], issued_by_root()
    assert shown(version, (name,), ignores_list=True) is issued
    assert shown(version, (b"\x30\x00",), ignores_list=True) is own
