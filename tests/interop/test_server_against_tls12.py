"""turtls' server against the clients that people use, in TLS 1.2 and before."""

from __future__ import annotations

from typing import Any

from tests.interop import old, ours
from tests.interop.matrix import CLIENTS, CLIENTS12
from tests.interop.ours import agreed
from tests.interop.peers.base import Can, ClientPeer, payload
from tests.interop.pki import PKI
from tests.interop.stage import Stage
from turtls.io.tlssocket import TLSSocket
from turtls.wire.registries import CipherSuite

DATA = payload(1000)


@old.each_suite((peer, peer.client_exchanges) for peer in CLIENTS12)
def test_each_key_exchange_in_each_version(stage: Stage, pki: PKI, peer: ClientPeer, version: str, suite: str) -> None:
    config = ours.server_config(pki, old.kind(suite), policy=old.policy(version, suite), **old.as_server())
    with ours.listening(config, peer.application) as server:
        wanted: dict[str, Any] = {"versions": (version, version), "suite": suite, **old.wanted(suite)}
        with stage.client(peer, server.port, **wanted) as client:
            assert client.exchange(DATA) == DATA
        negotiated = agreed(server.visit())
    assert negotiated.version == old.VERSIONS[version]
    assert negotiated.cipher_suite == CipherSuite.by_name(suite)


@old.each_version([peer for peer in CLIENTS if Can.RESUME in peer.client_can])
def test_each_version_full_and_resumed(stage: Stage, pki: PKI, peer: ClientPeer, version: str) -> None:
    config = ours.server_config(pki, "rsa", policy=old.policy(version))
    with ours.listening(config, peer.application) as server:
        with stage.client(peer, server.port, versions=(version, version), resume=True) as client:
            assert client.exchange(DATA) == DATA
            client.close()
        negotiated = [agreed(visit) for visit in server.visits(2)]
    assert [each.version for each in negotiated] == [old.VERSIONS[version]] * 2
    assert [each.resumed for each in negotiated] == [False, True]


# Go's client knows tickets only.
@old.each_version([peer for peer in CLIENTS if Can.RESUME in peer.client_can and peer.name != "go"])
def test_a_session_id_does_where_there_are_no_tickets(stage: Stage, pki: PKI, peer: ClientPeer, version: str) -> None:
    config = ours.server_config(pki, "rsa", policy=old.policy(version), tickets=None)
    with ours.listening(config, peer.application) as server:
        with stage.client(peer, server.port, versions=(version, version), resume=True) as client:
            assert client.exchange(DATA) == DATA
            client.close()
        assert [agreed(visit).resumed for visit in server.visits(2)] == [False, True]


@old.each_version([peer for peer in CLIENTS if Can.AUTHENTICATE in peer.client_can])
def test_client_certificate(stage: Stage, pki: PKI, peer: ClientPeer, version: str) -> None:
    files = pki.files("rsa")
    config = ours.server_config(pki, "rsa", policy=old.policy(version), requires_client=True)
    with ours.listening(config, peer.application) as server:
        with stage.client(peer, server.port, versions=(version, version), credential=files) as client:
            assert client.exchange(DATA) == DATA
        negotiated = agreed(server.visit())
    assert negotiated.version == old.VERSIONS[version]
    assert ours.shown(negotiated) == ours.credential(files).chain[0]


@old.each_version([peer for peer in CLIENTS if Can.EXPORT in peer.client_can])
def test_exported_keying_material(stage: Stage, pki: PKI, peer: ClientPeer, version: str) -> None:
    exported = []

    def application(tls: TLSSocket) -> None:
        exported.append(tls.export_keying_material("EXPORTER-turtls", b"tests", 32).hex())
        peer.application(tls)

    config = ours.server_config(pki, "rsa", policy=old.policy(version))
    with ours.listening(config, application) as server:
        with stage.client(peer, server.port, versions=(version, version)) as client:
            assert client.exchange(DATA) == DATA
            client.wait_until_said(f"exported: {exported[0]}")
