"""What is measured, in words that every contender understands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

Version = Literal["1.2", "1.3"]
KeyType = Literal["ecdsa", "rsa"]
Cipher = Literal["AES-128-GCM", "AES-256-GCM", "CHACHA20-POLY1305"]

Work = Callable[[int], float]
"""Does something so many times, and gives the CPU seconds that took on both ends together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """One handshake, from nothing to the last ticket read by the client. Chain and name are verified."""

    version: Version = "1.3"
    key: KeyType = "ecdsa"
    group: str = "X25519"
    cipher: Cipher = "AES-128-GCM"
    resumed: bool = False
    client_certificate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """One write of `size` bytes from client to server, read there, and one of the same size back."""

    size: int
    cipher: Cipher = "AES-128-GCM"
    version: Version = "1.3"


class Contender(Protocol):
    """A TLS stack with both its ends in this process. None stands for what it cannot do."""

    name: str
    version: str

    def handshake(self, case: Handshake) -> Work | None:
        """Handshakes one after another, the configuration shared by all."""
        ...

    def transfer(self, case: Transfer) -> Work | None:
        """Writes over one connection that stands already."""
        ...
