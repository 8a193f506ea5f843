"""The peers among themselves: what fails here is not turtls' doing."""

from __future__ import annotations

import pytest

from tests.interop.matrix import CLIENTS, SERVERS
from tests.interop.peers.base import ClientPeer, ServerPeer, echo, payload
from tests.interop.peers.nss import NSS
from tests.interop.peers.openssl import OpenSSL
from tests.interop.stage import Stage


@pytest.mark.parametrize("peer", [peer for peer in SERVERS if not isinstance(peer, NSS)], ids=str)
def test_openssl_meets_the_server(stage: Stage, peer: ServerPeer) -> None:
    server = stage.server(peer)
    with stage.client(OpenSSL(), server.port) as client:
        assert client.exchange(payload(1000)) == payload(1000)
        assert client.close() == 0


@pytest.mark.parametrize("peer", [peer for peer in CLIENTS if peer.application is echo], ids=str)
def test_openssl_meets_the_client(stage: Stage, peer: ClientPeer) -> None:
    server = stage.server(OpenSSL())
    with stage.client(peer, server.port) as client:
        assert client.exchange(payload(1000)) == payload(1000)
