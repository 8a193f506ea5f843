"""Where a test meets its peers: starts them, keeps what can be shared, ends them all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.interop.peers.base import Client, ClientPeer, Peer, Server, ServerPeer, Settings
from tests.interop.pki import PKI


class Stage:
    """Starts peers. A server stays for all tests that want the same of it; a client is for one test alone."""

    def __init__(self, pki: PKI) -> None:
        self.pki = pki
        self.logs: list[Server | Client] = []
        """Whoever the test at hand has to do with."""
        self._servers: dict[tuple[ServerPeer, Settings], Server] = {}

    def server(self, peer: ServerPeer, kind: str = "p256", *, requires_client: bool = False, **wanted: Any) -> Server:
        """A server with a certificate of that kind, which checks its clients' if it `requires_client`s to have one."""
        require(peer)
        trust = self.pki.authority.root if requires_client else None
        settings = Settings(credential=self.pki.files(kind), trust=trust, **wanted)
        server = self._servers.get((peer, settings))
        if server is None or server.process.ended:
            server = self._servers[peer, settings] = peer.serve(settings)
        self.logs.append(server)
        return server

    @contextmanager
    def client(self, peer: ClientPeer, port: int, **wanted: Any) -> Iterator[Client]:
        """A client that trusts the tests' authority, if nothing else is `wanted`."""
        require(peer)
        client = peer.connect(port, Settings(**{"trust": self.pki.authority.root} | wanted))
        self.logs.append(client)
        try:
            yield client
        finally:
            client.stop()

    def close(self) -> None:
        """End every server."""
        for server in self._servers.values():
            server.process.ask_to_end()
        for server in self._servers.values():
            server.process.stop()


def require(peer: Peer) -> None:
    """Skip the test where the peer is missing, or fail it where none may be."""
    if reason := peer.missing():
        fail_or_skip(reason)


def fail_or_skip(reason: str) -> None:
    """End the test, for a reason that is fine on the machine of a person, but not where all peers are to be met."""
    if os.environ.get("TURTLS_REQUIRE_PEERS"):
        pytest.fail(reason)
    pytest.skip(reason)
