"""Authenticated encryption (RFC 5116), as records use it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305

Buffer = bytes | bytearray | memoryview

NONCE_LENGTH: Final = 12
"""Bytes; every AEAD here takes nonces of this length."""


class AEADKey(Protocol):
    """One key. Opening what was not sealed under it raises cryptography's InvalidTag.

    The `_into` forms write to `buf`, which must have exactly the length of the result, and return that length.
    """

    def encrypt(self, nonce: Buffer, data: Buffer, associated_data: Buffer | None) -> bytes:
        """Ciphertext and tag."""
        ...

    def decrypt(self, nonce: Buffer, data: Buffer, associated_data: Buffer | None) -> bytes:
        """Plaintext."""
        ...

    def encrypt_into(self, nonce: Buffer, data: Buffer, associated_data: Buffer | None, buf: Buffer) -> int:
        """Ciphertext and tag, into `buf`."""
        ...

    def decrypt_into(self, nonce: Buffer, data: Buffer, associated_data: Buffer | None, buf: Buffer) -> int:
        """Plaintext, into `buf`."""
        ...


class AEAD:
    """An algorithm: `key_length` and `tag_length` in bytes, and `new(key) -> AEADKey`.

    `limit_records` is the number of records one key may protect (RFC 8446, section 5.5).
    """

    __slots__ = ("key_length", "limit_records", "name", "new", "tag_length")

    def __init__(
        self,
        name: str,
        new: Callable[[bytes], AEADKey],
        *,
        key_length: int,
        limit_records: int,
        tag_length: int = 16,
    ) -> None:
        self.name = name
        self.new = new
        self.key_length = key_length
        self.tag_length = tag_length
        self.limit_records = limit_records

    def __repr__(self) -> str:
        return f"AEAD({self.name!r})"


# RFC 8446, section 5.5: 2^24.5 full-size records keep the odds of telling AES-GCM from random below 2^-57.
_GCM_LIMIT: Final = int(2**24.5)
# RFC 8446 names no limit for CCM; RFC 9147, section 4.5.3, and RFC 9001, section 6.6, do.
_CCM_LIMIT: Final = 2**23
# The 64-bit sequence number ends before ChaCha20-Poly1305 wears out.
_SEQUENCE_LIMIT: Final = 2**64 - 1

AES_128_GCM: Final = AEAD("AES-128-GCM", AESGCM, key_length=16, limit_records=_GCM_LIMIT)
AES_256_GCM: Final = AEAD("AES-256-GCM", AESGCM, key_length=32, limit_records=_GCM_LIMIT)
CHACHA20_POLY1305: Final = AEAD("ChaCha20-Poly1305", ChaCha20Poly1305, key_length=32, limit_records=_SEQUENCE_LIMIT)
AES_128_CCM: Final = AEAD("AES-128-CCM", AESCCM, key_length=16, limit_records=_CCM_LIMIT)
AES_256_CCM: Final = AEAD("AES-256-CCM", AESCCM, key_length=32, limit_records=_CCM_LIMIT)
AES_128_CCM_8: Final = AEAD(
    "AES-128-CCM-8", partial(AESCCM, tag_length=8), key_length=16, tag_length=8, limit_records=_CCM_LIMIT
)
AES_256_CCM_8: Final = AEAD(
    "AES-256-CCM-8", partial(AESCCM, tag_length=8), key_length=32, tag_length=8, limit_records=_CCM_LIMIT
)

AEADS: Final[dict[str, AEAD]] = {
    aead.name: aead
    for aead in (
        AES_128_GCM,
        AES_256_GCM,
        CHACHA20_POLY1305,
        AES_128_CCM,
        AES_256_CCM,
        AES_128_CCM_8,
        AES_256_CCM_8,
    )
}
