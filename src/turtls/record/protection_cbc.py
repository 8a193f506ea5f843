"""Record protection by AES-CBC and HMAC, TLS 1.0 to 1.2 (RFC 5246, section 6.2.3.2), for peers that know no better.

Three weaknesses of it shape the code. The MAC comes before encryption, so that padding is looked at before anything
is authenticated (Lucky 13): `_decrypt_then_authenticate` does the same work whatever the padding, and where both sides
know RFC 7366 the order is turned around. The IV of TLS 1.0 can be foreseen (BEAST): its application data go out as
one byte, and then the rest. And a peer must not learn which check failed (Vaudenay, POODLE): there is one fault.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator

from turtls.crypto.aead import Buffer
from turtls.crypto.cbc import AesCbc
from turtls.crypto.hashes import Hash
from turtls.crypto.suites12 import BLOCK_LENGTH
from turtls.errors import Fault, ProtocolError
from turtls.record import limits
from turtls.record.protection import SEQUENCE_END, Protection, check_content_length
from turtls.wire.registries import ContentType, ProtocolVersion

_PREFIX_LENGTH = 13
"""Sequence number, type, version and length: what the MAC covers in front of the content."""
_MAX_PADDING = 256
"""Bytes, with the one that says how many others there are."""
# Numbers of one width, so that arithmetic on them takes one time: the first byte is never zero.
_PADDINGS = [int.from_bytes(b"\x02" + bytes((last,)) * _MAX_PADDING, "big") for last in range(256)]
_MASKS = [int.from_bytes(b"\xff" + (b"\xff" * (last + 1)).rjust(_MAX_PADDING, b"\0"), "big") for last in range(256)]
_NO_DIFFERENCE = b"\x03" + bytes(_MAX_PADDING)


class ProtectionCbc(Protection):
    """One direction under one MAC key and one AES key.

    `iv` is used in TLS 1.0 alone, `random` after it: each record has its own IV then (RFC 4346, section 6.2.3.2).
    """

    __slots__ = ("_cipher", "_encrypt_then_mac", "_hash", "_hmac", "_last_block", "_random", "version_bytes")

    max_ciphertext = limits.MAX_CIPHERTEXT12
    hides_type = False

    def __init__(
        self,
        mac: Hash,
        version: ProtocolVersion,
        mac_key: bytes,
        key: bytes,
        iv: bytes,
        *,
        encrypt_then_mac: bool,
        random: Callable[[int], bytes],
    ) -> None:
        super().__init__(SEQUENCE_END)  # there is no way to change keys
        self.version_bytes = version.to_bytes(2, "big")
        self._hash = mac
        self._hmac = hmac.new(mac_key, digestmod=mac.name)
        self._cipher = AesCbc(key)
        self._encrypt_then_mac = encrypt_then_mac
        self._random = random
        self._last_block = iv if version == ProtocolVersion.TLS_1_0 else b""

    # Sealing.

    def seal(self, content_type: int, data: Buffer, size_limit: int, padding: int) -> bytes:
        """`data` as one or more whole records. Their padding only fills the cipher's blocks."""
        fragments = self._fragments(content_type, data, min(size_limit, limits.MAX_PLAINTEXT))
        return b"".join(self._seal_one(content_type, bytes(fragment)) for fragment in fragments)

    def _fragments(self, content_type: int, data: Buffer, step: int) -> Iterator[Buffer]:
        for start in range(0, len(data), step):
            fragment = data[start : start + step]
            if self._last_block and content_type == ContentType.application_data and len(fragment) > 1:
                yield fragment[:1]  # nobody who chose the rest could foresee the IV that this one leaves behind
                fragment = fragment[1:]
            yield fragment

    def _seal_one(self, content_type: int, content: bytes) -> bytes:
        start_of_header = bytes((content_type,)) + self.version_bytes
        prefix = self._next_sequence().to_bytes(8, "big") + start_of_header
        self._sequence += 1
        if self._encrypt_then_mac:  # RFC 7366, section 3
            body = self._encrypt(content)
            body += self._mac(prefix + _length(len(body)), body)
        else:
            body = self._encrypt(content + self._mac(prefix + _length(len(content)), content))
        return start_of_header + _length(len(body)) + body

    def _encrypt(self, plaintext: bytes) -> bytes:
        """With the IV in front, where the version sends it."""
        padding = BLOCK_LENGTH - 1 - len(plaintext) % BLOCK_LENGTH
        padded = plaintext + bytes((padding,)) * (padding + 1)
        if not self._last_block:
            iv = self._random(BLOCK_LENGTH)
            return iv + self._cipher.encrypt(iv, padded)
        ciphertext = self._cipher.encrypt(self._last_block, padded)
        self._last_block = ciphertext[-BLOCK_LENGTH:]
        return ciphertext

    # Opening.

    def open(self, header: bytes, body: bytes, size_limit: int) -> tuple[int, bytes]:
        """Content type and content of one record."""
        prefix = self._next_sequence().to_bytes(8, "big") + header[:3]
        if self._encrypt_then_mac:
            content = self._authenticate_then_decrypt(prefix, body)
        else:
            content = self._decrypt_then_authenticate(prefix, body)
        self._sequence += 1
        check_content_length(len(content), limits.MAX_PLAINTEXT, size_limit)
        return header[0], content

    def _authenticate_then_decrypt(self, prefix: bytes, body: bytes) -> bytes:
        """RFC 7366, section 3. What is decrypted comes from the peer, so its padding needs no care."""
        end = len(body) - self._hmac.digest_size
        self._check_form(end, least=BLOCK_LENGTH)
        encrypted = body[:end]
        if not hmac.compare_digest(self._mac(prefix + _length(end), encrypted), body[end:]):
            raise ProtocolError(Fault.BAD_RECORD_MAC)
        plaintext = self._decrypt(encrypted)
        padding, is_good = _read_padding(plaintext, len(plaintext) - 1)
        if not is_good:
            raise ProtocolError(Fault.BAD_RECORD_MAC)
        return plaintext[: len(plaintext) - 1 - padding]

    def _decrypt_then_authenticate(self, prefix: bytes, body: bytes) -> bytes:
        """The same work whatever the padding, and whether or not it is right (RFC 5246, section 6.2.3.2)."""
        mac_length = self._hmac.digest_size
        self._check_form(len(body), least=mac_length + 1)
        plaintext = self._decrypt(body)
        longest = len(plaintext) - mac_length - 1
        padding, is_good = _read_padding(plaintext, longest)
        length = longest - padding
        expected = self._mac_of_hidden_length(prefix, plaintext, length, longest)
        is_good &= hmac.compare_digest(expected, plaintext[length : length + mac_length])
        if not is_good:
            raise ProtocolError(Fault.BAD_RECORD_MAC)
        return plaintext[:length]

    def _check_form(self, length: int, *, least: int) -> None:
        """Of what everyone can see. `least` counts what was encrypted."""
        if length % BLOCK_LENGTH or length < least + (0 if self._last_block else BLOCK_LENGTH):
            raise ProtocolError(Fault.BAD_RECORD_MAC)

    def _decrypt(self, encrypted: bytes) -> bytes:
        if not self._last_block:
            return self._cipher.decrypt(encrypted[:BLOCK_LENGTH], encrypted[BLOCK_LENGTH:])
        iv, self._last_block = self._last_block, encrypted[-BLOCK_LENGTH:]
        return self._cipher.decrypt(iv, encrypted)

    # The MAC.

    def _mac(self, prefix: bytes, content: bytes) -> bytes:
        mac = self._hmac.copy()
        mac.update(prefix)
        mac.update(content)
        return mac.digest()

    def _mac_of_hidden_length(self, prefix: bytes, plaintext: bytes, length: int, longest: int) -> bytes:
        """The MAC of the first `length` bytes, in a time that only depends on `longest`.

        The hash function runs as often as for `longest`, and once more; and no call of it is given so much that
        hashlib would let go of the interpreter's lock for one length and not for another.
        """
        common = max(0, longest - _MAX_PADDING)
        mac = self._hmac.copy()
        mac.update(prefix + _length(length))
        mac.update(plaintext[:common])
        mac.update(plaintext[common:length])
        spared = self._compressions(longest) - self._compressions(length)
        self._hash.new(bytes((1 + spared) * self._hash.block_size))
        return mac.digest()

    def _compressions(self, length: int) -> int:
        """How often the hash function runs for the MAC of so many bytes of content, but for its keys."""
        block = self._hash.block_size
        return (_PREFIX_LENGTH + length + block // 8) // block + 1  # one bit and the length are added: FIPS 180-4, 5.1


def _length(length: int) -> bytes:
    return length.to_bytes(2, "big")


def _read_padding(plaintext: bytes, longest: int) -> tuple[int, bool]:
    """How many bytes of padding there are besides the last, and whether they are what they must be.

    A padding of more than `longest` is wrong, and given as 0. Takes one time for all of a length.
    """
    padding = plaintext[-1]
    tail = b"\x01" + plaintext[-_MAX_PADDING:].rjust(_MAX_PADDING, b"\0")
    difference = (int.from_bytes(tail, "big") ^ _PADDINGS[padding]) & _MASKS[padding]
    is_good = hmac.compare_digest(difference.to_bytes(len(tail), "big"), _NO_DIFFERENCE)
    fits = padding <= longest
    return padding * fits, is_good & fits
