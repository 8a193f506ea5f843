"""The secrets of a TLS 1.3 handshake, derived alike by both sides, logged and explained as they are."""

from __future__ import annotations

from turtls.crypto.key_schedule import HandshakeSecret, MasterSecret, TrafficSecret
from turtls.crypto.suites import Suite13
from turtls.handshake.peer import Peer
from turtls.handshake.psks import Psk


def start_key_schedule(suite: Suite13, psk: Psk | None, shared_secret: bytes) -> HandshakeSecret:
    """The stage of the key schedule that both the PSK, if there is one, and the key exchange have gone into."""
    return HandshakeSecret(suite.hash, psk.early_secret if psk is not None else None, shared_secret)


def handshake_traffic_secrets(
    peer: Peer, handshake_secret: HandshakeSecret, transcript_hash: bytes
) -> tuple[TrafficSecret, TrafficSecret]:
    """The client's and the server's handshake traffic secret, from ClientHello...ServerHello."""
    client, server = handshake_secret.traffic_secrets(transcript_hash)
    if peer.tells_secrets:
        peer.derived(
            "client_handshake_traffic_secret",
            client.raw,
            "protects what the client sends in the handshake",
            keylog="CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        )
        peer.derived(
            "server_handshake_traffic_secret",
            server.raw,
            "protects what the server sends in the handshake",
            keylog="SERVER_HANDSHAKE_TRAFFIC_SECRET",
        )
    return client, server


def application_traffic_secrets(
    peer: Peer, master_secret: MasterSecret, transcript_hash: bytes
) -> tuple[TrafficSecret, TrafficSecret, bytes]:
    """The client's and the server's traffic secret and the exporter's, from ClientHello...server Finished."""
    client, server = master_secret.traffic_secrets(transcript_hash)
    exporter = master_secret.exporter_master_secret(transcript_hash)
    if peer.tells_secrets:
        peer.derived(
            "client_application_traffic_secret_0",
            client.raw,
            "protects the application's data from the client",
            keylog="CLIENT_TRAFFIC_SECRET_0",
        )
        peer.derived(
            "server_application_traffic_secret_0",
            server.raw,
            "protects the application's data from the server",
            keylog="SERVER_TRAFFIC_SECRET_0",
        )
        peer.derived(
            "exporter_master_secret", exporter, "lets the application derive keys of its own", keylog="EXPORTER_SECRET"
        )
    return client, server, exporter
