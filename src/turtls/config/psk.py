"""Pre-shared keys that come from outside of TLS."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from turtls.errors import ConfigError


@dataclass(frozen=True, slots=True)
class PreSharedKey:
    """A key that both sides have, and the name that the client calls it by."""

    identity: bytes
    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not 1 <= len(self.identity) <= 2**16 - 1:
            raise ConfigError("A PSK identity has 1 to 65535 bytes.")
        if len(self.key) < 16:
            raise ConfigError("A PSK has at least 16 bytes: a shorter one can be guessed (RFC 9257, section 6).")


ChoosePsk = Callable[[bytes], PreSharedKey]
"""A client's choice, from the identity hint of the server; the hint may be empty."""

LookUpPsk = Callable[[bytes], bytes | None | Awaitable[bytes | None]]
"""A server's key for an identity, None if it has none. The identity is untrusted."""
