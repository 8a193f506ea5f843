"""TLS 1.3 for QUIC stacks (RFC 9001): the handshake in CRYPTO frames, and the keys that come of it."""

from __future__ import annotations

from turtls.handshake.peer import Level
from turtls.quic.connection import QuicClientConnection, QuicConnection, QuicServerConnection
from turtls.quic.keys import KeysAvailable, PacketKeys, initial_secrets, next_traffic_secret, packet_keys

__all__ = [
    "KeysAvailable",
    "Level",
    "PacketKeys",
    "QuicClientConnection",
    "QuicConnection",
    "QuicServerConnection",
    "initial_secrets",
    "next_traffic_secret",
    "packet_keys",
]
