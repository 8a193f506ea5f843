"""The pseudorandom function of TLS 1.2 (RFC 5246, section 5) and of TLS 1.0 and 1.1, and what is made with it."""

from __future__ import annotations

from typing import Final, TypeAlias

from turtls.crypto.hashes import MD5, SHA1, HmacKey

MASTER_SECRET_LENGTH: Final = 48
VERIFY_DATA_LENGTH: Final = 12


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


def master_secret(prf: Prf, client_random: bytes, server_random: bytes) -> bytes:
    """RFC 5246, section 8.1: 48 bytes, from the premaster secret's PRF."""
    return prf.expand(b"master secret", client_random + server_random, MASTER_SECRET_LENGTH)


def extended_master_secret(prf: Prf, session_hash: bytes) -> bytes:
    """RFC 7627, section 4: 48 bytes, bound to the whole handshake up to ClientKeyExchange."""
    return prf.expand(b"extended master secret", session_hash, MASTER_SECRET_LENGTH)


def key_block(prf: Prf, client_random: bytes, server_random: bytes, length: int) -> bytes:
    """RFC 5246, section 6.3: `length` bytes from the master secret's PRF, to be cut into MAC keys, keys and IVs."""
    return prf.expand(b"key expansion", server_random + client_random, length)


def verify_data(prf: Prf, *, client: bool, handshake_hash: bytes) -> bytes:
    """The content of the client's or the server's Finished (RFC 5246, section 7.4.9): 12 bytes."""
    return prf.expand(b"client finished" if client else b"server finished", handshake_hash, VERIFY_DATA_LENGTH)


def exporter(
    prf: Prf, client_random: bytes, server_random: bytes, label: bytes, context: bytes | None, length: int
) -> bytes:
    """Keying material for an application (RFC 5705, section 4). No context is not the same as an empty one."""
    seed = client_random + server_random
    if context is not None:
        seed += len(context).to_bytes(2) + context
    return prf.expand(label, seed, length)
