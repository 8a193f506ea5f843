"""The keys of QUIC packets, from the secrets of TLS (RFC 9001, section 5)."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from turtls.crypto.aead import NONCE_LENGTH
from turtls.crypto.hashes import SHA256, HmacKey
from turtls.crypto.key_schedule import expand_label
from turtls.crypto.suites import SUITES13
from turtls.events import Direction, Event
from turtls.handshake.peer import Level
from turtls.wire.registries import CipherSuite

_INITIAL_SALT = bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a")
"""RFC 9001, section 5.2: that of QUIC version 1."""


class KeysAvailable(Event):
    """Packets of `level` can be protected ("sent") or opened ("received") from here on (RFC 9001, section 4.1.4)."""

    __slots__ = ("cipher_suite", "direction", "level", "traffic_secret")
    __match_args__: ClassVar = ("direction", "level", "cipher_suite", "traffic_secret")

    def __init__(self, direction: Direction, level: Level, cipher_suite: CipherSuite, traffic_secret: bytes) -> None:
        self.direction = direction
        self.level = level
        self.cipher_suite = cipher_suite
        self.traffic_secret = traffic_secret

    def __repr__(self) -> str:
        return f"KeysAvailable(direction={self.direction!r}, level={self.level!r}, cipher_suite={self.cipher_suite!r})"


class PacketKeys(NamedTuple):
    """What protects packets in one direction, at one level (RFC 9001, section 5.1)."""

    key: bytes
    iv: bytes
    """12 bytes."""
    hp: bytes
    """The key of header protection, as long as `key`."""


def packet_keys(cipher_suite: CipherSuite, traffic_secret: bytes) -> PacketKeys:
    """The keys of a traffic secret: of those that TLS gives, or of `initial_secrets` with TLS_AES_128_GCM_SHA256."""
    suite = SUITES13[cipher_suite]
    secret = HmacKey(suite.hash, traffic_secret)
    return PacketKeys(
        key=expand_label(secret, b"quic key", b"", suite.aead.key_length),
        iv=expand_label(secret, b"quic iv", b"", NONCE_LENGTH),
        hp=expand_label(secret, b"quic hp", b"", suite.aead.key_length),
    )


def initial_secrets(destination_connection_id: bytes) -> tuple[bytes, bytes]:
    """The client's and the server's secret for Initial packets of QUIC version 1 (RFC 9001, section 5.2).

    They are made of the first Destination Connection ID that the client chose, which everybody can see: they keep
    accidents away, and no attacker.
    """
    secret = HmacKey(SHA256, SHA256.hmac(_INITIAL_SALT, destination_connection_id))  # HKDF-Extract
    client, server = (expand_label(secret, label, b"", SHA256.digest_size) for label in (b"client in", b"server in"))
    return client, server


def next_traffic_secret(cipher_suite: CipherSuite, traffic_secret: bytes) -> bytes:
    """The secret after a key update (RFC 9001, section 6.1). The key of header protection stays as it was."""
    hash = SUITES13[cipher_suite].hash
    return expand_label(HmacKey(hash, traffic_secret), b"quic ku", b"", hash.digest_size)
