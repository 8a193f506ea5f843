"""The pseudorandom function of TLS 1.2 (RFC 5246, section 5) and of TLS 1.0 and 1.1."""

from __future__ import annotations

from typing import TypeAlias

from turtls.crypto.hashes import MD5, SHA1, HmacKey


class PHash(HmacKey):
    """P_hash of one secret, which is all of the PRF of TLS 1.2 (RFC 5246, section 5): HMAC under it, many times."""

    __slots__ = ()

    def expand(self, label: bytes, seed: bytes, length: int) -> bytes:
        """A(0) = label + seed, A(i) = HMAC(secret, A(i-1)); the output is HMAC(secret, A(i) + A(0)) for i = 1, 2..."""
        hmac = self.digest
        seed = label + seed
        a = hmac(seed)
        output = hmac(a + seed)
        while len(output) < length:
            a = hmac(a)
            output += hmac(a + seed)
        return output[:length]


class PrfMd5Sha1:
    """The PRF of TLS 1.0 and 1.1 (RFC 2246, section 5): MD5 over one half of the secret, SHA-1 over the other.

    The halves share the middle byte of a secret of odd length.
    """

    __slots__ = ("_md5", "_sha1")

    def __init__(self, secret: bytes) -> None:
        half = (len(secret) + 1) // 2
        self._md5 = PHash(MD5, secret[:half])
        self._sha1 = PHash(SHA1, secret[len(secret) - half :])

    def expand(self, label: bytes, seed: bytes, length: int) -> bytes:
        """P_MD5 XOR P_SHA-1."""
        md5, sha1 = self._md5.expand(label, seed, length), self._sha1.expand(label, seed, length)
        return (int.from_bytes(md5) ^ int.from_bytes(sha1)).to_bytes(length)


Prf: TypeAlias = PHash | PrfMd5Sha1
"""The pseudorandom function of one secret: `expand(label, seed, length)` gives as many bytes as wanted."""
