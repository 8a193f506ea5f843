"""turtls' server against the clients that people use."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

import turtls
from tests.interop import old, ours
from tests.interop.matrix import CLIENTS, SCHEMES, clients_that, each, kind_for, schemes
from tests.interop.ours import agreed
from tests.interop.peers.base import PSK_IDENTITY, Can, ClientPeer, payload
from tests.interop.pki import PKI
from tests.interop.processes import PeerTimeout
from tests.interop.stage import Stage
from turtls.config import ClientAuth, ServerConfig
from turtls.errors import Fault
from turtls.io.tlssocket import TLSSocket
from turtls.wire.registries import CipherSuite, HandshakeType, NamedGroup, ProtocolVersion, SignatureScheme

DATA = payload(1000)


@each(CLIENTS, "suite", lambda peer: peer.cipher_suites)
def test_cipher_suite(stage: Stage, pki: PKI, peer: ClientPeer, suite: str) -> None:
    config = ours.server_config(pki, policy=ours.policy(suites=(suite,)))
    with ours.listening(config, peer.application) as server:
        with stage.client(peer, server.port) as client:
            assert client.exchange(DATA) == DATA
        negotiated = agreed(server.visit())
    assert negotiated.version == ProtocolVersion.TLS_1_3
    assert negotiated.cipher_suite == CipherSuite.by_name(suite)


@each(CLIENTS, "group", lambda peer: peer.groups)
def test_group(stage: Stage, pki: PKI, peer: ClientPeer, group: str) -> None:
    """Where the client has sent no key share for it, this costs a HelloRetryRequest."""
    config = ours.server_config(pki, policy=ours.policy(groups=(group,)))
    with ours.listening(config, peer.application) as server:
        with stage.client(peer, server.port) as client:
            assert client.exchange(DATA) == DATA
        assert agreed(server.visit()).group == NamedGroup.by_name(group)


@each(CLIENTS, "group", lambda peer: [group for group in ("secp521r1", "SecP384r1MLKEM1024") if group in peer.groups])
def test_hello_retry_request(stage: Stage, pki: PKI, peer: ClientPeer, group: str) -> None:
    config = ours.server_config(pki, policy=ours.policy(groups=(group,)))
    with ours.listening(config, peer.application) as server:
        with stage.client(peer, server.port) as client:
            assert client.exchange(DATA) == DATA
        negotiated = agreed(server.visit())
    assert negotiated.group == NamedGroup.by_name(group)
    assert negotiated.hello_retry


@each([peer for peer in CLIENTS if "PSK" in peer.client_exchanges], "group", lambda peer: ("x25519", "secp521r1"))
def test_pre_shared_key(stage: Stage, peer: ClientPeer, group: str) -> None:
    """The server has nothing else to be known by. SHA-256 is the hash of these keys."""
    policy = ours.policy(suites=("TLS_AES_128_GCM_SHA256",), groups=(group,))
    config = ServerConfig(policy=policy, psks=old.as_server()["psks"])
    with ours.listening(config, peer.application) as server:
        with stage.client(peer, server.port, psk=old.PSK, trust=None) as client:
            assert client.exchange(DATA) == DATA
        negotiated = agreed(server.visit())
    assert negotiated.psk_identity == PSK_IDENTITY.encode()
    assert negotiated.peer is None


@each(CLIENTS, "scheme", schemes)
def test_signature_scheme(stage: Stage, pki: PKI, peer: ClientPeer, scheme: str) -> None:
    config = ours.server_config(pki, kind_for(scheme), policy=ours.policy(schemes=(scheme,)))
    with ours.listening(config, peer.application) as server:
        with stage.client(peer, server.port) as client:
            assert client.exchange(DATA) == DATA
        assert agreed(server.visit()).version == ProtocolVersion.TLS_1_3


@clients_that(Can.RESUME)
def test_resumption(stage: Stage, pki: PKI, peer: ClientPeer) -> None:
    with ours.listening(ours.server_config(pki), peer.application) as server:
        with stage.client(peer, server.port, resume=True) as client:
            assert client.exchange(DATA) == DATA
            client.close()
        assert [agreed(visit).resumed for visit in server.visits(2)] == [False, True]


@each([peer for peer in CLIENTS if Can.AUTHENTICATE in peer.client_can], "kind", lambda peer: peer.certificates)
def test_client_certificate(stage: Stage, pki: PKI, peer: ClientPeer, kind: str) -> None:
    files = pki.files(kind)
    with ours.listening(ours.server_config(pki, requires_client=True), peer.application) as server:
        with stage.client(peer, server.port, credential=files) as client:
            assert client.exchange(DATA) == DATA
        negotiated = agreed(server.visit())
    assert ours.shown(negotiated) == ours.credential(files).chain[0]
    assert negotiated.signature_scheme in [SignatureScheme.by_name(name) for name in SCHEMES[kind]]


@clients_that(Can.AUTHENTICATE)
def test_no_client_certificate_is_refused(stage: Stage, pki: PKI, peer: ClientPeer) -> None:
    with ours.listening(ours.server_config(pki, requires_client=True), peer.application) as server:
        error = refused(stage, peer, server)
    assert isinstance(error, turtls.ProtocolError)
    assert error.fault == Fault.CERTIFICATE_REQUIRED


@clients_that(Can.AUTHENTICATE)
def test_a_strangers_client_certificate_is_refused(stage: Stage, pki: PKI, peer: ClientPeer) -> None:
    """Some don't even show it, as it is from none of the authorities that the server names."""
    with ours.listening(ours.server_config(pki, requires_client=True), peer.application) as server:
        error = refused(stage, peer, server, credential=pki.files(trusted=False))
    assert isinstance(error, turtls.ProtocolError)
    assert error.fault in (Fault.UNTRUSTED, Fault.CERTIFICATE_REQUIRED)


@clients_that(Can.AUTHENTICATE_LATER)
def test_client_certificate_after_the_handshake(stage: Stage, pki: PKI, peer: ClientPeer) -> None:
    def application(tls: TLSSocket) -> None:
        tls.request_client_certificate()
        peer.application(tls)

    config = replace(ours.server_config(pki, requires_client=True), client_auth=ClientAuth.NONE)
    files = pki.files("rsa")
    with ours.listening(config, application) as server:
        with stage.client(peer, server.port, credential=files, authenticate_later=True) as client:
            assert client.exchange(DATA) == DATA
        visit = server.visit()
    assert visit.witness.received[-3:] == [
        HandshakeType.certificate,
        HandshakeType.certificate_verify,
        HandshakeType.finished,
    ]
    assert ours.shown(agreed(visit)) == ours.credential(files).chain[0]


@clients_that(Can.ALPN)
def test_application_protocol(stage: Stage, pki: PKI, peer: ClientPeer) -> None:
    with ours.listening(ours.server_config(pki, alpn=("turtls/1", "http/1.1")), peer.application) as server:
        with stage.client(peer, server.port, alpn=("http/1.1",)) as client:
            assert client.exchange(DATA) == DATA
        assert agreed(server.visit()).alpn == "http/1.1"


@clients_that(Can.CONVERSE)
def test_our_key_update(stage: Stage, pki: PKI, peer: ClientPeer) -> None:
    def application(tls: TLSSocket) -> None:
        tls.update_keys(request_peer=True)
        peer.application(tls)

    with ours.listening(ours.server_config(pki), application) as server:
        with stage.client(peer, server.port) as client:
            for _ in range(2):  # the client may send once before it sees the KeyUpdate
                assert client.exchange(DATA) == DATA
        visit = server.visit()
    assert HandshakeType.key_update in visit.witness.received


@clients_that(Can.UPDATE_KEYS)
def test_their_key_update(stage: Stage, pki: PKI, peer: ClientPeer) -> None:
    with ours.listening(ours.server_config(pki), peer.application) as server:
        with stage.client(peer, server.port, update_keys=True) as client:
            for _ in range(3):
                assert client.exchange(DATA) == DATA
        visit = server.visit()
    assert visit.witness.received.count(HandshakeType.key_update) >= 3
    assert visit.witness.sent.count(HandshakeType.key_update) >= 2


@clients_that(Can.STREAM)
def test_a_million_bytes_both_ways(stage: Stage, pki: PKI, peer: ClientPeer) -> None:
    data = payload(1 << 20)
    with ours.listening(ours.server_config(pki), peer.application) as server:
        with stage.client(peer, server.port) as client:
            assert client.exchange(data) == data


@clients_that(Can.SET_RECORD_LIMIT)
def test_their_record_size_limit(stage: Stage, pki: PKI, peer: ClientPeer) -> None:
    """A larger record than the limit allows would end the connection there."""
    data = payload(9000)
    with ours.listening(ours.server_config(pki), peer.application) as server:
        with stage.client(peer, server.port, record_limit=1000) as client:
            assert client.exchange(data) == data


@clients_that(Can.KEEP_RECORD_LIMIT)
def test_our_record_size_limit(stage: Stage, pki: PKI, peer: ClientPeer) -> None:
    """A larger record than the limit allows would end the connection here."""
    data = payload(9000)
    with ours.listening(ours.server_config(pki, record_size_limit=1000), peer.application) as server:
        with stage.client(peer, server.port) as client:
            assert client.exchange(data) == data


@clients_that(Can.EXPORT)
def test_exported_keying_material(stage: Stage, pki: PKI, peer: ClientPeer) -> None:
    exported = []

    def application(tls: TLSSocket) -> None:
        exported.append(tls.export_keying_material("EXPORTER-turtls", b"tests", 32).hex())
        peer.application(tls)

    with ours.listening(ours.server_config(pki), application) as server:
        with stage.client(peer, server.port) as client:
            assert client.exchange(DATA) == DATA
            client.wait_until_said(f"exported: {exported[0]}")


@clients_that(Can.CLOSE)
def test_goodbye(stage: Stage, pki: PKI, peer: ClientPeer) -> None:
    """Each side says close_notify, and the client is content."""
    with ours.listening(ours.server_config(pki), peer.application) as server:
        with stage.client(peer, server.port) as client:
            assert client.exchange(DATA) == DATA
            assert client.close() == 0
        assert server.visit().error is None


@clients_that(Can.VERIFY_NAME)
def test_a_wrong_name_is_refused_by_them(stage: Stage, pki: PKI, peer: ClientPeer) -> None:
    config = ours.server_config(pki, credentials=(ours.credential(pki.files(host="elsewhere.test")),))
    with ours.listening(config, peer.application) as server:
        refused(stage, peer, server)


@clients_that(Can.VERIFY)
def test_an_unknown_authority_is_refused_by_them(stage: Stage, pki: PKI, peer: ClientPeer) -> None:
    config = ours.server_config(pki, credentials=(ours.credential(pki.files(trusted=False)),))
    with ours.listening(config, peer.application) as server:
        assert isinstance(refused(stage, peer, server), (turtls.PeerAlert, turtls.TruncatedError))


@clients_that()
def test_an_old_version_is_refused(stage: Stage, pki: PKI, peer: ClientPeer) -> None:
    with ours.listening(ours.server_config(pki, policy=ours.policy()), peer.application) as server:
        error = refused(stage, peer, server, versions=("1.2", "1.2"))
    assert isinstance(error, turtls.ProtocolError)
    assert error.fault == Fault.UNSUPPORTED_PROTOCOL


def refused(stage: Stage, peer: ClientPeer, server: ours.Listening, **settings: Any) -> Exception | None:
    """What ended a connection over which the client got nothing, and with which it was not content."""
    with stage.client(peer, server.port, **settings) as client:
        with suppress(PeerTimeout):
            assert client.exchange(DATA) == b""
        assert client.close() != 0
    return server.visit().error
