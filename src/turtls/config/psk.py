"""Pre-shared keys that come from outside of TLS (RFC 8446, section 2.2; RFC 9257; RFC 4279)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from turtls.crypto.hashes import SHA256, SHA384, Hash
from turtls.errors import ConfigError

_LONGEST_IDENTITY = 2**16 - 1
_IMPORTED_OVERHEAD = 8
"""Bytes that an ImportedIdentity has beside the identity and the context (RFC 9258, section 4.1)."""


@dataclass(frozen=True, slots=True)
class PreSharedKey:
    """A key that a client and a server have, and the name that the client calls it by.

    `key` is at least 16 bytes of high entropy, never a password (RFC 9257, section 6). Two parties share it and no
    third, each always in the same role: who shares it can pretend to be the other, and a party that is client and
    server under one key can be made to talk to itself (section 4). Raises ConfigError.
    """

    identity: bytes
    """1 to 65535 bytes. Everybody on the path can read it."""
    key: bytes = field(repr=False)
    hash: Hash = SHA256
    """SHA256 or SHA384. In TLS 1.3 a key that is not imported goes with cipher suites of this hash (section 4.2.11)."""
    import_context: bytes | None = None
    """If it is not None, the key is imported (RFC 9258): what is used is derived from it for each hash and version, and
    bound to this context, such as the names and the roles of the two. It is then for TLS 1.3 alone."""

    def __post_init__(self) -> None:
        imported = _IMPORTED_OVERHEAD + len(self.import_context) if self.import_context is not None else 0
        if not 1 <= len(self.identity) <= _LONGEST_IDENTITY - imported:
            raise ConfigError("A PSK identity has 1 to 65535 bytes, those of its context and 8 more included.")
        if len(self.key) < 16:
            raise ConfigError("A PSK has at least 16 bytes: a shorter one can be guessed (RFC 9257, section 6).")
        if self.hash not in (SHA256, SHA384):
            raise ConfigError("The hash of a PSK is that of a cipher suite: SHA256 or SHA384.")


LookUpPsk = Callable[[bytes], PreSharedKey | None | Awaitable[PreSharedKey | None]]
"""A server's key for an identity, None if it has none. The identity is untrusted."""
