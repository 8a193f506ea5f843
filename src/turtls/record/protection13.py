"""Record protection of TLS 1.3 (RFC 8446, section 5.2).

The one hot path of bulk data. What is measured to matter: a single record is cheapest with `encrypt` and `decrypt`,
without a further call of Python's, and with the header of the record before; for many the AEAD writes each into its
place in one `BytesIO`, whose `getvalue` hands that memory out without a copy.
"""

from __future__ import annotations

from io import BytesIO
from typing import Final

from cryptography.exceptions import InvalidTag

from turtls.crypto.aead import NONCE_LENGTH, Buffer
from turtls.crypto.key_schedule import TrafficSecret
from turtls.crypto.suites import Suite13
from turtls.errors import Fault, ProtocolError
from turtls.record import limits
from turtls.record.protection import HEADER_LENGTH, SEQUENCE_END, Protection, check_content_length
from turtls.wire.registries import ContentType

_OUTER: Final = 0x17_0303_0000
"""A header as one number, but for the length: application_data, and the version of TLS 1.2."""
_APPLICATION_DATA: Final = int(ContentType.application_data)
_DATA_TYPE: Final = bytes((_APPLICATION_DATA,))
_TYPE_BYTES: Final = [bytes((content_type,)) for content_type in range(256)]


class Protection13(Protection):
    """One direction under one traffic secret."""

    __slots__ = ("_aead", "_header", "_iv", "_lone_header", "_lone_length", "_overhead", "_tag_length")

    version_bytes = b"\x03\x03"
    max_ciphertext = limits.MAX_CIPHERTEXT13
    hides_type = True

    def __init__(self, suite: Suite13, traffic_secret: TrafficSecret) -> None:
        super().__init__(suite.aead.limit_records)
        key, iv = traffic_secret.record_keys(suite.aead)
        self._aead = suite.aead.new(key)
        self._iv = int.from_bytes(iv, "big")
        self._tag_length = suite.aead.tag_length
        self._overhead = HEADER_LENGTH + self._tag_length
        self._header = _OUTER + self._tag_length  # with the length of the inner plaintext added, the header of a record
        self._lone_length = 0
        """Of the last lone record's inner plaintext: the next one is often as long, and has the same header."""
        self._lone_header = b""

    def seal(self, content_type: int, data: Buffer, size_limit: int, padding: int) -> bytes:
        """`data` as one or more whole records, each padded to a multiple of `padding` bytes (RFC 8446, section 5.4)."""
        if len(data) >= size_limit:
            return self._seal_many(content_type, memoryview(data).cast("B"), size_limit, padding)
        return self._seal_one(content_type, data, size_limit, padding)

    def _seal_one(self, content_type: int, content: Buffer, inner_limit: int, padding: int) -> bytes:
        inner = b"".join((content, _TYPE_BYTES[content_type]))
        if padding:
            inner = inner.ljust(min(len(inner) + -len(inner) % padding, inner_limit), b"\0")
        header = (self._header + len(inner)).to_bytes(HEADER_LENGTH, "big")
        sealed = self._aead.encrypt(self._nonce(), inner, header)
        self._sequence += 1
        return header + sealed

    def seal_lone_data(self, data: bytes, size_limit: int) -> bytes:
        """One record of `data` and its type."""
        sequence = self._sequence
        if not 0 < len(data) < size_limit or sequence >= self._soft_limit:
            return b""
        inner = data + _DATA_TYPE
        if len(inner) != self._lone_length:
            self._set_lone_length(len(inner))
        header = self._lone_header
        sealed = self._aead.encrypt((self._iv ^ sequence).to_bytes(NONCE_LENGTH, "big"), inner, header)
        self._sequence = sequence + 1
        return header + sealed

    def _set_lone_length(self, inner_length: int) -> None:
        self._lone_length = inner_length
        self._lone_header = (self._header + inner_length).to_bytes(HEADER_LENGTH, "big")

    def _seal_many(self, content_type: int, data: memoryview, inner_limit: int, padding: int) -> bytes:
        """Full records, whose plaintext all goes through one place, and a last one with what is left over."""
        step = inner_limit - 1
        count, left = divmod(len(data), step)
        first = self._sequence
        if first + count > SEQUENCE_END:
            raise ProtocolError(Fault.SEQUENCE_EXHAUSTED)
        self._sequence = first + count
        encrypt_into, iv = self._aead.encrypt_into, self._iv
        inner = memoryview(bytearray(inner_limit))
        inner[step] = content_type
        content = inner[:step]
        header = (self._header + inner_limit).to_bytes(HEADER_LENGTH, "big")
        record_length = self._overhead + inner_limit
        output = BytesIO(bytes((count + (left > 0)) * record_length))
        start = end = 0
        with output.getbuffer() as room:
            for sequence in range(first, first + count):
                content[:] = data[start : start + step]
                start += step
                body = end + HEADER_LENGTH
                room[end:body] = header
                end += record_length
                encrypt_into((iv ^ sequence).to_bytes(NONCE_LENGTH, "big"), inner, header, room[body:end])
        if left:
            output.seek(end)
            output.write(self._seal_one(content_type, data[start:], inner_limit, padding))
            output.truncate()
        return output.getvalue()

    def open(self, header: bytes, body: bytes, size_limit: int) -> tuple[int, bytes]:
        """True content type and content of one record, its padding taken off."""
        try:
            inner = self._aead.decrypt(self._nonce(), body, header)
        except InvalidTag:
            raise ProtocolError(Fault.BAD_RECORD_MAC) from None
        self._sequence += 1
        check_content_length(len(inner), limits.MAX_INNER_PLAINTEXT, size_limit)
        if not inner or not inner[-1]:
            inner = inner.rstrip(b"\0")
            if not inner:
                raise ProtocolError(Fault.ALL_PADDING)
        return inner[-1], inner[:-1]

    def open_lone_data(self, received: bytes, size_limit: int) -> bytes:
        """The content of a record that has some."""
        sequence, inner_length = self._sequence, len(received) - self._overhead
        if not 1 < inner_length <= size_limit or sequence >= self._soft_limit:
            return b""
        if inner_length != self._lone_length:
            self._set_lone_length(inner_length)
        header = self._lone_header
        if received[:HEADER_LENGTH] != header:
            return b""
        try:
            nonce = (self._iv ^ sequence).to_bytes(NONCE_LENGTH, "big")
            inner = self._aead.decrypt(nonce, received[HEADER_LENGTH:], header)
        except InvalidTag:
            return b""
        if inner[-1] != _APPLICATION_DATA:
            inner = inner.rstrip(b"\0")  # as `open` does
            if len(inner) < 2 or inner[-1] != _APPLICATION_DATA:
                return b""
        self._sequence = sequence + 1
        return inner[:-1]

    def open_data(self, received: Buffer, size_limit: int, before: bytes = b"") -> tuple[bytes, int]:
        """`before` and the content of such records."""
        decrypt_into, iv, header_base, tag_length = self._aead.decrypt_into, self._iv, self._header, self._tag_length
        sequence, last_sequence = self._sequence, self._soft_limit
        available = len(received)
        output = BytesIO(bytes(len(before) + available))
        position, filled = 0, len(before)
        header, inner_length = b"", 0
        with output.getbuffer() as room, memoryview(received) as view:
            room[:filled] = before
            while sequence < last_sequence:
                body = position + HEADER_LENGTH
                if received[position:body] != header:  # most records are as long as the one before
                    header = bytes(received[position:body])
                    inner_length = int.from_bytes(header) - header_base
                end = body + inner_length + tag_length
                if not 1 < inner_length <= size_limit or end > available:
                    break
                last = filled + inner_length - 1
                nonce = (iv ^ sequence).to_bytes(NONCE_LENGTH, "big")
                try:
                    decrypt_into(nonce, view[body:end], header, room[filled : last + 1])
                except InvalidTag:
                    break
                if room[last] != _APPLICATION_DATA:
                    last = filled + len(bytes(room[filled : last + 1]).rstrip(b"\0")) - 1
                    if last <= filled or room[last] != _APPLICATION_DATA:
                        break
                sequence += 1
                filled, position = last, end  # the next content goes over this one's type
        self._sequence = sequence
        output.truncate(filled)
        return output.getvalue(), position

    def _nonce(self) -> bytes:
        """The per-record nonce (RFC 8446, section 5.3)."""
        if self._sequence == SEQUENCE_END:
            raise ProtocolError(Fault.SEQUENCE_EXHAUSTED)
        return (self._iv ^ self._sequence).to_bytes(NONCE_LENGTH, "big")
