"""AES in CBC mode, for what is left of it in TLS 1.2 and earlier. By itself it protects nothing: there is no MAC."""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC


class AesCbc:
    """AES-CBC under one key of 16 or 32 bytes. Data come in whole blocks; there is no padding."""

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        self._cipher = AES(key)

    def encrypt(self, iv: bytes, data: bytes) -> bytes:
        """The ciphertext, as long as `data`."""
        encryptor = Cipher(self._cipher, CBC(iv)).encryptor()
        return encryptor.update(data) + encryptor.finalize()

    def decrypt(self, iv: bytes, data: bytes | memoryview) -> bytes:
        """The plaintext, as long as `data`."""
        decryptor = Cipher(self._cipher, CBC(iv)).decryptor()
        return decryptor.update(data) + decryptor.finalize()
