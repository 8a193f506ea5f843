"""Logins for Secure Remote Password (RFC 5054)."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from turtls.errors import ConfigError

if TYPE_CHECKING:
    from turtls.crypto.srp import SrpVerifier


@dataclass(frozen=True, slots=True)
class SrpLogin:
    """A client's name and password."""

    username: str
    password: str = field(repr=False)

    def __post_init__(self) -> None:
        if not 1 <= len(self.username.encode()) <= 255:
            raise ConfigError("An SRP user name has 1 to 255 bytes (RFC 5054, section 2.8.1).")


@dataclass(frozen=True, slots=True)
class SrpUsers:
    """A server's users: finds the verifier of a name, None if there is no such user."""

    look_up: Callable[[str], SrpVerifier | None | Awaitable[SrpVerifier | None]]
    seed: bytes = field(default_factory=lambda: os.urandom(32), repr=False)
    """Makes up the same salt for an unknown name each time. Servers that share their users must share it too."""
    bits: int = 2048
    """Of the group of the verifiers: who is not a user is answered with one of the same size."""

    def __post_init__(self) -> None:
        from turtls.crypto.srp import require_group

        require_group(self.bits)
