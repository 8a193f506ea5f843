"""QUIC as the runner mocks it: TLS' bytes in records that show their level and their keys, one after the other.

`MockQuic` is to the shim what a `turtls.connection.Connection` is, with `turtls.quic` behind it.
"""

from __future__ import annotations

import struct
from typing import Any

from turtls.config import Negotiated
from turtls.errors import AlertLevel, Fault, ProtocolError, TLSError, TruncatedError
from turtls.events import DataReceived, EarlyDataReceived, Event, Pending
from turtls.quic import KeysAvailable, Level, QuicClientConnection, QuicConnection
from turtls.wire.registries import ContentType

_HEADER = struct.Struct(">BBHL")
"""The type, the level, the cipher suite, and the length of the traffic secret and the content."""

_LEVELS = [Level.PLAINTEXT, Level.EARLY, Level.HANDSHAKE, Level.APPLICATION]

_Keys = dict[Level, tuple[int, bytes]]
"""Each level's cipher suite and traffic secret."""


def record_length(data: bytes) -> int:
    """Of the first of these records; its header must be there."""
    return _HEADER.size + int.from_bytes(data[4:8], "big")


class MockQuic:
    """A QUIC connection that hides nothing."""

    def __init__(self, tls: QuicConnection, early_data: bytes) -> None:
        self.tls = tls
        self._early_data = early_data
        self._unread = b""
        self._unsent = b""
        self._read: _Keys = {Level.PLAINTEXT: (0, b"")}
        self._write: _Keys = {Level.PLAINTEXT: (0, b"")}
        self._told = False

    @property
    def handshake_done(self) -> bool:
        return self.tls.handshake_done

    @property
    def negotiated(self) -> Negotiated | None:
        return self.tls.negotiated

    @property
    def failure(self) -> TLSError | None:
        return self.tls.failure

    def export_keying_material(self, label: str, context: bytes | None, length: int) -> bytes:
        return self.tls.export_keying_material(label, context, length)

    def receive_data(self, data: bytes) -> list[Event]:
        """Take bytes; records are looked at when they are whole."""
        self._unread += data
        events: list[Event] = []
        while len(self._unread) >= _HEADER.size and len(self._unread) >= (length := record_length(self._unread)):
            record, self._unread = self._unread[:length], self._unread[length:]
            content_type, level, suite, _ = _HEADER.unpack_from(record)
            events += self._receive(content_type, _LEVELS[level], suite, record[_HEADER.size :])
        return events

    def _receive(self, content_type: int, level: Level, suite: int, content: bytes) -> list[Event]:
        if level is Level.EARLY and level not in self._read:
            return []  # dropped, as there are no keys for it
        if level not in self._read:
            raise ProtocolError(Fault.WRONG_LEVEL, f"there are no keys for {level.value}")
        expected, secret = self._read[level]
        assert suite == expected, "the runner has another cipher suite"
        assert content.startswith(secret), "the runner has another secret"
        content = content[len(secret) :]
        if content_type == ContentType.application_data:
            return [EarlyDataReceived(content) if level is Level.EARLY else DataReceived(content)]
        assert content_type == ContentType.handshake
        return self._learn(self.tls.receive_crypto(level, content))

    def resume(self, pending: Pending, result: Any) -> list[Event]:
        return self._learn(self.tls.resume(pending, result))

    def _learn(self, events: list[Event]) -> list[Event]:
        """Take the keys out of what happened."""
        for event in events:
            if isinstance(event, KeysAvailable):
                keys = self._read if event.direction == "received" else self._write
                keys[event.level] = int(event.cipher_suite), event.traffic_secret
        return [event for event in events if not isinstance(event, KeysAvailable)]

    def receive_eof(self) -> list[Event]:
        raise TruncatedError("The runner is gone.")

    def send_data(self, data: bytes) -> None:
        self._unsent += self._crypto()
        self._unsent += self._record(ContentType.application_data, Level.APPLICATION, data)

    def update_keys(self) -> None:
        raise NotImplementedError("QUIC does that itself")

    def channel_binding(self, kind: str) -> bytes:
        raise NotImplementedError("QUIC has no tls-unique")

    def close(self) -> None:
        """The runner's QUIC has no goodbye."""

    def data_to_send(self) -> bytes:
        unsent, self._unsent = self._unsent + self._crypto() + self._early(), b""
        error = self.tls.crypto_error
        if error is not None and not self._told:
            self._told = True
            unsent += self._record(ContentType.alert, list(self._write)[-1], bytes([AlertLevel.FATAL, error & 0xFF]))
        return unsent

    def _crypto(self) -> bytes:
        return b"".join(self._record(ContentType.handshake, level, data) for level, data in self.tls.crypto_to_send())

    def _early(self) -> bytes:
        """A client's early data, once, behind its ClientHello."""
        data, self._early_data = self._early_data, b""
        keys = self.tls.early_keys if isinstance(self.tls, QuicClientConnection) else None
        if not data or keys is None:
            return b""
        self._write[Level.EARLY] = int(keys.cipher_suite), keys.traffic_secret
        return self._record(ContentType.application_data, Level.EARLY, data)

    def _record(self, content_type: ContentType, level: Level, data: bytes) -> bytes:
        suite, secret = self._write[level]
        header = _HEADER.pack(content_type, _LEVELS.index(level), suite, len(secret) + len(data))
        return header + secret + data
