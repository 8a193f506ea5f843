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
    """Collects handshake fragments and gives out whole messages."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, fragment: bytes) -> None:
        """Append what a handshake record carried. Take out all whole messages before the next record is fed."""
        self._buffer += fragment

    def next_message(self) -> bytes | None:
        """The next message with its 4-byte header, or None if more is needed.

        Raises ProtocolError (MESSAGE_TOO_LARGE) as soon as the header announces more than is ever needed.
        """
        buffer = self._buffer
        if len(buffer) < HEADER_LENGTH:
            return None
        length = int.from_bytes(buffer[1:HEADER_LENGTH], "big")
        if length > _LARGER.get(buffer[0], limits.MAX_HANDSHAKE_MESSAGE):
            raise ProtocolError(Fault.MESSAGE_TOO_LARGE, f"{HandshakeType(buffer[0]).name} of {length} bytes")
        end = HEADER_LENGTH + length
        if len(buffer) < end:
            return None
        message = bytes(buffer[:end])
        del buffer[:end]
        return message

    @property
    def is_empty(self) -> bool:
        """Whether no message has begun."""
        return not self._buffer

    def require_empty(self) -> None:
        """To be called before any change of keys: a message must not reach across it (RFC 8446, section 5.1).

        Raises ProtocolError (EXCESS_HANDSHAKE_DATA).
        """
        if self._buffer:
            raise ProtocolError(Fault.EXCESS_HANDSHAKE_DATA, f"{len(self._buffer)} bytes")
