"""The pseudorandom function of TLS 1.2 (RFC 5246, section 5) and of TLS 1.0 and 1.1, and what is made with it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias

from turtls.crypto.hashes import MD5, SHA1, SHA256, SHA384, HmacKey

Prf: TypeAlias = Callable[[bytes, bytes, int], bytes]
"""PRF of one secret: takes label, seed and the number of bytes wanted."""

MASTER_SECRET_LENGTH: Final = 48
VERIFY_DATA_LENGTH: Final = 12


def _p_hash(key: HmacKey, label: bytes, seed: bytes, length: int) -> bytes:
    """P_hash: A(0) = seed, A(i) = HMAC(secret, A(i-1)); the output is HMAC(secret, A(i) + seed) for i = 1, 2, ..."""
    seed = label + seed
    a = key.digest(seed)
    output = key.digest(a + seed)
    while len(output) < length:
        a = key.digest(a)
        output += key.digest(a + seed)
    return output[:length]


def prf_sha256(secret: bytes) -> Prf:
    """The PRF of TLS 1.2, for every suite that does not name another hash."""
    return partial(_p_hash, HmacKey(SHA256, secret))


def prf_sha384(secret: bytes) -> Prf:
    """The PRF of TLS 1.2 suites that end in SHA384."""
    return partial(_p_hash, HmacKey(SHA384, secret))


def prf_md5_sha1(secret: bytes) -> Prf:
    """The PRF of TLS 1.0 and 1.1 (RFC 2246, section 5): MD5 over one half of the secret, SHA-1 over the other.

    The halves share the middle byte of a secret of odd length.
    """
    half = (len(secret) + 1) // 2
    left, right = HmacKey(MD5, secret[:half]), HmacKey(SHA1, secret[len(secret) - half :])

    def prf(label: bytes, seed: bytes, length: int) -> bytes:
        outputs = [int.from_bytes(_p_hash(key, label, seed, length)) for key in (left, right)]
        return (outputs[0] ^ outputs[1]).to_bytes(length)

    return prf


def master_secret(prf: Prf, client_random: bytes, server_random: bytes) -> bytes:
    """RFC 5246, section 8.1: 48 bytes, from the premaster secret's PRF."""
    return prf(b"master secret", client_random + server_random, MASTER_SECRET_LENGTH)


def extended_master_secret(prf: Prf, session_hash: bytes) -> bytes:
    """RFC 7627, section 4: 48 bytes, bound to the whole handshake up to ClientKeyExchange."""
    return prf(b"extended master secret", session_hash, MASTER_SECRET_LENGTH)


def key_block(prf: Prf, client_random: bytes, server_random: bytes, length: int) -> bytes:
    """RFC 5246, section 6.3: `length` bytes from the master secret's PRF, to be cut into MAC keys, keys and IVs."""
    return prf(b"key expansion", server_random + client_random, length)


def verify_data(prf: Prf, *, client: bool, handshake_hash: bytes) -> bytes:
    """The content of the client's or the server's Finished (RFC 5246, section 7.4.9): 12 bytes."""
    return prf(b"client finished" if client else b"server finished", handshake_hash, VERIFY_DATA_LENGTH)


def exporter(
    prf: Prf, client_random: bytes, server_random: bytes, label: bytes, context: bytes | None, length: int
) -> bytes:
    """Keying material for an application (RFC 5705, section 4). No context is not the same as an empty one."""
    seed = client_random + server_random
    if context is not None:
        seed += len(context).to_bytes(2) + context
    return prf(label, seed, length)
