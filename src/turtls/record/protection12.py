"""Record protection of TLS 1.2 by an AEAD (RFC 5246, section 6.2.3.3), and how TLS 1.2 and earlier cut their keys."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import cast

from cryptography.exceptions import InvalidTag

from turtls.crypto.aead import AEAD, CHACHA20_POLY1305, NONCE_LENGTH
from turtls.crypto.cbc import BLOCK_LENGTH
from turtls.crypto.hashes import Hash
from turtls.crypto.suites12 import Suite12
from turtls.errors import Fault, ProtocolError
from turtls.record import limits
from turtls.record.protection import HEADER_LENGTH, SEQUENCE_END, Protection, check_content_length
from turtls.record.protection_cbc import ProtectionCbc
from turtls.wire.registries import ContentType, ProtocolVersion

_APPLICATION_DATA = int(ContentType.application_data)
_ADDITIONAL_DATA_LENGTH = 13
_EXPLICIT_LENGTH = 8
_SALT_LENGTH = NONCE_LENGTH - _EXPLICIT_LENGTH


class Protection12Aead(Protection):
    """One direction under one AEAD key.

    AES-GCM (RFC 5288) and AES-CCM (RFC 6655) send eight bytes of each nonce along: here the sequence number.
    ChaCha20-Poly1305 (RFC 7905) makes it from the sequence number as TLS 1.3 does.
    """

    __slots__ = ("_aead", "_explicit_length", "_fixed_iv", "_tag_length")

    version_bytes = b"\x03\x03"
    max_ciphertext = limits.MAX_CIPHERTEXT12
    hides_type = False

    def __init__(self, aead: AEAD, key: bytes, fixed_iv: bytes) -> None:
        super().__init__(SEQUENCE_END)  # TLS 1.2 has no way to change keys
        self._aead = aead.new(key)
        self._fixed_iv = fixed_iv
        self._explicit_length = NONCE_LENGTH - len(fixed_iv)
        self._tag_length = aead.tag_length

    @staticmethod
    def fixed_iv_length(aead: AEAD) -> int:
        """Bytes of the nonce that come from the key block."""
        return NONCE_LENGTH if aead is CHACHA20_POLY1305 else _SALT_LENGTH

    def seal(self, content_type: int, data: bytes | memoryview, size_limit: int, padding: int) -> bytes:
        """`data` as one or more whole records; there is no padding here."""
        step = min(size_limit, limits.MAX_PLAINTEXT)
        overhead = self._explicit_length + self._tag_length
        records: list[bytes] = []
        for start in range(0, len(data), step):
            content = data[start : start + step]
            sequence = self._next_sequence()
            self._sequence += 1
            header = _header(content_type, len(content) + overhead).to_bytes(HEADER_LENGTH, "big")
            explicit = sequence.to_bytes(_EXPLICIT_LENGTH, "big")[: self._explicit_length]
            nonce = self._nonce(sequence, explicit)
            sealed = self._aead.encrypt(nonce, content, _additional_data(sequence, content_type, len(content)))
            records += header, explicit, sealed
        return b"".join(records)

    def open(self, header: bytes, body: memoryview, size_limit: int) -> tuple[int, bytes]:
        """Content type and content of one record."""
        sequence = self._next_sequence()
        length = len(body) - self._explicit_length - self._tag_length
        if length < 0:
            raise ProtocolError(Fault.BAD_RECORD_MAC)
        nonce = self._nonce(sequence, bytes(body[: self._explicit_length]))
        ciphertext = body[self._explicit_length :]
        try:
            content = self._aead.decrypt(nonce, ciphertext, _additional_data(sequence, header[0], length))
        except InvalidTag:
            raise ProtocolError(Fault.BAD_RECORD_MAC) from None
        self._sequence += 1
        check_content_length(length, limits.MAX_PLAINTEXT, size_limit)
        return header[0], content

    def open_application_data(self, inbound: bytes, position: int, size_limit: int) -> tuple[bytes, int]:
        """The joint content of records that have some, as TLS 1.3 does it."""
        plain_header = _header(_APPLICATION_DATA, self._explicit_length + self._tag_length)
        longest = min(size_limit, limits.MAX_PLAINTEXT)
        received = memoryview(inbound)
        output = BytesIO(bytes(len(inbound) - position))
        filled = 0
        with output.getbuffer() as room:
            while (sequence := self._sequence) < SEQUENCE_END:
                body = position + HEADER_LENGTH
                length = int.from_bytes(inbound[position:body], "big") - plain_header
                ciphertext = body + self._explicit_length
                end = ciphertext + length + self._tag_length
                if not 0 < length <= longest or end > len(inbound):
                    break
                nonce = self._nonce(sequence, inbound[body:ciphertext])
                additional_data = _additional_data(sequence, _APPLICATION_DATA, length)
                try:
                    self._aead.decrypt_into(
                        nonce, received[ciphertext:end], additional_data, room[filled : filled + length]
                    )
                except InvalidTag:
                    break
                self._sequence += 1
                filled, position = filled + length, end
        output.truncate(filled)
        return output.getvalue(), position

    def _nonce(self, sequence: int, explicit: bytes) -> bytes:
        if explicit:
            return self._fixed_iv + explicit
        return (int.from_bytes(self._fixed_iv, "big") ^ sequence).to_bytes(NONCE_LENGTH, "big")


def _header(content_type: int, length: int) -> int:
    """As one number."""
    return content_type << 32 | 0x0303 << 16 | length


def _additional_data(sequence: int, content_type: int, length: int) -> bytes:
    """Sequence number, then the header with the length of the content."""
    return (sequence << 40 | _header(content_type, length)).to_bytes(_ADDITIONAL_DATA_LENGTH, "big")


def protections(
    suite: Suite12,
    version: ProtocolVersion,
    key_block: Callable[[int], bytes],
    *,
    encrypt_then_mac: bool,
    random: Callable[[int], bytes],
) -> tuple[Protection, Protection]:
    """The client's and the server's protection.

    `key_block` gives that many bytes of it (RFC 5246, section 6.3), `random` those of the IVs of AES-CBC.
    """

    def protection(mac_key: bytes, key: bytes, iv: bytes) -> Protection:
        if suite.aead is not None:
            return Protection12Aead(suite.aead, key, iv)
        mac = cast(Hash, suite.mac)  # a suite has one or the other
        return ProtectionCbc(mac, version, mac_key, key, iv, encrypt_then_mac=encrypt_then_mac, random=random)

    mac_length = suite.mac.digest_size if suite.mac is not None else 0
    iv_length = BLOCK_LENGTH if suite.aead is None else Protection12Aead.fixed_iv_length(suite.aead)
    key_length = suite.key_length
    block = key_block(2 * (mac_length + key_length + iv_length))
    keys = 2 * mac_length
    ivs = keys + 2 * key_length
    return (
        protection(block[:mac_length], block[keys : keys + key_length], block[ivs : ivs + iv_length]),
        protection(block[mac_length:keys], block[keys + key_length : ivs], block[ivs + iv_length :]),
    )
