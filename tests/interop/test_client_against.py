"""turtls' client against the servers that people use."""

from __future__ import annotations

import socket
from typing import Any

import pytest

import turtls
from tests.interop import old, ours
from tests.interop.matrix import SERVERS, each, kind_for, schemes, servers_that
from tests.interop.ours import agreed
from tests.interop.peers.base import PSK_IDENTITY, Can, ServerPeer, payload
from tests.interop.pki import PKI
from tests.interop.stage import Stage
from turtls.config import ClientConfig
from turtls.errors import AlertDescription, Fault
from turtls.wire.registries import CipherSuite, HandshakeType, NamedGroup, ProtocolVersion, SignatureScheme

DATA = payload(1000)
CHAIN_SCHEME = "ecdsa_secp256r1_sha256"
"""What the tests' authority signs with."""
REFUSED = {
    AlertDescription.ACCESS_DENIED,
    AlertDescription.CERTIFICATE_REQUIRED,
    AlertDescription.BAD_CERTIFICATE,
    AlertDescription.CERTIFICATE_UNKNOWN,
    AlertDescription.UNKNOWN_CA,
}
"""What a server may say to a client's certificate, or to its absence."""


@each(SERVERS, "suite", lambda peer: peer.cipher_suites)
def test_cipher_suite(stage: Stage, pki: PKI, peer: ServerPeer, suite: str) -> None:
    server = stage.server(peer)
    config = ours.client_config(pki, policy=ours.policy(suites=(suite,)))
    with ours.connect(server.port, config) as tls:
        assert server.exchange(tls, DATA) == DATA
        assert agreed(tls).version == ProtocolVersion.TLS_1_3
        assert agreed(tls).cipher_suite == CipherSuite.by_name(suite)


@each(SERVERS, "group", lambda peer: peer.groups)
def test_group(stage: Stage, pki: PKI, peer: ServerPeer, group: str) -> None:
    server = stage.server(peer)
    config = ours.client_config(pki, policy=ours.policy(groups=(group,)))
    with ours.connect(server.port, config) as tls:
        assert server.exchange(tls, DATA) == DATA
        assert agreed(tls).group == NamedGroup.by_name(group)
        assert not agreed(tls).hello_retry


@each([peer for peer in SERVERS if "PSK" in peer.server_exchanges], "group", lambda peer: ("x25519", "secp384r1"))
def test_pre_shared_key(stage: Stage, peer: ServerPeer, group: str) -> None:
    """The client has nothing else to know the server by. A ticket takes the place of the key."""
    server = stage.server(peer, psk=old.PSK, groups=(group,))
    policy = ours.policy(suites=("TLS_AES_128_GCM_SHA256",), groups=("x25519", "secp384r1"), shares=("x25519",))
    config = ClientConfig(policy=policy, psks=old.as_client()["psks"])
    for resumed in (False, Can.RESUME in peer.server_can):
        with ours.connect(server.port, config) as tls:
            assert server.exchange(tls, DATA) == DATA
            negotiated = agreed(tls)
        assert negotiated.psk_identity == PSK_IDENTITY.encode()
        assert negotiated.peer is None
        assert negotiated.resumed is resumed
        assert negotiated.hello_retry is (group != "x25519")


@each(
    [peer for peer in SERVERS if Can.RESTRICT_GROUPS in peer.server_can],
    "group",
    lambda peer: [group for group in ("secp384r1", "X25519MLKEM768") if group in peer.groups],
)
def test_hello_retry_request(stage: Stage, pki: PKI, peer: ServerPeer, group: str) -> None:
    server = stage.server(peer, groups=(group,))
    config = ours.client_config(pki, policy=ours.policy(groups=("x25519", group), shares=("x25519",)))
    witness = ours.Witness()
    with ours.connect(server.port, config, observer=witness) as tls:
        assert server.exchange(tls, DATA) == DATA
        assert agreed(tls).group == NamedGroup.by_name(group)
        assert agreed(tls).hello_retry
    assert witness.cookies == (Can.COOKIE in peer.server_can)


@each(SERVERS, "scheme", schemes)
def test_signature_scheme(stage: Stage, pki: PKI, peer: ServerPeer, scheme: str) -> None:
    server = stage.server(peer, kind_for(scheme))
    config = ours.client_config(pki, policy=ours.policy(schemes=(scheme, CHAIN_SCHEME)))
    with ours.connect(server.port, config) as tls:
        assert server.exchange(tls, DATA) == DATA
        assert agreed(tls).signature_scheme == SignatureScheme.by_name(scheme)


@servers_that(Can.RESUME)
def test_resumption(stage: Stage, pki: PKI, peer: ServerPeer) -> None:
    server = stage.server(peer)
    config = ours.client_config(pki)
    for resumed in (False, True, True):
        with ours.connect(server.port, config) as tls:
            assert server.exchange(tls, DATA) == DATA
            assert agreed(tls).resumed is resumed
            assert agreed(tls).peer is not None


@each([peer for peer in SERVERS if Can.AUTHENTICATE in peer.server_can], "kind", lambda peer: peer.certificates)
def test_client_certificate(stage: Stage, pki: PKI, peer: ServerPeer, kind: str) -> None:
    server = stage.server(peer, requires_client=True)
    config = ours.client_config(pki, credentials=(ours.credential(pki.files(kind)),))
    with ours.connect(server.port, config) as tls:
        assert server.exchange(tls, DATA) == DATA


@servers_that(Can.AUTHENTICATE, Can.VERIFY)
def test_no_client_certificate_is_refused(stage: Stage, pki: PKI, peer: ServerPeer) -> None:
    server = stage.server(peer, requires_client=True)
    with pytest.raises(turtls.PeerAlert) as refused, ours.connect(server.port, ours.client_config(pki)) as tls:
        server.exchange(tls, DATA)
    assert refused.value.alert in REFUSED


@servers_that(Can.AUTHENTICATE, Can.VERIFY)
def test_a_strangers_client_certificate_is_refused(stage: Stage, pki: PKI, peer: ServerPeer) -> None:
    """It is only shown to servers that list its issuer, or where the client is told to show it all the same."""
    server = stage.server(peer, requires_client=True)
    stranger = (ours.credential(pki.files(trusted=False)),)
    config = ours.client_config(pki, credentials=stranger, ignore_certificate_authorities=True)
    witness = ours.Witness()
    # Node looks at the certificate when the handshake is done, and then hangs up without an alert.
    ends: Any = (turtls.TruncatedError, ConnectionError) if peer.name == "node" else turtls.PeerAlert
    with pytest.raises(ends) as refused:
        with ours.connect(server.port, config, observer=witness) as tls:
            server.exchange(tls, DATA)
    assert HandshakeType.certificate_verify in witness.sent
    assert not isinstance(refused.value, turtls.PeerAlert) or refused.value.alert in REFUSED


@servers_that(Can.AUTHENTICATE, Can.VERIFY)
def test_a_certificate_of_another_authority_is_not_shown(stage: Stage, pki: PKI, peer: ServerPeer) -> None:
    """Every one of these servers lists its authorities."""
    server = stage.server(peer, requires_client=True)
    config = ours.client_config(pki, credentials=(ours.credential(pki.files(trusted=False)),))
    witness = ours.Witness()
    with pytest.raises(turtls.PeerAlert) as refused, ours.connect(server.port, config, observer=witness) as tls:
        server.exchange(tls, DATA)
    assert HandshakeType.certificate_verify not in witness.sent
    assert refused.value.alert in REFUSED


@servers_that(Can.AUTHENTICATE_LATER)
def test_client_certificate_after_the_handshake(stage: Stage, pki: PKI, peer: ServerPeer) -> None:
    server = stage.server(peer, requires_client=True, authenticate_later=True)
    witness = ours.Witness()
    config = ours.client_config(pki, credentials=(ours.credential(pki.files("rsa")),), post_handshake_auth=True)
    with ours.connect(server.port, config, observer=witness) as tls:
        assert HandshakeType.certificate_request not in witness.received
        assert server.exchange(tls, DATA) == DATA
        assert HandshakeType.certificate_request in witness.received
        assert witness.sent[-3:] == [
            HandshakeType.certificate,
            HandshakeType.certificate_verify,
            HandshakeType.finished,
        ]


@servers_that(Can.ALPN)
def test_application_protocol(stage: Stage, pki: PKI, peer: ServerPeer) -> None:
    server = stage.server(peer, alpn=("http/1.1",))
    with ours.connect(server.port, ours.client_config(pki, alpn=("turtls/1", "http/1.1"))) as tls:
        assert server.exchange(tls, DATA) == DATA
        assert agreed(tls).alpn == "http/1.1"


@servers_that()
def test_our_key_update(stage: Stage, pki: PKI, peer: ServerPeer) -> None:
    server = stage.server(peer)
    witness = ours.Witness()
    with ours.connect(server.port, ours.client_config(pki), observer=witness) as tls:
        tls.update_keys(request_peer=True)
        assert server.exchange(tls, DATA) == DATA
        assert HandshakeType.key_update in witness.received


@servers_that(Can.UPDATE_KEYS)
def test_their_key_update(stage: Stage, pki: PKI, peer: ServerPeer) -> None:
    server = stage.server(peer, update_keys=True)
    witness = ours.Witness()
    with ours.connect(server.port, ours.client_config(pki), observer=witness) as tls:
        for _ in range(3):
            assert server.exchange(tls, DATA) == DATA
        assert witness.received.count(HandshakeType.key_update) >= 3
        assert witness.sent.count(HandshakeType.key_update) >= 2


@servers_that(Can.STREAM)
def test_a_million_bytes_both_ways(stage: Stage, pki: PKI, peer: ServerPeer) -> None:
    server = stage.server(peer)
    data = payload(1 << 20)
    with ours.connect(server.port, ours.client_config(pki)) as tls:
        assert server.exchange(tls, data) == data


@servers_that(Can.SET_RECORD_LIMIT)
def test_their_record_size_limit(stage: Stage, pki: PKI, peer: ServerPeer) -> None:
    """A larger record than the limit allows would end the connection there."""
    server = stage.server(peer, record_limit=1000)
    data = payload(9000)
    with ours.connect(server.port, ours.client_config(pki, record_size_limit=2**14)) as tls:
        assert server.exchange(tls, data) == data


@servers_that(Can.KEEP_RECORD_LIMIT)
def test_our_record_size_limit(stage: Stage, pki: PKI, peer: ServerPeer) -> None:
    """A larger record than the limit allows would end the connection here."""
    server = stage.server(peer)
    data = payload(9000)
    with ours.connect(server.port, ours.client_config(pki, record_size_limit=1000)) as tls:
        assert server.exchange(tls, data) == data


@servers_that(Can.EXPORT)
def test_exported_keying_material(stage: Stage, pki: PKI, peer: ServerPeer) -> None:
    server = stage.server(peer)
    with ours.connect(server.port, ours.client_config(pki)) as tls:
        assert server.exchange(tls, DATA) == DATA
        exported = tls.export_keying_material("EXPORTER-turtls", b"tests", 32).hex()
    server.process.wait_until(lambda: server.process.said(f"exported: {exported}"), "the same from the server")


@servers_that(Can.CLOSE)
def test_goodbye(stage: Stage, pki: PKI, peer: ServerPeer) -> None:
    """Each side says close_notify: no end of the data is taken for one that an attacker could have made."""
    server = stage.server(peer)
    with ours.connect(server.port, ours.client_config(pki)) as tls:
        assert server.exchange(tls, DATA) == DATA
        tls.shutdown(socket.SHUT_WR)
        assert tls.recv(1) == b""


@servers_that()
def test_a_wrong_name_is_refused(stage: Stage, pki: PKI, peer: ServerPeer) -> None:
    server = stage.server(peer)
    with pytest.raises(turtls.CertificateError) as refused:
        ours.connect(server.port, ours.client_config(pki), server_name="elsewhere.test")
    assert refused.value.fault == Fault.WRONG_NAME


@servers_that()
def test_an_unknown_authority_is_refused(stage: Stage, pki: PKI, peer: ServerPeer) -> None:
    server = stage.server(peer)
    config = ours.client_config(pki, verifier=turtls.PrivateVerifier(turtls.TrustStore.from_file(pki.stranger.root)))
    with pytest.raises(turtls.CertificateError) as refused:
        ours.connect(server.port, config)
    assert refused.value.fault == Fault.UNTRUSTED


@servers_that()
def test_an_old_version_is_refused(stage: Stage, pki: PKI, peer: ServerPeer) -> None:
    server = stage.server(peer, versions=("1.2", "1.2"))
    with pytest.raises(turtls.PeerAlert) as refused:
        ours.connect(server.port, ours.client_config(pki, policy=ours.policy()))
    assert refused.value.alert in (AlertDescription.PROTOCOL_VERSION, AlertDescription.HANDSHAKE_FAILURE)
