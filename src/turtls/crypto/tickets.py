"""What a server keeps of a session: in the ticket itself (`TicketKeys`), or behind it (`TicketCache`).

Both satisfy `config.TicketStore`.
"""

from __future__ import annotations

import os
import struct
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Final

from cryptography.exceptions import InvalidTag

from turtls.crypto.aead import AES_256_GCM, NONCE_LENGTH, AEADKey
from turtls.crypto.hashes import SHA256
from turtls.errors import ConfigError

MAX_LIFETIME: Final = 7 * 24 * 3600
"""Seconds that a ticket lives at the most, and those made of it by resuming, too (RFC 8446, section 4.6.1)."""

_DAY: Final = 24 * 3600
_EPOCH = struct.Struct(">I")
_TIME = struct.Struct(">d")


class TicketKeys:
    """Stateless tickets: the state itself, sealed with AES-256-GCM under keys that change with time.

    `lifetime` is how long a ticket may be used, `rotate_every` how long one key seals, both in seconds. Once no
    living ticket can be under a key, it is forgotten.

    Each key is random, so tickets die with this object. With a `secret` (at least 32 random bytes) each key is
    derived from it: processes that share the secret resume each other's sessions, and keys are only as
    forgotten as the secret is.

    A ticket is: epoch (4 bytes), nonce (12), sealed time of issue (8) and state, tag (16).
    """

    single_use: Final = False

    def __init__(
        self,
        *,
        lifetime: int = _DAY,
        rotate_every: int = _DAY // 4,
        secret: bytes | None = None,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        _check_lifetime(lifetime)
        if rotate_every < 1:
            raise ConfigError("rotate_every is at least 1 second.")
        if secret is not None and len(secret) < 32:
            raise ConfigError("The secret of ticket keys needs at least 32 random bytes.")
        self.lifetime = lifetime
        self._rotate_every = rotate_every
        self._secret = secret
        self._random = random
        # Never changed, but replaced: threads may share this object.
        self._keys: Mapping[int, AEADKey] = {}

    def seal(self, state: bytes, now: float) -> bytes:
        """A ticket for `state`, issued at `now` (seconds since the epoch)."""
        epoch = int(now) // self._rotate_every
        key = self._keys.get(epoch) or self._add_key(epoch, now)
        header = _EPOCH.pack(epoch)
        nonce = self._random(NONCE_LENGTH)
        return header + nonce + key.encrypt(nonce, _TIME.pack(now) + state, header)

    def unseal(self, untrusted_ticket: bytes, now: float) -> bytes | None:
        """The state in a ticket; None if it was not sealed here, was changed, or is older than `lifetime`."""
        if len(untrusted_ticket) < _EPOCH.size + NONCE_LENGTH:
            return None
        header, rest = untrusted_ticket[: _EPOCH.size], untrusted_ticket[_EPOCH.size :]
        key = self._key_of(_EPOCH.unpack(header)[0], now)
        if key is None:
            return None
        try:
            opened = key.decrypt(rest[:NONCE_LENGTH], rest[NONCE_LENGTH:], header)
        except InvalidTag:
            return None
        (issued,) = _TIME.unpack_from(opened)
        return opened[_TIME.size :] if now < issued + self.lifetime else None

    def _key_of(self, untrusted_epoch: int, now: float) -> AEADKey | None:
        if not self._oldest_epoch(now) <= untrusted_epoch <= int(now) // self._rotate_every + 1:
            return None
        key = self._keys.get(untrusted_epoch)
        if key is None and self._secret is not None:
            return self._add_key(untrusted_epoch, now)  # another process that shares the secret sealed it
        return key

    def _add_key(self, epoch: int, now: float) -> AEADKey:
        """A new key, kept; those that no living ticket can be under are forgotten."""
        key = self._new_key(epoch)
        oldest = self._oldest_epoch(now)
        self._keys = {known: kept for known, kept in self._keys.items() if known >= oldest} | {epoch: key}
        return key

    def _new_key(self, epoch: int) -> AEADKey:
        if self._secret is None:
            return AES_256_GCM.new(self._random(AES_256_GCM.key_length))
        return AES_256_GCM.new(SHA256.hmac(self._secret, b"turtls ticket key" + _EPOCH.pack(epoch)))

    def _oldest_epoch(self, now: float) -> int:
        return (int(now) - self.lifetime) // self._rotate_every


class TicketCache:
    """Stateful tickets: the state stays here, at most `capacity` of them, the oldest dropped first.

    A ticket is a random name, and good for one use (RFC 8446, section 8.1). `lifetime` is in seconds.
    """

    single_use: Final = True
    _NAME_LENGTH: Final = 32

    def __init__(
        self, capacity: int = 10_000, *, lifetime: int = _DAY, random: Callable[[int], bytes] = os.urandom
    ) -> None:
        _check_lifetime(lifetime)
        if capacity < 1:
            raise ConfigError("A ticket cache has room for at least 1 session.")
        self.lifetime = lifetime
        self._capacity = capacity
        self._random = random
        self._issued: OrderedDict[bytes, tuple[float, bytes]] = OrderedDict()

    def seal(self, state: bytes, now: float) -> bytes:
        """A ticket for `state`, issued at `now` (seconds since the epoch)."""
        ticket = self._random(self._NAME_LENGTH)
        self.put(ticket, state, now)
        return ticket

    def put(self, name: bytes, state: bytes, now: float) -> None:
        """Keep `state` under a name that was chosen before: TLS 1.2's session ids are."""
        self._issued[name] = (now, state)
        if len(self._issued) > self._capacity:
            self._issued.popitem(last=False)

    def unseal(self, untrusted_ticket: bytes, now: float) -> bytes | None:
        """The state behind a ticket, which is then forgotten; None if it is unknown, used, or too old."""
        entry = self._issued.pop(untrusted_ticket, None)
        if entry is None:
            return None
        issued, state = entry
        return state if now < issued + self.lifetime else None


def _check_lifetime(lifetime: int) -> None:
    if not 1 <= lifetime <= MAX_LIFETIME:
        raise ConfigError(f"Tickets live between 1 second and 7 days, not {lifetime} seconds.")
