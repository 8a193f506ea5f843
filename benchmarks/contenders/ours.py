"""turtls: the sans-I/O core, verdicts on chains kept as it does by default."""

from __future__ import annotations

from dataclasses import replace

import turtls
from benchmarks.certificates import NAME, files
from benchmarks.contenders.cases import Cipher, Handshake, Transfer, Work
from benchmarks.contenders.clock import timed
from turtls.config import ClientAuth, ClientConfig, Credential, Policy, ServerConfig, Session, SessionCache
from turtls.connection import ClientConnection, ServerConnection
from turtls.events import DataReceived
from turtls.pki import TrustStore, WebVerifier
from turtls.wire.registries import CipherSuite, NamedGroup, ProtocolVersion

_SUITES13: dict[Cipher, CipherSuite] = {
    "AES-128-GCM": CipherSuite.TLS_AES_128_GCM_SHA256,
    "AES-256-GCM": CipherSuite.TLS_AES_256_GCM_SHA384,
    "CHACHA20-POLY1305": CipherSuite.TLS_CHACHA20_POLY1305_SHA256,
}
_SUITES12: dict[Cipher, tuple[CipherSuite, ...]] = {
    "AES-128-GCM": (
        CipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        CipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    ),
}
_GROUPS = {"X25519": NamedGroup.x25519, "X25519MLKEM768": NamedGroup.X25519MLKEM768}


class _Forgotten:
    """Takes sessions, and has none: so a client asks for tickets as the others do, and never resumes."""

    def put(self, key: str, session: Session) -> None:
        """Nothing is kept."""

    def take(self, key: str) -> Session | None:
        return None


class Turtls:
    """Both ends are turtls."""

    name = "turtls"
    version = turtls.__version__

    def handshake(self, case: Handshake) -> Work:
        """A resumed handshake uses a ticket of the one before."""
        client_config, server_config = configs(case)
        if case.resumed:
            connect(client_config, server_config)

        def handshake() -> None:
            client, _ = connect(client_config, server_config)
            negotiated = client.negotiated
            if negotiated is None or negotiated.resumed is not case.resumed:
                raise RuntimeError(f"{case} became {negotiated}")

        return timed(handshake)

    def transfer(self, case: Transfer) -> Work:
        """What `send_data` makes goes into `receive_data` of the other side."""
        client, server = connect(*configs(Handshake(cipher=case.cipher, version=case.version)))
        data = bytes(case.size)

        def there_and_back() -> None:
            send(client, server, data)
            send(server, client, data)

        return timed(there_and_back)


def send(
    sender: ClientConnection | ServerConnection, receiver: ClientConnection | ServerConnection, data: bytes
) -> None:
    """One write, and what the other side reads of it."""
    sender.send_data(data)
    [event] = receiver.receive_data(sender.data_to_send())
    if not isinstance(event, DataReceived) or len(event.data) != len(data):
        raise RuntimeError("the data did not arrive")


def connect(client_config: ClientConfig, server_config: ServerConfig) -> tuple[ClientConnection, ServerConnection]:
    """A handshake in memory, up to the last ticket."""
    client = ClientConnection(client_config, server_name=NAME)
    server = ServerConnection(server_config)
    while flight := client.data_to_send():
        server.receive_data(flight)
        if answer := server.data_to_send():
            client.receive_data(answer)
    return client, server


def configs(case: Handshake) -> tuple[ClientConfig, ServerConfig]:
    """One version, one group, one suite: what the others are limited to as well."""
    pki = files(case.key)
    verifier = WebVerifier(TrustStore.from_file(pki.root))
    is_13 = case.version == "1.3"
    group = _GROUPS[case.group]
    policy = replace(
        Policy.INTERMEDIATE,
        versions=(ProtocolVersion.TLS_1_3 if is_13 else ProtocolVersion.TLS_1_2,),
        cipher_suites=(_SUITES13[case.cipher],) if is_13 else _SUITES12[case.cipher],
        groups=(group, NamedGroup.secp256r1),  # up to TLS 1.2 the certificate's curve must be among them
        key_share_groups=(group,),
    )
    sessions = SessionCache() if case.resumed else _Forgotten()
    client = ClientConfig(policy=policy, verifier=verifier, sessions=sessions)
    server = ServerConfig(policy=policy, credentials=(Credential.load(pki.server_chain, pki.server_key),))
    if case.client_certificate:
        client = replace(client, credentials=(Credential.load(pki.client_chain, pki.client_key),))
        server = replace(server, client_auth=ClientAuth.REQUIRE, verifier=verifier)
    return client, server
