"""What each cipher suite means."""

from __future__ import annotations

from typing import Final

from turtls.crypto.aead import (
    AEAD,
    AES_128_CCM,
    AES_128_CCM_8,
    AES_128_GCM,
    AES_256_GCM,
    CHACHA20_POLY1305,
)
from turtls.crypto.hashes import SHA256, SHA384, Hash
from turtls.wire.registries import CipherSuite


class Suite13:
    """A TLS 1.3 cipher suite: the AEAD that protects records, and the hash of HKDF and of the transcript."""

    __slots__ = ("aead", "hash", "suite")

    def __init__(self, suite: CipherSuite, aead: AEAD, hash: Hash) -> None:
        self.suite: Final = suite
        self.aead: Final = aead
        self.hash: Final = hash


SUITES13: Final[dict[CipherSuite, Suite13]] = {
    suite.suite: suite
    for suite in (
        Suite13(CipherSuite.TLS_AES_128_GCM_SHA256, AES_128_GCM, SHA256),
        Suite13(CipherSuite.TLS_AES_256_GCM_SHA384, AES_256_GCM, SHA384),
        Suite13(CipherSuite.TLS_CHACHA20_POLY1305_SHA256, CHACHA20_POLY1305, SHA256),
        Suite13(CipherSuite.TLS_AES_128_CCM_SHA256, AES_128_CCM, SHA256),
        Suite13(CipherSuite.TLS_AES_128_CCM_8_SHA256, AES_128_CCM_8, SHA256),
    )
}
"""RFC 8446, appendix B.4."""
