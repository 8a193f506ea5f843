"""turtls' client against the servers that people use, in TLS 1.2 and before."""

from __future__ import annotations

from tests.interop import old, ours
from tests.interop.matrix import SERVERS, SERVERS12
from tests.interop.ours import agreed
from tests.interop.peers.base import Can, ServerPeer, payload
from tests.interop.pki import PKI
from tests.interop.stage import Stage
from turtls.wire.registries import CipherSuite

DATA = payload(1000)


@old.each_suite((peer, peer.server_exchanges) for peer in SERVERS12)
def test_each_key_exchange_in_each_version(stage: Stage, pki: PKI, peer: ServerPeer, version: str, suite: str) -> None:
    server = stage.server(peer, old.kind(suite), versions=(version, version), suite=suite, **old.wanted(suite))
    config = ours.client_config(pki, policy=old.policy(version, suite), **old.as_client())
    with ours.connect(server.port, config) as tls:
        assert server.exchange(tls, DATA) == DATA
        negotiated = agreed(tls)
    assert negotiated.version == old.VERSIONS[version]
    assert negotiated.cipher_suite == CipherSuite.by_name(suite)


@old.each_version(SERVERS)
def test_each_version_full_and_resumed(stage: Stage, pki: PKI, peer: ServerPeer, version: str) -> None:
    """The client offers everything up to that version."""
    server = stage.server(peer, "rsa", versions=(version, version))
    config = ours.client_config(pki, policy=old.policy(version))
    for resumed in (False, Can.RESUME in peer.server_can):
        with ours.connect(server.port, config) as tls:
            assert server.exchange(tls, DATA) == DATA
            assert agreed(tls).version == old.VERSIONS[version]
            assert agreed(tls).resumed == resumed


@old.each_version([peer for peer in SERVERS if Can.AUTHENTICATE in peer.server_can])
def test_client_certificate(stage: Stage, pki: PKI, peer: ServerPeer, version: str) -> None:
    server = stage.server(peer, "rsa", requires_client=True, versions=(version, version))
    for kind in ("rsa", "p256"):
        credentials = (ours.credential(pki.files(kind)),)
        config = ours.client_config(pki, policy=old.policy(version), credentials=credentials)
        with ours.connect(server.port, config) as tls:
            assert server.exchange(tls, DATA) == DATA
            assert agreed(tls).version == old.VERSIONS[version]


@old.each_version([peer for peer in SERVERS if Can.EXPORT in peer.server_can])
def test_exported_keying_material(stage: Stage, pki: PKI, peer: ServerPeer, version: str) -> None:
    server = stage.server(peer, "rsa", versions=(version, version))
    config = ours.client_config(pki, policy=old.policy(version))
    with ours.connect(server.port, config) as tls:
        assert server.exchange(tls, DATA) == DATA
        exported = tls.export_keying_material("EXPORTER-turtls", b"tests", 32).hex()
    server.process.wait_until(lambda: server.process.said(f"exported: {exported}"), "the same from the server")
