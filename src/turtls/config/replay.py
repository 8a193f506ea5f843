"""What stands against the replay of early data (RFC 8446, section 8)."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Awaitable
from typing import Final, Protocol

from turtls.errors import ConfigError

MAX_EARLY_DATA: Final = 2**20
"""Bytes of early data at the most: nobody has vouched for them when they come."""


class ReplayGuard(Protocol):
    """Remembers which tickets have brought early data, so that none does so twice (section 8.1)."""

    @property
    def zone(self) -> bytes:
        """The name of its memory, 1 to 32 bytes. A ticket brings early data only to the zone that it was issued in:
        servers that share their tickets share early data only where their guards share a memory, and its name.
        """
        ...

    def claim(self, ticket: bytes, until: float, now: float) -> bool | Awaitable[bool]:
        """Whether `ticket` (a digest of 32 bytes) is here for the first time. It may be forgotten after `until`.

        Where that cannot be told, False: then the early data is dropped, and the handshake goes on. Times are seconds
        since the epoch.
        """
        ...


class ReplayMemory:
    """A guard in the memory of this process: at most `capacity` tickets, each for some 20 seconds.

    When it is full, no early data is taken until some are forgotten. Its zone is random, so that tickets of another
    process, or of this one before it was restarted or forked, bring none. Threads may share it.
    """

    def __init__(self, capacity: int = 50_000) -> None:
        """Raises ConfigError unless there is room for at least 1 ticket."""
        if capacity < 1:
            raise ConfigError("A memory for replays has room for at least 1 ticket.")
        self._process, self._zone = os.getpid(), os.urandom(16)
        self._capacity = capacity
        self._claimed: OrderedDict[bytes, float] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def zone(self) -> bytes:
        """See ReplayGuard."""
        if self._process != os.getpid():  # a fork copies the memory: from here on neither knows what the other accepts
            self._process, self._zone = os.getpid(), os.urandom(16)
        return self._zone

    def claim(self, ticket: bytes, until: float, now: float) -> bool:
        """Whether `ticket` is here for the first time, and there is room to remember it."""
        with self._lock:
            self._forget(now)
            if ticket in self._claimed or len(self._claimed) >= self._capacity:
                return False
            self._claimed[ticket] = until
            return True

    def _forget(self, now: float) -> None:
        """Let go of the oldest that are over. Their times are in order, but for the small change of clients' clocks."""
        while self._claimed:
            ticket, until = next(iter(self._claimed.items()))
            if now <= until:
                return
            del self._claimed[ticket]
