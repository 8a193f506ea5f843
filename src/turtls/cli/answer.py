"""What a GET gives, whichever HTTP is spoken: `turtls.cli.http1` and `turtls.cli.http2` ask."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import turtls

CHUNK: Final = 64 * 1024
"""Bytes that are read at once, at the most."""
HEADERS: Final = [("Accept", "*/*"), ("User-Agent", f"turtls/{turtls.__version__}")]
"""What each request says beside what it is for."""


class FetchError(OSError):
    """The peer's answer is not one, or it broke off."""

    def __init__(self, reason: object) -> None:
        super().__init__(f"The server's answer is not HTTP, or it broke off: {reason}.")


class Answer(NamedTuple):
    """An answer whose body is still to be read."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: Iterator[bytes]
    """Raises FetchError, TLSError."""
