"""What the record layer asks of the keys that protect one direction of a connection."""

from __future__ import annotations

from typing import Protocol

HEADER_LENGTH = 5
"""Content type, legacy version and length (RFC 8446, section 5.1)."""


class Protection(Protocol):
    """Protects one direction under one set of keys. The sequence number lives in here, and dies with the keys."""

    version_bytes: bytes
    """What the header of each record carries as its version."""
    max_ciphertext: int
    """Bytes in the body of a protected record at the most."""
    hides_type: bool
    """Whether the header's content type is always application_data, the true one inside (RFC 8446, section 5.2)."""

    @property
    def near_limit(self) -> bool:
        """Whether so many records went by that new keys should be agreed on (RFC 8446, section 5.5)."""
        ...

    def seal(self, content_type: int, data: bytes | memoryview, size_limit: int, padding: int) -> bytes:
        """`data` as one or more whole records. `size_limit` is what the peer's record_size_limit allows for one."""
        ...

    def open(self, header: bytes, body: memoryview, size_limit: int) -> tuple[int, bytes]:
        """True content type and content of one record.

        Raises ProtocolError: BAD_RECORD_MAC, and nothing has changed; otherwise one that ends the connection.
        """
        ...
