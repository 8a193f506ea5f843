"""The cipher suites of TLS 1.2 and earlier.

Their names say what they are, so the table is read from the names: key exchange, WITH, cipher, hash. What is never
negotiated has no code point here: 3DES, RC4, export, anonymous and NULL suites.
"""

from __future__ import annotations

from enum import Enum
from functools import cache
from struct import Struct
from typing import Final

from turtls.crypto.aead import (
    AEAD,
    AES_128_CCM,
    AES_128_CCM_8,
    AES_128_GCM,
    AES_256_CCM,
    AES_256_CCM_8,
    AES_256_GCM,
    CHACHA20_POLY1305,
    NONCE_LENGTH,
)
from turtls.crypto.hashes import SHA1, SHA256, SHA384, Hash
from turtls.wire.registries import CipherSuite, ProtocolVersion

BLOCK_LENGTH: Final = 16
"""Bytes of a block of AES, and so of the IV of AES-CBC."""


class KeyExchange(Enum):
    """How the premaster secret is agreed on, by the name in the suite's."""

    ECDHE = "ECDHE"
    DHE = "DHE"
    RSA = "RSA"
    PSK = "PSK"
    DHE_PSK = "DHE_PSK"
    ECDHE_PSK = "ECDHE_PSK"
    RSA_PSK = "RSA_PSK"
    SRP = "SRP_SHA"
    SRP_RSA = "SRP_SHA_RSA"

    def __init__(self, name: str) -> None:
        self.is_elliptic = "ECDHE" in name
        """Whether it agrees on a point of a curve."""
        self.by_psk = "PSK" in name
        """Whether a pre-shared key goes into it."""
        self.by_password = "SRP" in name
        """Whether a user logs in with it."""
        self.is_signed = name in ("ECDHE", "DHE", "SRP_SHA_RSA")
        """Whether the server's certificate signs the ServerKeyExchange."""
        self.needs_params = name not in ("RSA", "PSK", "RSA_PSK")
        """Whether the server must send a ServerKeyExchange. With PSK alone, or with RSA, it only may, for a hint."""
        self.is_forward_secret = self.needs_params
        """Whether a key that is stolen later does not open what was said before."""


class Authentication(Enum):
    """What shows who the server is."""

    RSA = "RSA"
    ECDSA = "ECDSA"
    """Any elliptic curve key, Edwards curves too (RFC 8422, section 5.5)."""
    PSK = "PSK or SRP"

    def __init__(self, name: str) -> None:
        self.by_certificate = name != "PSK or SRP"
        """Whether the server sends a Certificate."""


class Suite12:
    """A cipher suite of TLS 1.2 or earlier."""

    __slots__ = (
        "aead",
        "authentication",
        "hash",
        "is_cbc",
        "key_block",
        "key_exchange",
        "key_length",
        "mac",
        "min_version",
        "suite",
    )

    def __init__(
        self,
        suite: CipherSuite,
        key_exchange: KeyExchange,
        authentication: Authentication,
        *,
        hash: Hash,
        min_version: ProtocolVersion,
        key_length: int,
        aead: AEAD | None,
        mac: Hash | None,
        key_block: Struct,
    ) -> None:
        self.suite: Final = suite
        self.key_exchange: Final = key_exchange
        self.authentication: Final = authentication
        self.hash: Final = hash
        """Of the PRF and of Finished in TLS 1.2 (RFC 5246, section 5)."""
        self.min_version: Final = min_version
        """The oldest version the suite may be used in."""
        self.key_length: Final = key_length
        """Of the cipher, in bytes."""
        self.aead: Final = aead
        """None for AES-CBC with `mac`."""
        self.mac: Final = mac
        """The hash of the HMAC beside AES-CBC; None for an AEAD."""
        self.is_cbc: Final = aead is None
        """Whether records are protected by AES-CBC and HMAC, and not by an AEAD."""
        self.key_block: Final = key_block
        """MAC keys, keys and IVs, of the client and of the server each (RFC 5246, section 6.3)."""


_AEADS: Final[dict[str, AEAD]] = {
    "AES_128_GCM": AES_128_GCM,
    "AES_256_GCM": AES_256_GCM,
    "AES_128_CCM": AES_128_CCM,
    "AES_256_CCM": AES_256_CCM,
    "AES_128_CCM_8": AES_128_CCM_8,
    "AES_256_CCM_8": AES_256_CCM_8,
    "CHACHA20_POLY1305": CHACHA20_POLY1305,
}
_HASHES: Final = {"SHA": SHA1, "SHA256": SHA256, "SHA384": SHA384}


def _read(suite: CipherSuite) -> Suite12:
    exchange, _, rest = suite.name.removeprefix("TLS_").partition("_WITH_")
    # The CCM suites of RFC 6655 and 7251 do not name their hash, which is SHA-256.
    cipher, _, hash_name = rest.rpartition("_") if rest.rpartition("_")[2] in _HASHES else (rest, "", "SHA256")
    key_exchange, authentication = _read_exchange(exchange)
    aead = _AEADS.get(cipher)
    mac = _HASHES[hash_name] if aead is None else None
    key_length = aead.key_length if aead is not None else int(cipher.split("_")[1]) // 8
    return Suite12(
        suite,
        key_exchange,
        authentication,
        hash=SHA384 if hash_name == "SHA384" else SHA256,
        # AEADs, and HMAC with SHA-2, came with TLS 1.2 (RFC 5246, section 1.2).
        min_version=ProtocolVersion.TLS_1_0 if mac is SHA1 else ProtocolVersion.TLS_1_2,
        key_length=key_length,
        aead=aead,
        mac=mac,
        key_block=_key_block(mac.digest_size if mac is not None else 0, key_length, _fixed_iv_length(aead)),
    )


def _fixed_iv_length(aead: AEAD | None) -> int:
    """Bytes of the nonce, or of the first IV, that come from the key block."""
    if aead is None:
        return BLOCK_LENGTH
    return NONCE_LENGTH if aead is CHACHA20_POLY1305 else 4  # RFC 7905, section 2; RFC 5288 and 6655, section 3


@cache
def _key_block(mac_key_length: int, key_length: int, fixed_iv_length: int) -> Struct:
    return Struct("".join(f"{length}s{length}s" for length in (mac_key_length, key_length, fixed_iv_length)))


@cache
def _read_exchange(name: str) -> tuple[KeyExchange, Authentication]:
    for authentication in (Authentication.RSA, Authentication.ECDSA):
        if name in (f"ECDHE_{authentication.value}", f"DHE_{authentication.value}"):
            return KeyExchange(name.partition("_")[0]), authentication
    exchange = KeyExchange("DHE_PSK" if name == "PSK_DHE" else name)  # RFC 6655, section 6, turns two names around
    by_rsa = exchange in (KeyExchange.RSA, KeyExchange.RSA_PSK, KeyExchange.SRP_RSA)
    return exchange, Authentication.RSA if by_rsa else Authentication.PSK


SUITES12: Final[dict[CipherSuite, Suite12]] = {
    suite: _read(suite) for suite in CipherSuite.members() if "_WITH_" in suite.name
}
