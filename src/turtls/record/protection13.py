"""Record protection of TLS 1.3 (RFC 8446, section 5.2)."""

from __future__ import annotations

from cryptography.exceptions import InvalidTag

from turtls.crypto.aead import NONCE_LENGTH
from turtls.crypto.key_schedule import traffic_keys
from turtls.crypto.suites import Suite13
from turtls.errors import Fault, ProtocolError
from turtls.record import limits

_OUTER = b"\x17\x03\x03"
_LAST_SEQUENCE = 2**64 - 1


class Protection13:
    """One direction under one traffic secret."""

    version_bytes = b"\x03\x03"
    max_ciphertext = limits.MAX_CIPHERTEXT13
    hides_type = True

    def __init__(self, suite: Suite13, traffic_secret: bytes) -> None:
        key, iv = traffic_keys(suite, traffic_secret)
        self._aead = suite.aead.new(key)
        self._iv = int.from_bytes(iv, "big")
        self._tag_length = suite.aead.tag_length
        self._sequence = 0
        self._soft_limit = suite.aead.limit_records - limits.RECORDS_BEFORE_LIMIT

    @property
    def near_limit(self) -> bool:
        """Whether so many records went by that new keys should be agreed on (RFC 8446, section 5.5)."""
        return self._sequence >= self._soft_limit

    def seal(self, content_type: int, data: bytes | memoryview, size_limit: int, padding: int) -> bytes:
        """`data` as one or more whole records, each padded to a multiple of `padding` bytes (RFC 8446, section 5.4)."""
        inner_limit = min(size_limit, limits.MAX_INNER_PLAINTEXT)
        step = inner_limit - 1
        type_byte = bytes((content_type,))
        records = []
        for start in range(0, len(data), step):
            inner = b"".join((data[start : start + step], type_byte))
            if padding:
                inner = inner.ljust(min(len(inner) + -len(inner) % padding, inner_limit), b"\0")
            header = _OUTER + (len(inner) + self._tag_length).to_bytes(2, "big")
            records.append(header)
            records.append(self._aead.encrypt(self._nonce(), inner, header))
            self._sequence += 1
        return b"".join(records)

    def open(self, header: bytes, body: memoryview, size_limit: int) -> tuple[int, bytes]:
        """True content type and content of one record, its padding taken off."""
        try:
            inner = self._aead.decrypt(self._nonce(), body, header)
        except InvalidTag:
            raise ProtocolError(Fault.BAD_RECORD_MAC) from None
        self._sequence += 1
        _check_size(len(inner), size_limit)
        if not inner or not inner[-1]:
            inner = inner.rstrip(b"\0")
            if not inner:
                raise ProtocolError(Fault.ALL_PADDING)
        return inner[-1], inner[:-1]

    def _nonce(self) -> bytes:
        """The per-record nonce (RFC 8446, section 5.3)."""
        if self._sequence > _LAST_SEQUENCE:
            raise ProtocolError(Fault.SEQUENCE_EXHAUSTED)
        return (self._iv ^ self._sequence).to_bytes(NONCE_LENGTH, "big")


def _check_size(length: int, size_limit: int) -> None:
    if length > limits.MAX_INNER_PLAINTEXT:
        raise ProtocolError(Fault.RECORD_OVERFLOW, f"{length} bytes of content and padding")
    if length > size_limit:
        raise ProtocolError(Fault.RECORD_LIMIT_EXCEEDED, f"{length} bytes where {size_limit} are allowed")
