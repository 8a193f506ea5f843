"""Handshake messages out of the fragments that records carry (RFC 8446, section 5.1)."""

from __future__ import annotations

from turtls.errors import Fault, ProtocolError
from turtls.record import limits
from turtls.wire.messages import HEADER_LENGTH
from turtls.wire.registries import HandshakeType

_LARGER: dict[int, int] = {
    HandshakeType.certificate: limits.MAX_CERTIFICATE_MESSAGE,
    HandshakeType.compressed_certificate: limits.MAX_CERTIFICATE_MESSAGE,
}


class HandshakeBuffer:
    """Collects handshake fragments and gives out whole messages.

    Nearly every record holds whole messages, so these are cut out of it as it is. A message in many fragments is copied
    for each; that is bounded by its length, and costs less than the record that brings a fragment.
    """

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, fragment: bytes) -> None:
        """Append what a handshake record carried. Take out all whole messages before the next record is fed."""
        self._buffer = self._buffer + fragment if self._buffer else fragment

    def next_message(self) -> bytes | None:
        """The next message with its 4-byte header, or None if more is needed.

        Raises ProtocolError (MESSAGE_TOO_LARGE) as soon as the header announces more than is ever needed.
        """
        buffer = self._buffer
        if len(buffer) < HEADER_LENGTH:
            return None
        length = int.from_bytes(buffer[1:HEADER_LENGTH], "big")
        if length > limits.MAX_HANDSHAKE_MESSAGE and length > _LARGER.get(buffer[0], 0):
            raise ProtocolError(Fault.MESSAGE_TOO_LARGE, f"{HandshakeType(buffer[0]).name} of {length} bytes")
        end = HEADER_LENGTH + length
        if len(buffer) < end:
            return None
        self._buffer = buffer[end:]
        return buffer[:end]

    def require_empty(self) -> None:
        """To be called before any change of keys: a message must not reach across it (RFC 8446, section 5.1).

        Raises ProtocolError (EXCESS_HANDSHAKE_DATA).
        """
        if self._buffer:
            raise ProtocolError(Fault.EXCESS_HANDSHAKE_DATA, f"{len(self._buffer)} bytes")
