"""What each side tells the other about whom it trusts, and about the staple it wants."""

from __future__ import annotations

import pytest

from turtls.config import ClientAuth, ClientConfig, DangerAcceptAnyCertificate, ServerConfig
from turtls.connection import ClientConnection
from turtls.events import HandshakeMessageSeen, Trace
from turtls.handshake.server13 import certificate_request
from turtls.wire.extensions import CertificateAuthorities
from turtls.wire.messages import CertificateRequest


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
