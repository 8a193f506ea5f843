"""Record protection of TLS 1.2 by an AEAD (RFC 5246, section 6.2.3.3), and how TLS 1.2 and earlier cut their keys."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from struct import Struct
from typing import Final, cast

from cryptography.exceptions import InvalidTag

from turtls.crypto.aead import AEAD, NONCE_LENGTH, Buffer
from turtls.crypto.hashes import Hash
from turtls.crypto.suites12 import Suite12
from turtls.errors import Fault, ProtocolError
from turtls.record import limits
from turtls.record.protection import HEADER, HEADER_LENGTH, SEQUENCE_END, Protection, check_content_length
from turtls.wire.registries import ContentType, ProtocolVersion

_APPLICATION_DATA: Final = int(ContentType.application_data)
_VERSION: Final = int(ProtocolVersion.TLS_1_2)
_DATA: Final = 0x17_0303_0000
"""A header as one number, but for the length: application_data, and the version of TLS 1.2."""
_ADDITIONAL_DATA: Final = Struct(">QBHH")
"""Sequence number, content type, version, length of the content (RFC 5246, section 6.2.3.3)."""
_SEQUENCE_LENGTH: Final = 8
"""Bytes of a sequence number, which is also what AES-GCM and AES-CCM send of each nonce."""


class Protection12Aead(Protection):
    """One direction under one AEAD key.

    AES-GCM (RFC 5288) and AES-CCM (RFC 6655) send eight bytes of each nonce along: here the sequence number.
    ChaCha20-Poly1305 (RFC 7905) makes it from the sequence number as TLS 1.3 does.
    """

    __slots__ = (
        "_aead",
        "_data_header",
        "_explicit_length",
        "_fixed_iv",
        "_lone_additional_data",
        "_lone_header",
        "_lone_length",
        "_overhead",
        "_tag_length",
    )

    version_bytes = b"\x03\x03"
    max_ciphertext = limits.MAX_CIPHERTEXT12
    hides_type = False

    def __init__(self, aead: AEAD, key: bytes, fixed_iv: bytes) -> None:
        super().__init__(SEQUENCE_END)  # TLS 1.2 has no way to change keys
        self._aead = aead.new(key)
        self._fixed_iv = fixed_iv
        self._explicit_length = NONCE_LENGTH - len(fixed_iv)
        self._tag_length = aead.tag_length
        self._overhead = self._explicit_length + self._tag_length  # in the body of each record
        self._data_header = _DATA + self._overhead  # with the length of the content added, a header of data
        self._lone_length = 0
        """Of the last lone record's content: the next one is often as long."""
        self._lone_header = self._lone_additional_data = b""
        """What goes with that length; the sequence number comes before the additional data."""

    def seal(self, content_type: int, data: Buffer, size_limit: int, padding: int) -> bytes:
        """`data` as one or more whole records; there is no padding here."""
        longest = min(size_limit, limits.MAX_PLAINTEXT)
        if len(data) > longest:
            return self._seal_many(content_type, memoryview(data).cast("B"), longest)
        return self._seal_one(content_type, data)

    def seal_lone_data(self, data: bytes, size_limit: int) -> bytes:
        """One record of `data`."""
        number, length = self._sequence, len(data)
        if not 0 < length <= size_limit or length > limits.MAX_PLAINTEXT or number >= self._soft_limit:
            return b""
        if length != self._lone_length:
            self._set_lone_length(length)
        sequence = number.to_bytes(_SEQUENCE_LENGTH, "big")
        explicit = sequence if self._explicit_length else b""
        sealed = self._aead.encrypt(self._nonce(number, explicit), data, sequence + self._lone_additional_data)
        self._sequence = number + 1
        return self._lone_header + explicit + sealed

    def _set_lone_length(self, length: int) -> None:
        self._lone_length = length
        self._lone_header = (self._data_header + length).to_bytes(HEADER_LENGTH, "big")
        self._lone_additional_data = (_DATA + length).to_bytes(HEADER_LENGTH, "big")

    def _seal_one(self, content_type: int, content: Buffer) -> bytes:
        number, length = self._next_sequence(), len(content)
        header = HEADER.pack(content_type, _VERSION, length + self._overhead)
        explicit = number.to_bytes(_SEQUENCE_LENGTH, "big") if self._explicit_length else b""
        additional_data = _ADDITIONAL_DATA.pack(number, content_type, _VERSION, length)
        sealed = self._aead.encrypt(self._nonce(number, explicit), content, additional_data)
        self._sequence += 1
        return header + explicit + sealed

    def _seal_many(self, content_type: int, data: memoryview, longest: int) -> bytes:
        """Full records, each sealed into its place, and a last one with what is left over."""
        count, left = divmod(len(data), longest)
        first = self._sequence
        if first + count > SEQUENCE_END:
            raise ProtocolError(Fault.SEQUENCE_EXHAUSTED)
        self._sequence = first + count
        header = HEADER.pack(content_type, _VERSION, longest + self._overhead)
        record_length = len(header) + self._overhead + longest
        output = BytesIO(bytes((count + (left > 0)) * record_length))
        start = end = 0
        with output.getbuffer() as room:
            for number in range(first, first + count):
                explicit = number.to_bytes(_SEQUENCE_LENGTH, "big") if self._explicit_length else b""
                ciphertext = end + HEADER_LENGTH + self._explicit_length
                room[end:ciphertext] = header + explicit
                end += record_length
                additional_data = _ADDITIONAL_DATA.pack(number, content_type, _VERSION, longest)
                content = data[start : start + longest]
                self._aead.encrypt_into(self._nonce(number, explicit), content, additional_data, room[ciphertext:end])
                start += longest
        if left:
            output.seek(end)
            output.write(self._seal_one(content_type, data[start:]))
            output.truncate()
        return output.getvalue()

    def open(self, header: bytes, body: bytes, size_limit: int) -> tuple[int, bytes]:
        """Content type and content of one record."""
        content_type, length = header[0], len(body) - self._overhead
        if length < 0:
            raise ProtocolError(Fault.BAD_RECORD_MAC)
        number = self._next_sequence()
        nonce = self._nonce(number, body[: self._explicit_length])
        additional_data = _ADDITIONAL_DATA.pack(number, content_type, _VERSION, length)
        try:
            content = self._aead.decrypt(nonce, body[self._explicit_length :], additional_data)
        except InvalidTag:
            raise ProtocolError(Fault.BAD_RECORD_MAC) from None
        self._sequence += 1
        check_content_length(length, limits.MAX_PLAINTEXT, size_limit)
        return content_type, content

    def open_lone_data(self, received: bytes, size_limit: int) -> bytes:
        """The content of a record that has some."""
        number, length = self._sequence, len(received) - HEADER_LENGTH - self._overhead
        if not 0 < length <= size_limit or length > limits.MAX_PLAINTEXT or number >= self._soft_limit:
            return b""
        if length != self._lone_length:
            self._set_lone_length(length)
        if received[:HEADER_LENGTH] != self._lone_header:
            return b""
        ciphertext = HEADER_LENGTH + self._explicit_length
        nonce = self._nonce(number, received[HEADER_LENGTH:ciphertext])
        additional_data = number.to_bytes(_SEQUENCE_LENGTH, "big") + self._lone_additional_data
        try:
            content = self._aead.decrypt(nonce, received[ciphertext:], additional_data)
        except InvalidTag:
            return b""
        self._sequence = number + 1
        return content

    def open_data(self, received: Buffer, size_limit: int, before: bytes = b"") -> tuple[bytes, int]:
        """`before` and the content of such records."""
        longest = min(size_limit, limits.MAX_PLAINTEXT)
        number, available = self._sequence, len(received)
        output = BytesIO(bytes(len(before) + available))
        position, filled = 0, len(before)
        with output.getbuffer() as room, memoryview(received) as view:
            room[:filled] = before
            while number < self._soft_limit:
                explicit = position + HEADER_LENGTH
                length = int.from_bytes(view[position:explicit]) - self._data_header
                ciphertext = explicit + self._explicit_length
                end = ciphertext + length + self._tag_length
                if not 0 < length <= longest or end > available:
                    break
                nonce = self._nonce(number, bytes(view[explicit:ciphertext]))
                additional_data = _ADDITIONAL_DATA.pack(number, _APPLICATION_DATA, _VERSION, length)
                filled_after = filled + length
                try:
                    self._aead.decrypt_into(nonce, view[ciphertext:end], additional_data, room[filled:filled_after])
                except InvalidTag:
                    break
                number += 1
                filled, position = filled_after, end
        self._sequence = number
        output.truncate(filled)
        return output.getvalue(), position

    def _nonce(self, sequence: int, explicit: bytes) -> bytes:
        if explicit:
            return self._fixed_iv + explicit
        return (int.from_bytes(self._fixed_iv, "big") ^ sequence).to_bytes(NONCE_LENGTH, "big")


def protections(
    suite: Suite12,
    version: ProtocolVersion,
    key_block: bytes,
    *,
    encrypt_then_mac: bool,
    random: Callable[[int], bytes],
) -> tuple[Protection, Protection]:
    """The client's and the server's protection (RFC 5246, section 6.3); `random` gives the IVs of AES-CBC."""
    client_mac_key, server_mac_key, client_key, server_key, client_iv, server_iv = suite.key_block.unpack(key_block)
    if suite.aead is not None:
        return Protection12Aead(suite.aead, client_key, client_iv), Protection12Aead(suite.aead, server_key, server_iv)
    from turtls.record.protection_cbc import ProtectionCbc  # large tables, for suites that few still use

    mac = cast(Hash, suite.mac)  # a suite has one or the other
    etm = encrypt_then_mac
    return (
        ProtectionCbc(mac, version, client_mac_key, client_key, client_iv, encrypt_then_mac=etm, random=random),
        ProtectionCbc(mac, version, server_mac_key, server_key, server_iv, encrypt_then_mac=etm, random=random),
    )
