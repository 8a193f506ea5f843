"""The keys of QUIC packets, from the secrets of TLS (RFC 9001, section 5)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from turtls.crypto.aead import NONCE_LENGTH
from turtls.crypto.hashes import HmacKey
from turtls.crypto.key_schedule import expand_label
from turtls.crypto.suites import SUITES13
from turtls.events import Direction, Event
from turtls.handshake.peer import Level
from turtls.wire.registries import CipherSuite


@dataclass(frozen=True, slots=True)
class KeysAvailable(Event):
    """Packets of `level` can be protected ("sent") or opened ("received") from here on (RFC 9001, section 4.1.4)."""

    direction: Direction
    level: Level
    cipher_suite: CipherSuite
    traffic_secret: bytes = field(repr=False)


class PacketKeys(NamedTuple):
    """What protects packets in one direction, at one level (RFC 9001, section 5.1)."""

    key: bytes
    iv: bytes
    """12 bytes."""
    hp: bytes
    """The key of header protection, as long as `key`."""


def packet_keys(cipher_suite: CipherSuite, traffic_secret: bytes) -> PacketKeys:
    """The keys of a traffic secret: those that TLS gives, or the Initial secrets of section 5.2."""
    suite = SUITES13[cipher_suite]
    secret = HmacKey(suite.hash, traffic_secret)
    return PacketKeys(
        key=expand_label(secret, b"quic key", b"", suite.aead.key_length),
        iv=expand_label(secret, b"quic iv", b"", NONCE_LENGTH),
        hp=expand_label(secret, b"quic hp", b"", suite.aead.key_length),
    )


def next_traffic_secret(cipher_suite: CipherSuite, traffic_secret: bytes) -> bytes:
    """The secret after a key update (RFC 9001, section 6.1). The key of header protection stays as it was."""
    hash = SUITES13[cipher_suite].hash
    return expand_label(HmacKey(hash, traffic_secret), b"quic ku", b"", hash.digest_size)
