"""Handshakes in memory, watched from both sides."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from turtls.ca import Authority
from turtls.config import ClientConfig, Credential, ServerConfig
from turtls.connection import ClientConnection, ServerConnection
from turtls.explain.story import Story
from turtls.pki import PrivateVerifier, TrustStore


@cache
def localhost() -> tuple[Credential, TrustStore]:
    """A credential for localhost, and the store that trusts it."""
    with TemporaryDirectory() as folder:
        authority = Authority.init(Path(folder) / "ca")
        return authority.credential_for(["localhost", "127.0.0.1"]), TrustStore.from_pem(authority.root_pem)


def client_config() -> ClientConfig:
    return ClientConfig(verifier=PrivateVerifier(localhost()[1]), alpn=("h2", "http/1.1"))


def server_config() -> ServerConfig:
    return ServerConfig(credentials=(localhost()[0],), alpn=("h2", "http/1.1"))


class Watched:
    """A client and a server that have shaken hands, with the story each of them tells."""

    def __init__(self, client: ClientConfig | None = None, server: ServerConfig | None = None) -> None:
        self.client_story, self.server_story = Story("client"), Story("server")
        self.client = ClientConnection(client or client_config(), server_name="localhost", observer=self.client_story)
        self.server = ServerConnection(server or server_config(), observer=self.server_story)
        self.exchange()

    def exchange(self) -> None:
        """Carry bytes to and fro until there are none."""
        while (to_server := self.client.data_to_send()) or (to_client := self.server.data_to_send()):
            if to_server:
                self.server.receive_data(to_server)
                to_client = self.server.data_to_send()
            if to_client:
                self.client.receive_data(to_client)


def resumed() -> Watched:
    """A second handshake that resumes the first one's session."""
    client, server = client_config(), server_config()
    Watched(client, server)
    return Watched(client, server)


def with_retry() -> Watched:
    """A handshake whose server wants a group that the client sent no share for."""
    policy = server_config().policy
    only = replace(policy, groups=policy.groups[-1:])
    return Watched(server=replace(server_config(), policy=only))
