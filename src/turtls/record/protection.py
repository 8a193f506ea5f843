"""What the record layer asks of the keys that protect one direction of a connection."""

from __future__ import annotations

from abc import ABC, abstractmethod
from struct import Struct
from typing import ClassVar, Final

from turtls.crypto.aead import Buffer
from turtls.errors import Fault, ProtocolError
from turtls.record import limits

HEADER: Final = Struct(">BHH")
"""Content type, version and length of the body (RFC 8446, section 5.1; RFC 5246, section 6.2.1)."""
HEADER_LENGTH: Final = 5

SEQUENCE_END: Final = 2**64
"""Sequence numbers have 64 bits and never wrap (RFC 8446, section 5.3)."""


class Protection(ABC):
    """Protects one direction under one set of keys. The sequence number lives in here, and ends with the keys."""

    __slots__ = ("_sequence", "_soft_limit")

    version_bytes: bytes
    """What the header of each record carries as its version."""
    max_ciphertext: ClassVar[int]
    """Bytes in the body of a protected record at the most."""
    hides_type: ClassVar[bool]
    """Whether every header says application_data, and the true type is inside (RFC 8446, section 5.2)."""

    def __init__(self, limit_records: int) -> None:
        self._sequence = 0
        self._soft_limit = limit_records - limits.RECORDS_BEFORE_LIMIT

    @property
    def near_limit(self) -> bool:
        """Whether so many records went by that new keys should be agreed on (RFC 8446, section 5.5)."""
        return self._sequence >= self._soft_limit

    @abstractmethod
    def seal(self, content_type: int, data: Buffer, size_limit: int, padding: int) -> bytes:
        """`data`, which is not empty, as one or more whole records.

        `size_limit` is what the peer's record_size_limit allows for one (RFC 8449), at the most MAX_INNER_PLAINTEXT.
        Where the version has padding, each record is padded to a multiple of `padding` bytes.
        """

    @abstractmethod
    def open(self, header: bytes, body: bytes, size_limit: int) -> tuple[int, bytes]:
        """True content type and content of one record.

        Raises ProtocolError. After BAD_RECORD_MAC, TLS 1.3 is as it was before, and may go on (section 4.2.10).
        """

    # For speed alone: these stop at whatever is not plain, also near the limit of the keys, and may well do nothing.
    # What they do not take is for `seal` and `open`.

    def seal_lone_data(self, data: bytes, size_limit: int) -> bytes:
        """One record of application data without padding, if `data` makes one; else b""."""
        return b""

    def open_lone_data(self, received: bytes, size_limit: int) -> bytes:
        """The content, if `received` is one whole record of application data and nothing else; else b""."""
        return b""

    def open_data(self, received: Buffer, size_limit: int, before: bytes = b"") -> tuple[bytes, int]:
        """`before`, then the content of the application data records in front of `received`; and how long those are."""
        return before, 0

    def _next_sequence(self) -> int:
        """The sequence number of the record at hand; it is used up when the caller counts on."""
        if self._sequence == SEQUENCE_END:
            raise ProtocolError(Fault.SEQUENCE_EXHAUSTED)
        return self._sequence


def check_content_length(length: int, maximum: int, size_limit: int) -> None:
    """Raises ProtocolError: RECORD_OVERFLOW past the protocol's `maximum`, RECORD_LIMIT_EXCEEDED past this side's."""
    if length > maximum:
        raise ProtocolError(Fault.RECORD_OVERFLOW, f"{length} bytes in one record")
    if length > size_limit:
        raise ProtocolError(Fault.RECORD_LIMIT_EXCEEDED, f"{length} bytes where {size_limit} are allowed")
