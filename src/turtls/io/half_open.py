"""A server's handshakes under way: how many there may be, and which gives way."""

from __future__ import annotations

from collections.abc import Callable

from turtls.errors import ConfigError

GiveWay = Callable[[], None]
"""Ends a handshake, so that a newer one has its place."""


class HalfOpenHandshakes:
    """At most `limit` handshakes of one server. Where one more begins, the oldest gives way.

    An honest client is done after a round trip or two, so it is hardly ever the oldest, even in a flood of silent ones.
    Were new ones turned away instead, the silent ones would keep everybody out for as long as they may last.
    """

    def __init__(self, limit: int) -> None:
        """Raises ConfigError unless `limit` is at least 1."""
        if limit < 1:
            raise ConfigError("A server has room for at least 1 handshake.")
        self._limit = limit
        self._under_way: dict[GiveWay, None] = {}

    def begin(self, give_way: GiveWay) -> None:
        """One more handshake begins."""
        if len(self._under_way) >= self._limit:
            oldest = next(iter(self._under_way))
            self.end(oldest)
            oldest()
        self._under_way[give_way] = None

    def end(self, give_way: GiveWay) -> None:
        """It is over, however it went; nothing happens if that is known."""
        self._under_way.pop(give_way, None)
